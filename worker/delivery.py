"""How a job gets its speech: records, then what the last one reports. Stored speech, or speech being made."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from worker.cache import StoredSpeech
from worker.chunks import layout
from worker.errors import EngineFailedError
from worker.records import RecordWriter
from worker.request import SpeechRequest
from worker.speech import FinishedSpeech, LiveSpeech, SpeechReader

__all__ = ["Delivery", "Form", "LiveDelivery", "Outcome", "StoredDelivery", "record_writer"]

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """How a job wants its records: chunk by chunk, or whole at the end; and with a file's tags or without."""

    whole: bool
    tagged: bool  # only a whole MP3: in PCM tags would sound as noise
    binary: bool = False  # its audio as bytes, for whoever reads them in this process


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the last record reports of the speech; the job's own times are in its context."""

    size_bytes: int
    duration_ms: int
    segments: int
    cache_hit: bool = False
    admitted_at: float | None = None
    warnings: tuple[str, ...] = ()


def record_writer(request: SpeechRequest, *, binary: bool) -> RecordWriter:
    """Return the writer of the records of a new attempt at a request."""
    return RecordWriter(
        uuid.uuid4().hex[:8],
        layout(request.format_name, request.bit_rate),
        [turn.text for turn in request.spoken],
        None if request.turns is None else [turn.voice for turn in request.turns],
        request.offset,
        binary,
    )


class Delivery(Protocol):
    """The records of one job's speech: read `records` to its end, then call `last`."""

    def records(self) -> AsyncGenerator[Record, None]:
        """Yield the records before the last, each as soon as its audio is there.

        Raises:
            SpeechError: The speech could not be made.
        """

    async def last(self) -> tuple[Record, Outcome]:
        """Return the last record and what is to be reported with it."""


class StoredDelivery:
    """The records of stored speech, byte for byte as it was first spoken."""

    def __init__(self, writer: RecordWriter, form: Form, stored: StoredSpeech, file: bytes) -> None:
        self._audio = file if form.tagged else stored.audio
        self._stored = stored
        if form.whole:
            records = writer.of_file(self._audio, stored.captions, stored.duration_ms)
        else:
            records = writer.of_stored(self._audio, stored.captions)
        *self._before, self._last = records

    async def records(self) -> AsyncGenerator[Record, None]:
        """Yield the records before the last."""
        for record in self._before:
            yield record

    async def last(self) -> tuple[Record, Outcome]:
        """Return the last record and the stored speech's figures."""
        stored = self._stored
        return self._last, Outcome(len(self._audio), stored.duration_ms, len(stored.captions), cache_hit=True)


class LiveDelivery:
    """The records of speech that is being made, for this job or for another with the same key."""

    def __init__(self, writer: RecordWriter, form: Form, speech: LiveSpeech) -> None:
        self._writer = writer
        self._form = form
        self._speech = speech
        self._last: Record = {}
        self._size: int | None = None  # of a file with its tags

    async def records(self) -> AsyncGenerator[Record, None]:
        """Yield the records of each chunk when it is made; none of a job that wants the whole."""
        with SpeechReader(self._speech) as reader:
            while chunks := await reader.chunks():
                for chunk in chunks if not self._form.whole else ():
                    *before, last = self._writer.of_chunk(chunk)
                    for record in before:
                        yield record
                    if chunk.last:
                        self._last = last
                    else:
                        yield last
        if self._form.whole:
            *before, self._last = await self._file_records()
            for record in before:
                yield record

    async def last(self) -> tuple[Record, Outcome]:
        """Return the last record once the speech is in the cache, or could not be in time."""
        finished = self._finished()
        warnings = (*self._speech.warnings, *await put_warnings(finished))
        stored = finished.file.speech
        return self._last, Outcome(
            self._size or len(stored.audio),
            stored.duration_ms,
            len(stored.captions),
            admitted_at=self._speech.admitted_at,
            warnings=warnings,
        )

    async def _file_records(self) -> list[Record]:
        file = self._finished().file
        data = await asyncio.to_thread(file.content) if self._form.tagged else file.speech.audio
        self._size = len(data)
        return list(self._writer.of_file(data, file.speech.captions, file.speech.duration_ms))

    def _finished(self) -> FinishedSpeech:
        if self._speech.finished is None:
            raise EngineFailedError("the speech ended without its last chunk")
        return self._speech.finished


async def put_warnings(finished: FinishedSpeech) -> list[str]:
    """Wait a while until the speech is in the cache; return a warning if it is not."""
    publication = finished.publication
    if publication is None:
        return []
    done = asyncio.shield(asyncio.wrap_future(publication.done))
    try:
        warning = await asyncio.wait_for(done, publication.seconds)
    except TimeoutError:
        publication.abandon()
        warning = f"not cached: the volume did not answer within {publication.seconds:g} s"
    return [] if warning is None else [warning]
