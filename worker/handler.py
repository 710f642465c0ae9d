"""One job: parse its input, find its speech in the cache or make it, yield its records."""

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
from worker.voices.ready import ReadyVoices, VoicesByName

__all__ = ["Worker"]

log = logging.getLogger("worker")
PUBLISH_SECONDS = 2.0  # how long a job waits until its file is in the cache
Record = dict[str, Any]


@dataclass(slots=True)
class JobContext:
    """One job: its request, what follows from it, and the times of its audio (in seconds of the clock)."""

    request: SpeechRequest
    voices: VoicesByName
    key: str
    started: float
    writer: RecordWriter
    whole: bool  # whether it gets the whole speech at the end, instead of chunk by chunk
    first_audio: float | None = None
    last_audio: float | None = None

    @property
    def tagged(self) -> bool:
        """Whether it gets the cache's file with its tags; in PCM they would sound as noise."""
        return self.whole and self.request.format_name == "mp3"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the last record reports of the speech; the job's own times are in its context."""

    size_bytes: int
    duration_ms: int
    segments: int
    seed: int
    cache_hit: bool = False
    admitted_at: float | None = None
    warnings: tuple[str, ...] = ()


Delivery = AsyncGenerator[tuple[Record, Outcome | None], None]


class Worker:
    """Serves jobs with one engine and one cache; `handle` is what the SDK calls for each job.

    Args:
        scheduler: Drives the engine.
        cache: Stored speech.
        speeches: The speeches that are being made.
        voices: Voices, and which of them are ready in the engine.
        max_characters: Of a job's text.
        key_of: Returns the cache key of a request, for an engine's name and the clips of its voices.
        clock: A monotonic clock, in seconds.
    """

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
        """How many jobs to take at once: the SDK counts a new job twice and sleeps for a second when full."""
        return 2 * self.engine.slots

    async def handle(self, job: Mapping[str, Any]) -> AsyncGenerator[Record, None]:
        """Yield the job's records; the last one of a job that fails is `{"error": "code: message"}`.

        The job has left its speech before that record: code after the last `yield` may run much later.
        """
        started = self._clock()
        name = str(job.get("id", ""))
        try:
            request = parse(job.get("input"), self.engine, self._max_characters)
            if isinstance(request, Operation):
                answer = await operate(request, self.engine, self.cache, self.voices, self.scheduler.work)
                yield answer | ({"totals": self._totals.as_json()} if request.op == "info" else {})
                return
            voices = await self.voices.by_name(request)
            async with aclosing(self._serve(self._context(request, voices, name, started), name)) as records:
                async for record in records:
                    yield record
        except SpeechError as error:
            self._totals.note_failed(error.code)
            log.info(json.dumps({"job": name, "failed": error.code}))
            yield error.as_record()
        except Exception:  # a fault of ours: the log gets the traceback, not the client
            self._totals.note_failed(EngineFailedError.code)
            log.exception("job %r failed", name)
            yield EngineFailedError("the worker failed on this job: send it again").as_record()

    def _context(self, request: SpeechRequest, voices: VoicesByName, name: str, started: float) -> JobContext:
        whole = name.startswith("sync-") if request.stream is None else not request.stream
        writer = RecordWriter(
            uuid.uuid4().hex[:8],
            layout(request.format_name, request.bit_rate),
            [turn.text for turn in request.spoken],
            None if request.turns is None else [turn.voice for turn in request.turns],
            request.offset,
        )
        clips = {voice.name: voice.sha256 for voice in voices.values() if voice.sha256 is not None}
        return JobContext(
            request, voices, self._key_of(request, self.engine.name, clips), started, writer, whole
        )

    async def _serve(self, context: JobContext, name: str) -> AsyncGenerator[Record, None]:
        async with aclosing(await self._find(context)) as delivery:
            async for record, outcome in delivery:
                if record["audio_base64"]:
                    context.last_audio = self._clock()
                    context.first_audio = context.first_audio or context.last_audio
                if outcome is None:
                    yield record
                    continue
                summary = self._summary(context, outcome)
                line = job_line(name, context.request, summary, engine_status(self.engine))
                self._totals.note(line)
                log.info(json.dumps(line))
                yield record | {"end_ms": outcome.duration_ms, "final": True} | summary

    async def _find(self, context: JobContext) -> Delivery:
        """Return the records of the stored speech, or of the speech that is being made or begins now."""
        if context.request.cache == "use" and not self.speeches.is_live(context.key):
            read = self.cache.pool().submit(self.cache.read, context.key, context.request.format_name)
            found = await asyncio.wrap_future(read)
            if found is not None:
                return stored_delivery(context, *found)
        return self._made_delivery(context)

    async def _made_delivery(self, context: JobContext) -> Delivery:
        voices = context.voices.values()
        voice_keys = {voice.name: voice.key for voice in voices}
        async with self.voices.using(voices):
            with self.speeches.enter(context.request, context.key, voice_keys) as speech:
                async with aclosing(self._speech_records(context, speech)) as delivery:
                    async for record, outcome in delivery:
                        yield record, outcome

    async def _speech_records(self, context: JobContext, speech: LiveSpeech) -> Delivery:
        """Yield the records of a speech, chunk by chunk or whole at the end."""
        async with aclosing(follow(speech)) as chunks:
            async for chunk in chunks:
                if context.whole:
                    continue
                records = list(context.writer.of_chunk(chunk))
                for record in records[: -1 if chunk.last else None]:
                    yield record, None
        warnings = await self._final_warnings(speech)
        if context.whole:
            records = await self._file_records(context, speech)
            for record in records[:-1]:
                yield record, None
        yield records[-1], made_outcome(context, speech, warnings)

    async def _file_records(self, context: JobContext, speech: LiveSpeech) -> list[Record]:
        if speech.published is None:
            raise EngineFailedError("the speech ended without its last chunk")
        data = await asyncio.wrap_future(speech.published.file)
        if not context.tagged:
            data = b"".join(chunk.audio for chunk in speech.chunks)
        captions = [caption for chunk in speech.chunks for caption in chunk.captions]
        return list(context.writer.of_file(data, captions, speech.duration_ms))

    async def _final_warnings(self, speech: LiveSpeech) -> tuple[str, ...]:
        """Wait a while until the speech is in the cache; return the warnings of the speech and the cache."""
        if speech.published is None:
            return tuple(speech.warnings)
        done = asyncio.shield(asyncio.wrap_future(speech.published.done))
        try:
            warning = await asyncio.wait_for(done, PUBLISH_SECONDS)
        except TimeoutError:
            speech.published.abandon()
            warning = f"not cached: the volume did not answer within {PUBLISH_SECONDS:.0f} s"
        return (*speech.warnings, *([warning] if warning else []))

    def _summary(self, context: JobContext, outcome: Outcome) -> Record:
        def milliseconds(moment: float | None) -> int:
            return 0 if moment is None else max(0, round((moment - context.started) * 1000))

        return {
            "mimetype": MIMETYPES[context.request.format_name],
            "size_bytes": outcome.size_bytes,
            "cache_hit": outcome.cache_hit,
            "cache_key": context.key,
            "device": self.engine.device,
            "chunks_processed": outcome.segments,
            "generation_time_ms": milliseconds(context.last_audio),
            "duration_ms": outcome.duration_ms,
            "first_audio_ms": milliseconds(context.first_audio),
            "queue_ms": milliseconds(outcome.admitted_at),
            "engine": self.engine.name,
            "seed": outcome.seed,
            "warnings": [*request_warnings(context.request), *outcome.warnings],
        }


