"""A speech while it is made: its finished chunks, for any number of readers at their own pace."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from worker.cache import Publication, SpeechFile
from worker.chunks import Chunk
from worker.engines import Take
from worker.errors import SpeechError
from worker.speech.encoding import Planned, PlannedSegment, SpeechEncoder, SpeechEnd

__all__ = ["FinishedSpeech", "LiveSpeech", "SpeechReader"]


@dataclass(frozen=True, slots=True)
class FinishedSpeech:
    """A speech whose last chunk is made: its file, and its way into the cache; None if it is not kept."""

    file: SpeechFile
    publication: Publication | None


class LiveSpeech:
    """An append-only list of chunks, written by the encoding threads and read on the event loop.

    Writers never wait for readers.

    Args:
        planned: What to speak, in order.
        encoder: Makes the chunks.
        finish: Called once, after the last chunk: puts the speech into the cache if it is to be kept.
        clock: A monotonic clock, in seconds.
        length: Returns the characters of the text, as far as it is known.
    """

    def __init__(
        self,
        planned: Iterator[Planned],
        encoder: SpeechEncoder,
        finish: Callable[["LiveSpeech"], FinishedSpeech],
        clock: Callable[[], float],
        length: Callable[[], int] = lambda: 0,
    ) -> None:
        self.planned = planned
        self.length = length
        self.has_new_text: Callable[[], bool] = lambda: False  # whether text has come that is not planned
        self.most_unread: int | None = None  # bytes that are made before anybody reads them; None: all
        self.on_read: Callable[[], None] = lambda: None
        self.encoder = encoder
        self.warnings: list[str] = []
        self.finished: FinishedSpeech | None = None  # once all is encoded
        self.admitted_at: float | None = None
        self.first_chunk_at: float | None = None
        self.readers = 0
        self._finish = finish
        self._clock = clock
        self._chunks: list[Chunk] = []
        self._error: SpeechError | None = None
        self._ended = False
        self._lock = threading.RLock()  # reentrant: `finish` reads the chunks
        self._listeners: dict[int, Callable[[], None]] = {}
        self._read = 0  # bytes, by the reader that has read most

    @property
    def ended(self) -> bool:
        """Whether no more chunks will come: the speech is whole, has failed or was closed."""
        return self._ended

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self._error is not None

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks finished so far."""
        with self._lock:
            return list(self._chunks)

    @property
    def duration_ms(self) -> int:
        """The duration of what is finished so far, in milliseconds, pauses included."""
        return self.encoder.duration_ms

    @property
    def is_held_back(self) -> bool:
        """Whether so much of it is made and not read that the rest has to wait."""
        return self.most_unread is not None and self.encoder.size - self._read > self.most_unread

    def dry_at(self) -> float:
        """Return when a listener who began at the first chunk runs out of audio; -inf before that chunk."""
        if self.first_chunk_at is None:
            return float("-inf")
        return self.first_chunk_at + self.duration_ms / 1000

    def encode(self, planned: PlannedSegment | SpeechEnd, take: Take | None) -> None:
        """Append the chunk of a segment's take; call it in the segments' order, on one thread at a time."""
        if self._ended:
            return
        try:
            chunk = self._encoded(planned, take)
        except SpeechError as error:
            self.fail(error)
            return
        self.warnings += take.warnings if take else ()
        if self.first_chunk_at is None:
            self.first_chunk_at = self._clock()
        with self._lock:
            if self._ended:  # closed while it was encoded
                return
            self._chunks.append(chunk)
            if chunk.last:
                self.finished = self._finish(self)
                self._ended = True
        self._wake()

    def _encoded(self, planned: PlannedSegment | SpeechEnd, take: Take | None) -> Chunk:
        if isinstance(planned, SpeechEnd) or take is None:
            assert isinstance(planned, SpeechEnd)  # noqa: S101 - for the type checker
            return self.encoder.end(planned)
        return self.encoder.add(planned, take)

    def fail(self, error: SpeechError) -> None:
        """End the speech with an error, which its readers get instead of further chunks."""
        with self._lock:
            if self._ended:
                return
            self._error = error
            self._ended = True
        self._wake()

    def close(self) -> None:
        """End a speech that has no reader left, free what it holds and publish nothing more of it.

        Python may collect the objects of a stopped job only many jobs later, so memory is freed here.
        """
        with self._lock:
            self._ended = True
            self._chunks = []
        self.encoder.free()
        self._wake()

    def read(self, since: int) -> tuple[list[Chunk], bool]:
        """Return the chunks from `since` on, and whether they are the last.

        Raises:
            SpeechError: The speech failed.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            chunks, ended = self._chunks[since:], self._ended
        if chunks and self.most_unread is not None:
            self._read = max(self._read, chunks[-1].start_byte + len(chunks[-1].audio))
            self.on_read()
        return chunks, ended

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each change, on the thread that made it; return a function that ends this."""
        with self._lock:
            key = id(wake)
            self._listeners[key] = wake
        return lambda: (self._listeners.pop(key, None), None)[1]

    def _wake(self) -> None:
        with self._lock:
            listeners = list(self._listeners.values())
        for wake in listeners:
            wake()


class SpeechReader:
    """One job's place in a speech, from its beginning on; for the event loop, in a `with` block."""

    def __init__(self, speech: LiveSpeech) -> None:
        self._speech = speech
        self._seen = 0  # chunks
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._unlisten = speech.listen(self._wake)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._unlisten()

    async def chunks(self) -> list[Chunk]:
        """Return the chunks that are new, as soon as there are any; none at the speech's end.

        Raises:
            SpeechError: The speech failed.
        """
        while True:
            self._changed.clear()
            chunks, ended = self._speech.read(self._seen)
            self._seen += len(chunks)
            if chunks or ended:
                return chunks
            await self._changed.wait()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have closed
            self._loop.call_soon_threadsafe(self._changed.set)
