"""A job's way through the worker: parse, look up, read or speak, yield records."""

import asyncio
import json
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from segmenter.scripts import foreign_script
from worker.cache import Cache, StoredSpeech, cache_key
from worker.chunks import layout
from worker.errors import EngineFailedError, SpeechError
from worker.joblog import Totals, engine_status, job_line
from worker.operations import operate
from worker.records import MIMETYPES, RecordWriter
from worker.request import Operation, SpeechRequest, parse
from worker.speech import LiveSpeech, LiveSpeeches, Scheduler, follow
from worker.speech.planning import leading_space
from worker.voices.ready import ReadyVoices, VoicesByName

__all__ = ["Worker"]

log = logging.getLogger("worker")
PUBLISH_SECONDS = 2.0  # a job waits no longer for its file to be in the cache
Record = dict[str, Any]


@dataclass(slots=True)
class JobContext:
    """One job: what it asks for, and when things happened to it."""

    request: SpeechRequest
    cast: VoicesByName
    key: str
    started: float
    writer: RecordWriter
    whole: bool  # the whole file at the end, instead of audio as it comes
    first_audio: float | None = None
    last_audio: float | None = None

    @property
    def tagged(self) -> bool:
        """Whether it gets the cache's file, tags included; in PCM they would be heard."""
        return self.whole and self.request.form == "mp3"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the last record's summary says beside the visit's own times."""

    size_bytes: int
    duration_ms: int
    segments: int
    seed: int
    cache_hit: bool = False
    admitted_at: float | None = None
    warnings: tuple[str, ...] = ()


Delivery = AsyncGenerator[tuple[Record, Outcome | None], None]


class Worker:
    """Serves jobs with one engine and one cache; `handle` is the SDK's handler."""

    def __init__(
        self,
        scheduler: Scheduler,
        cache: Cache,
        speeches: LiveSpeeches,
        voices: ReadyVoices,
        *,
        max_characters: int = 10_000,
        key_of: Callable[[SpeechRequest, str, Mapping[str, str]], str] = cache_key,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = scheduler.engine
        self.scheduler = scheduler
        self.cache = cache
        self.speeches = speeches
        self.voices = voices
        self._max_characters = max_characters
        self._key_of = key_of
        self._clock = clock
        self._totals = Totals()

    def start(self) -> None:
        """Start the threads, once; call it after the last fork, as threads do not survive one."""
        self.scheduler.start()

    def close(self) -> None:
        """Fail what is unfinished, wait for the cache's writes and end the threads."""
        self.scheduler.close()
        self.cache.close()

    @property
    def concurrency(self) -> int:
        """Jobs to take at once: the SDK counts a job twice at first and sleeps a second when full."""
        return 2 * self.engine.slots

    async def handle(self, job: Mapping[str, Any]) -> AsyncGenerator[Record, None]:
        """Yield the job's records; a failing job's last is `{"error": "code: message"}`.

        By then the job has left its speech: nothing after that record runs in time.
        """
        started = self._clock()
        name = str(job.get("id", ""))
        try:
            request = parse(job.get("input"), self.engine, self._max_characters)
            if isinstance(request, Operation):
                answer = await operate(request, self.engine, self.cache, self.voices, self.scheduler.work)
                yield answer | ({"totals": self._totals.as_json()} if request.op == "info" else {})
                return
            cast = await self.voices.cast(request)
            async with aclosing(self._serve(self._visit(request, cast, name, started), name)) as records:
                async for record in records:
                    yield record
        except SpeechError as error:
            self._totals.note_failed(error.code)
            log.info(json.dumps({"job": name, "failed": error.code}))
            yield error.as_record()
        except Exception:  # our own fault, but the client gets no traceback
            self._totals.note_failed(EngineFailedError.code)
            log.exception("job %r failed", name)
            yield EngineFailedError("the worker failed on this job: send it again").as_record()

    def _visit(self, request: SpeechRequest, cast: VoicesByName, name: str, started: float) -> JobContext:
        whole = name.startswith("sync-") if request.stream is None else not request.stream
        writer = RecordWriter(
            uuid.uuid4().hex[:8],
            layout(request.form, request.bit_rate),
            [turn.text for turn in request.spoken],
            None if request.turns is None else [turn.voice for turn in request.turns],
        )
        clips = {voice.name: voice.sha256 for voice in cast.values() if voice.sha256 is not None}
        return JobContext(
            request, cast, self._key_of(request, self.engine.name, clips), started, writer, whole
        )

    async def _serve(self, visit: JobContext, name: str) -> AsyncGenerator[Record, None]:
        async with aclosing(await self._find(visit)) as delivery:
            async for record, ending in delivery:
                if record["audio_base64"]:
                    visit.last_audio = self._clock()
                    visit.first_audio = visit.first_audio or visit.last_audio
                if ending is None:
                    yield record
                    continue
                summary = self._summary(visit, ending)
                line = job_line(name, visit.request, summary, engine_status(self.engine))
                self._totals.note(line)
                log.info(json.dumps(line))
                yield record | {"end_ms": ending.duration_ms, "final": True} | summary

    async def _find(self, visit: JobContext) -> Delivery:
        """Return the delivery of stored speech, or of speech that is being made."""
        if visit.request.cache == "use" and not self.speeches.speaks(visit.key):
            read = self.cache.pool().submit(self.cache.read, visit.key, visit.request.form)
            found = await asyncio.wrap_future(read)
            if found is not None:
                return stored_delivery(visit, *found)
        return self._made_delivery(visit)

    async def _made_delivery(self, visit: JobContext) -> Delivery:
        voices = {voice.name: voice.key for voice in visit.cast.values()}
        async with self.voices.using(visit.cast.values()):
            with self.speeches.enter(visit.request, visit.key, voices) as speech:
                async with aclosing(self._told(visit, speech)) as delivery:
                    async for record, ending in delivery:
                        yield record, ending

    async def _told(self, visit: JobContext, speech: LiveSpeech) -> Delivery:
        """Yield what becomes of a speech, as it comes or whole at the end."""
        async with aclosing(follow(speech)) as parts:
            async for part in parts:
                if visit.whole:
                    continue
                records = list(visit.writer.of_part(part))
                for record in records[: -1 if part.last else None]:
                    yield record, None
        warnings = await self._published(speech)
        if visit.whole:
            records = await self._file_records(visit, speech)
            for record in records[:-1]:
                yield record, None
        yield records[-1], made_ending(visit, speech, warnings)

    async def _file_records(self, visit: JobContext, speech: LiveSpeech) -> list[Record]:
        if speech.published is None:
            raise EngineFailedError("the speech ended without its last part")
        data = await asyncio.wrap_future(speech.published.file)
        if not visit.tagged:
            data = b"".join(part.audio for part in speech.parts)
        captions = [caption for part in speech.parts for caption in part.captions]
        return list(visit.writer.of_file(data, captions, speech.duration_ms))

    async def _published(self, speech: LiveSpeech) -> tuple[str, ...]:
        """Wait a while for the speech to be in the cache; return all the client is to know."""
        if speech.published is None:
            return tuple(speech.warnings)
        done = asyncio.shield(asyncio.wrap_future(speech.published.done))
        try:
            warning = await asyncio.wait_for(done, PUBLISH_SECONDS)
        except TimeoutError:
            speech.published.abandon()
            warning = f"not cached: the volume did not answer within {PUBLISH_SECONDS:.0f} s"
        return (*speech.warnings, *([warning] if warning else []))

    def _summary(self, visit: JobContext, ending: Outcome) -> Record:
        def milliseconds(moment: float | None) -> int:
            return 0 if moment is None else max(0, round((moment - visit.started) * 1000))

        return {
            "mimetype": MIMETYPES[visit.request.form],
            "size_bytes": ending.size_bytes,
            "cache_hit": ending.cache_hit,
            "cache_key": visit.key,
            "device": self.engine.device,
            "chunks_processed": ending.segments,
            "generation_time_ms": milliseconds(visit.last_audio),
            "duration_ms": ending.duration_ms,
            "first_audio_ms": milliseconds(visit.first_audio),
            "queue_ms": milliseconds(ending.admitted_at),
            "engine": self.engine.name,
            "seed": ending.seed,
            "warnings": [*noticed(visit.request), *ending.warnings],
        }


async def stored_delivery(visit: JobContext, stored: StoredSpeech, data: bytes) -> Delivery:
    """Yield stored speech, its captions placed in the text as this job gave it."""
    shift = leading_space(visit.request)
    captions = [caption.moved(shift) for caption in stored.captions]
    audio = data if visit.tagged else stored.audio
    if visit.whole:
        records = list(visit.writer.of_file(audio, captions, stored.duration_ms))
    else:
        records = list(visit.writer.of_stored(audio, captions))
    for record in records[:-1]:
        yield record, None
    seed = visit.request.seed or 0
    yield records[-1], Outcome(len(audio), stored.duration_ms, len(captions), seed, cache_hit=True)


def noticed(request: SpeechRequest) -> list[str]:
    """Return the warnings that the request itself gives reason to; the speech is no worse, and kept."""
    warning = foreign_script((turn.text for turn in request.spoken), request.language.strip().lower())
    return [] if warning is None else [warning]


def made_ending(visit: JobContext, speech: LiveSpeech, warnings: tuple[str, ...]) -> Outcome:
    """Return the ending of speech that was made for this job or beside it."""
    size = speech.recorder.size
    if visit.tagged and speech.published is not None:
        size = len(speech.published.file.result())
    segments = sum(len(part.captions) for part in speech.parts)
    seed = visit.request.seed or 0
    return Outcome(
        size, speech.duration_ms, segments, seed, admitted_at=speech.admitted_at, warnings=warnings
    )