async def stored_delivery(context: JobContext, stored: StoredSpeech, data: bytes) -> Delivery:
    """Yield the records of stored speech, byte for byte as it was first spoken."""
    captions = stored.captions
    audio = data if context.tagged else stored.audio
    if context.whole:
        records = list(context.writer.of_file(audio, captions, stored.duration_ms))
    else:
        records = list(context.writer.of_stored(audio, captions))
    for record in records[:-1]:
        yield record, None
    seed = context.request.seed or 0
    yield records[-1], Outcome(len(audio), stored.duration_ms, len(captions), seed, cache_hit=True)


def request_warnings(request: SpeechRequest) -> list[str]:
    """Return the warnings about the request itself; they do not keep its speech out of the cache."""
    warning = foreign_script((turn.text for turn in request.spoken), request.language.strip().lower())
    return [] if warning is None else [warning]


def made_outcome(context: JobContext, speech: LiveSpeech, warnings: tuple[str, ...]) -> Outcome:
    """Return the outcome of a speech that was made for this job, or for another job with the same key."""
    size = speech.encoder.size
    if context.tagged and speech.published is not None:
        size = len(speech.published.file.result())
    segments = sum(len(chunk.captions) for chunk in speech.chunks)
    seed = context.request.seed or 0
    return Outcome(
        size, speech.duration_ms, segments, seed, admitted_at=speech.admitted_at, warnings=warnings
    )
