"""One key being spoken: what is finished of it, for any number of readers at their own pace."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Iterator

from worker.cache import Publication
from worker.chunks import Chunk
from worker.engines import Take
from worker.errors import SpeechError
from worker.speech.encoding import PlannedSegment, SpeechEncoder

__all__ = ["LiveSpeech", "follow"]


class LiveSpeech:
    """An append-only list of parts, written by the threads, read by the event loop.

    Writers never wait for readers. `publish` is called once, when all is encoded.
    """

    def __init__(
        self,
        lines: Iterator[PlannedSegment],
        recorder: SpeechEncoder,
        publish: Callable[["LiveSpeech"], Publication],
        clock: Callable[[], float],
    ) -> None:
        self.lines = lines
        self.recorder = recorder
        self.warnings: list[str] = []
        self.published: Publication | None = None  # once all is encoded
        self.admitted_at: float | None = None
        self.first_part_at: float | None = None
        self.readers = 0
        self._publish = publish
        self._clock = clock
        self._parts: list[Chunk] = []
        self._error: SpeechError | None = None
        self._ended = False
        self._lock = threading.RLock()  # publishing reads the parts
        self._listeners: dict[int, Callable[[], None]] = {}

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: spoken whole, failed or stopped."""
        return self._ended

    @property
    def failed(self) -> bool:
        """Whether it ended with an error."""
        return self._error is not None

    @property
    def parts(self) -> list[Chunk]:
        """What is finished so far."""
        with self._lock:
            return list(self._parts)

    @property
    def duration_ms(self) -> int:
        """The speech finished so far, pauses included."""
        return self.recorder.duration_ms

    def dry_at(self) -> float:
        """Return when a listener of all delivered audio runs dry; -inf before the first part."""
        if self.first_part_at is None:
            return float("-inf")
        return self.first_part_at + self.duration_ms / 1000

    def take(self, line: PlannedSegment, block: Take) -> None:
        """Encode one line's block; called in the lines' order, by one thread at a time."""
        if self._ended:
            return
        try:
            part = self.recorder.add(line, block)
        except SpeechError as error:
            self.fail(error)
            return
        self.warnings += block.warnings
        if self.first_part_at is None:
            self.first_part_at = self._clock()
        with self._lock:
            if self._ended:  # closed meanwhile
                return
            self._parts.append(part)
            if part.last:
                self.published = self._publish(self)
                self._ended = True
        self._wake()

    def fail(self, error: SpeechError) -> None:
        """End the speech with an error; the readers get it after the parts."""
        with self._lock:
            if self._ended:
                return
            self._error = error
            self._ended = True
        self._wake()

    def close(self) -> None:
        """End a speech that nobody reads any more and free what it holds; nothing more of it is published.

        The frames of a stopped job live on until Python collects its cycles, which may be many jobs later.
        """
        with self._lock:
            self._ended = True
            self._parts = []
        self.recorder.free()

    def read(self, since: int) -> tuple[list[Chunk], bool]:
        """Return the parts from `since` on, and whether they are the last.

        Raises:
            SpeechError: The speech failed.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            return self._parts[since:], self._ended

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake`, from any thread, after each change; return what ends that."""
        with self._lock:
            key = id(wake)
            self._listeners[key] = wake
        return lambda: (self._listeners.pop(key, None), None)[1]

    def _wake(self) -> None:
        with self._lock:
            listeners = list(self._listeners.values())
        for wake in listeners:
            wake()


async def follow(speech: LiveSpeech) -> AsyncGenerator[Chunk, None]:
    """Yield a speech's parts from the beginning, each as soon as it is finished.

    Raises:
        SpeechError: The speech failed.
    """
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop may have closed
            loop.call_soon_threadsafe(changed.set)

    unlisten = speech.listen(wake)
    try:
        seen = 0
        while True:
            changed.clear()
            parts, ended = speech.read(seen)
            for part in parts:
                yield part
            seen += len(parts)
            if ended:
                return
            if not parts:
                await changed.wait()
    finally:
        unlisten()
