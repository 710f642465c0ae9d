"""One job: parse its input, find its speech in the cache or make it, yield its records."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from segmenter.marks import warnings as mark_warnings
from segmenter.scripts import foreign_script
from worker.cache import Cache, cache_key
from worker.delivery import Delivery, Form, LiveDelivery, Outcome, StoredDelivery, record_writer
from worker.errors import EngineFailedError, SpeechError
from worker.growing import GrowingJob
from worker.incoming import IncomingText
from worker.joblog import Totals, engine_status, job_line
from worker.operations import operate
from worker.records import MIMETYPES
from worker.request import Operation, SpeechRequest, parse
from worker.speech import LiveSpeeches, Scheduler
from worker.threads import DaemonThreads
from worker.voices.ready import ReadyVoices, VoicesByName

__all__ = ["Worker"]

log = logging.getLogger("worker")
USUAL_CHARACTERS, USUAL_FIELDS = 1_000, 64  # of an input that is parsed on the event loop
Record = dict[str, Any]


@dataclass(slots=True)
class JobContext:
    """One job: its request, what follows from it, and the times of its audio (in seconds of the clock)."""

    name: str
    request: SpeechRequest
    voices: VoicesByName
    key: str
    form: Form
    started: float
    first_audio: float | None = None
    last_audio: float | None = None


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
        self._direct = speeches.direct  # then records have bytes: they are read in this process
        self.engine = scheduler.engine
        self.scheduler = scheduler
        self.cache = cache
        self.speeches = speeches
        self.voices = voices
        self._max_characters = max_characters
        self._key_of = key_of
        self._clock = clock
        self._totals = Totals()
        self._parser = DaemonThreads(1, "parse")

    def start(self) -> None:
        """Start the threads, once; call it after the last fork, as threads do not survive one."""
        self.scheduler.start()

    def close(self) -> None:
        """Fail what is unfinished, wait for the cache's writes and end the threads."""
        self.scheduler.close()
        self._parser.close(0.0)
        self.cache.close()

    def incoming(self) -> IncomingText:
        """Return a text for `handle`, which takes it while it comes."""
        return IncomingText()

    def figures(self) -> dict[str, float]:
        """Return how many slots there are, and how many speeches and utterances are being made."""
        work = self.scheduler.work
        return {"slots": self.engine.slots, "speeches": work["speeches"], "utterances": work["utterances"]}

    @property
    def concurrency(self) -> int:
        """How many jobs to take at once: the SDK counts a new job twice and sleeps for a second when full."""
        return 2 * self.engine.slots

    async def handle(
        self, job: Mapping[str, Any], incoming: IncomingText | None = None
    ) -> AsyncGenerator[Record, None]:
        """Yield the job's records; the last one of a job that fails is `{"error": "code: message"}`.

        With `incoming`, that is the text instead of the input's, spoken while it comes; one that is whole
        before any of it is spoken is looked up in the cache. The job has left its speech before its last
        record: code after the last `yield` may run much later.
        """
        started = self._clock()
        name = str(job.get("id", ""))
        try:
            given: Any = job.get("input")
            if incoming is not None:
                async with aclosing(self._grown(name, given, incoming, started)) as grown:
                    async for record in grown:
                        yield record
                if not incoming.withdrawn:
                    return
                given = {**given, "text": incoming.text}
            request = await self._parsed_apart(given)
            if isinstance(request, Operation):
                answer = await operate(request, self.engine, self.cache, self.voices, self.scheduler.work)
                yield answer | ({"totals": self._totals.as_json()} if request.op == "info" else {})
                return
            voices = await self.voices.by_name(request)
            context = self._context(name, request, voices, started)
            async with self._delivery(context) as delivery:
                async with aclosing(delivery.records()) as records:
                    async for record in records:
                        yield self._timed(context, record)
                last, outcome = await delivery.last()
            yield self._final(context, self._timed(context, last), outcome)
        except SpeechError as error:
            self._totals.note_failed(error.code)
            log.info(json.dumps({"job": name, "failed": error.code}))
            yield error.as_record()
        except Exception:  # a fault of ours: the log gets the traceback, not the client
            self._totals.note_failed(EngineFailedError.code)
            log.exception("job %r failed", name)
            yield EngineFailedError("the worker failed on this job: send it again").as_record()

    async def _grown(
        self, name: str, given: Any, incoming: IncomingText, started: float
    ) -> AsyncGenerator[Record, None]:
        """Yield the records of a text that is spoken while it comes; none if it is withdrawn."""
        await incoming.begun()
        if incoming.closed:
            incoming.withdrawn = True
            return
        request = self._parsed({**given, "text": "a"})
        assert isinstance(request, SpeechRequest)  # noqa: S101 - for the type checker
        voices = await self.voices.by_name(request)
        context = self._context(name, request, voices, started)
        job = GrowingJob(request, incoming, voices, self._key, self._max_characters)
        async with job.delivery(context.form, self.voices, self.speeches, self.scheduler) as delivery:
            async with aclosing(delivery.records()) as records:
                async for record in records:
                    yield self._timed(context, record)
            if incoming.withdrawn:
                return
            last, outcome = await delivery.last()
        context.request, context.key = job.whole()
        yield self._final(context, self._timed(context, last), outcome)

    def _parsed(self, given: Any) -> SpeechRequest | Operation:
        return parse(given, self.engine, self._max_characters, is_result=not self._direct)

    async def _parsed_apart(self, given: Any) -> SpeechRequest | Operation:
        """Parse what may take long on a thread, one at a time: the loop and all short jobs wait for none."""
        if takes_long(given):
            return await asyncio.wrap_future(self._parser.submit(self._parsed, given))
        return self._parsed(given)

    def _context(self, name: str, request: SpeechRequest, voices: VoicesByName, started: float) -> JobContext:
        whole = name.startswith("sync-") if request.stream is None else not request.stream
        form = Form(whole, whole and request.format_name == "mp3", binary=self._direct)
        return JobContext(name, request, voices, self._key(request, voices), form, started)

    def _key(self, request: SpeechRequest, voices: VoicesByName) -> str:
        clips = {voice.name: voice.sha256 for voice in voices.values() if voice.sha256 is not None}
        return self._key_of(request, self.engine.name, clips)

    @asynccontextmanager
    async def _delivery(self, context: JobContext) -> AsyncGenerator[Delivery, None]:
        """Give out the stored speech, or the speech that is being made or begins now."""
        request, writer = context.request, record_writer(context.request, binary=context.form.binary)
        if request.cache == "use" and not self.speeches.is_live(context.key):
            found = await self.cache.find(context.key, request.format_name)
            if found is not None:
                yield StoredDelivery(writer, context.form, *found)
                return
        voices = context.voices.values()
        voice_keys = {voice.name: voice.key for voice in voices}
        async with self.voices.using(voices):
            with self.speeches.enter(request, context.key, voice_keys) as speech:
                yield LiveDelivery(writer, context.form, speech)

    def _timed(self, context: JobContext, record: Record) -> Record:
        """Return the record; note when it left, if it has audio."""
        if record["audio" if self._direct else "audio_base64"]:
            context.last_audio = self._clock()
            context.first_audio = context.first_audio or context.last_audio
        return record

    def _final(self, context: JobContext, record: Record, outcome: Outcome) -> Record:
        """Return the last record with the job's summary, which is logged and counted."""
        summary = self._summary(context, outcome)
        line = job_line(context.name, context.request, summary, engine_status(self.engine))
        self._totals.note(line)
        log.info(json.dumps(line))
        return record | {"end_ms": outcome.duration_ms, "final": True} | summary

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
            "seed": context.request.seed or 0,
            "warnings": [
                *request_warnings(context.request),
                *outcome.warnings,
            ],
        }


def takes_long(given: Any) -> bool:
    """Whether an input may take long to parse: by its text, its turns or its number of fields."""
    if not isinstance(given, dict):
        return False
    text = given.get("text") or given.get("input")
    is_long = isinstance(text, str) and len(text) > USUAL_CHARACTERS
    return is_long or "turns" in given or len(given) > USUAL_FIELDS


def request_warnings(request: SpeechRequest) -> list[str]:
    """Return the warnings about the request itself: the same where its speech comes from the cache."""
    texts = [turn.text for turn in request.spoken]
    script = foreign_script(texts, request.language.strip().lower())
    left_out = [one for text in texts for one in mark_warnings(text, request.marks)]
    return list(dict.fromkeys(([] if script is None else [script]) + left_out))
