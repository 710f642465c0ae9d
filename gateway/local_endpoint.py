"""The endpoint that is a worker in this process: a context is one speech, made while its text comes.

A flushed part of a context is a speech of its own, so that a phrase that was said before is not made again.
"""

import asyncio
import base64
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from chatterpod import Chunk
from chatterpod.errors import job_failed

from gateway.context import Context, ContextState, Input, Signal
from gateway.errors import EndpointFailed, Exhausted, GatewayError, GatewayShutdown, translated
from gateway.metrics import Metrics
from gateway.timeline import PlacedChunk, Span
from segmenter import Silence, has_speech
from segmenter.atoms import PAUSES, TAG

__all__ = ["Incoming", "LoadedWorker", "LocalEndpoint", "LocalWorker"]

AHEAD = (
    2  # records that are read before they are sent: what a slow listener has not taken stays with the speech
)

NUMBERS = itertools.count(1)  # of jobs, for the log

log = logging.getLogger("gateway")
Record = Mapping[str, Any]


class Incoming(Protocol):
    """A text for the worker, which takes it while it comes."""

    text: str
    closed: bool

    def push(self, text: str) -> None:
        """Add text."""

    def rest(self, silence: Silence) -> None:
        """Have spoken what is over: no text has come for so long."""

    def close(self) -> None:
        """Add no more text."""

    async def begun(self) -> None:
        """Wait until there is a letter, or no more text will come."""


class LocalWorker(Protocol):
    """What is needed of a worker: `worker.assembly` makes one, direct."""

    def incoming(self) -> Any:
        """Return an `Incoming` for `handle`."""

    def handle(self, job: Mapping[str, Any], incoming: Any = None) -> AsyncGenerator[dict[str, Any], None]:
        """Yield a job's records, with their audio as bytes."""

    def figures(self) -> Mapping[str, float]:
        """Return how many slots there are, and what is under way."""

    def close(self) -> None:
        """Fail what is unfinished and end the threads."""


@dataclass(slots=True)
class ContextPart:
    """What is spoken together of a context, from the place `start` of its text on: it ends with a flush."""

    incoming: Incoming
    number: int
    start: int

    def has_speech(self, context: Context) -> bool:
        """Whether anything of it may be spoken; a tag is by some engines."""
        text = self.incoming.text
        return has_speech(text, context.marks) or TAG.search(PAUSES.sub("", text)) is not None


class LocalSpeech:
    """One context being spoken. Its creator calls `stop` at the end, also after an error."""

    def __init__(self, context: Context, worker: "LoadedWorker", metrics: Metrics) -> None:
        self.context = context
        self.warnings: list[str] = []
        self._worker = worker
        self._metrics = metrics
        self._parts: asyncio.Queue[ContextPart | None] = asyncio.Queue()  # None: there will be no more
        self._open: ContextPart | None = None  # takes text
        self._begun = 0  # parts
        self._taken = 0  # characters of the context that are in parts
        self._made: asyncio.Queue[tuple[ContextPart, Chunk] | GatewayError | None] = asyncio.Queue(AHEAD)
        self._making: asyncio.Task[None] | None = None
        self._began_at = time.monotonic()
        self._has_audio = False

    def update(self) -> None:
        """Take what has come to the context, once the worker is loaded."""
        inputs = self.context.inputs
        while inputs and self._worker.now is not None:
            self._take(self._worker.now, inputs.popleft())
        if self._making is None:
            self._making = asyncio.create_task(self._make())

    async def chunks(self) -> AsyncGenerator[PlacedChunk, None]:
        """Yield the context's audio, in order, until it is done or cancelled.

        Raises:
            GatewayError: It could not be spoken; the context has failed then.
        """
        self.update()
        while (made := await self._made.get()) is not None:
            if isinstance(made, GatewayError):
                self.context.fail()
                raise made
            if not self.context.active:
                return
            yield self._placed(*made)
        self.context.spoken()

    def stop(self) -> None:
        """Stop making it."""
        if self._making is not None:
            self._making.cancel()

    def _take(self, worker: LocalWorker, given: Input) -> None:
        if isinstance(given, str):
            part = self._open or self._begin(worker)
            part.incoming.push(given)
            self._taken += len(given)
        elif self._open is not None and isinstance(given, Silence):
            self._open.incoming.rest(given)
        elif self._open is not None:
            self._open.incoming.close()
            self._open = None
        if given is Signal.CLOSE:
            self._parts.put_nowait(None)

    def _begin(self, worker: LocalWorker) -> ContextPart:
        self._open = ContextPart(worker.incoming(), self._begun, self._taken)
        self._begun += 1
        self._parts.put_nowait(self._open)
        return self._open

    def _placed(self, part: ContextPart, chunk: Chunk) -> PlacedChunk:
        context = self.context
        if not self._has_audio and chunk.audio:
            self._has_audio = True
            self._metrics.time("first_audio", time.monotonic() - self._began_at)
        more = context.state is ContextState.OPEN or part.number + 1 < self._begun
        span = Span(part.start, part.start + len(part.incoming.text))
        placed = context.timeline.place(chunk, span, context.text, more=more)
        self._metrics.count("audio_bytes", by=len(placed.audio))
        return placed

    async def _make(self) -> None:
        try:
            worker = await self._worker.get()
            self.update()
            while (part := await self._parts.get()) is not None:
                await self._speak(worker, part)
            outcome: GatewayError | None = None
        except GatewayError as error:
            outcome = error
        except Exception:
            log.exception("speaking a context failed")
            outcome = EndpointFailed("the gateway could not have the text spoken")
        await self._made.put(outcome)

    async def _speak(self, worker: LocalWorker, part: ContextPart) -> None:
        """Speak one part, unless there is nothing to speak in it."""
        await part.incoming.begun()
        if part.incoming.closed and not part.has_speech(self.context):
            return
        self.context.jobs += 1
        given = {"stream": True, **self.context.coding(), **self.context.options}
        async with aclosing(worker.handle(job(given), part.incoming)) as records:
            async for record in records:
                if "error" in record:
                    self._metrics.count("jobs", "failed")
                    raise problem_of(record)
                chunk = chunk_of(record)
                if chunk.summary is not None:
                    self._note(chunk.summary)
                await self._made.put((part, chunk))

    def _note(self, summary: Record) -> None:
        self.warnings += [str(one) for one in summary["warnings"] if str(one) not in self.warnings]
        self._metrics.count("jobs", "completed")
        self._metrics.count("cache", "hit" if summary["cache_hit"] else "miss")
        if not summary["cache_hit"]:
            self._metrics.time("wait", summary["queue_ms"] / 1000)


class LoadedWorker:
    """A worker that is being loaded: what comes before waits for it. For the event loop only."""

    def __init__(self) -> None:
        self.now: LocalWorker | None = None
        self._loaded = asyncio.Event()

    def set(self, worker: LocalWorker) -> None:
        """Have all that wait go on."""
        self.now = worker
        self._loaded.set()

    async def get(self) -> LocalWorker:
        """Return the worker as soon as it is loaded."""
        while self.now is None:
            await self._loaded.wait()
        return self.now


class LocalEndpoint:
    """An `Endpoint`, as `gateway.endpoint` describes it, that is a worker in this process.

    Args:
        worker: The worker; whoever started it also closes it.
        metrics: Counts what is spoken.
    """

    def __init__(self, worker: LoadedWorker, metrics: Metrics) -> None:
        self._worker = worker
        self._metrics = metrics

    def speech(self, context: Context) -> LocalSpeech:
        """Return the speech of a context, which the caller has to stop."""
        return LocalSpeech(context, self._worker, self._metrics)

    async def warm(self) -> None:
        """Wait until the engine is loaded."""
        await self._worker.get()

    async def voices(self) -> list[str]:
        """Return the names of the worker's voices."""
        return [str(name) for name in (await self._operate(op="voices"))["voices"]]

    async def add_voice(self, name: str, clip: bytes) -> Record:
        """Learn a voice from the file of a recording; return its `name`, `seconds` and `replaced`."""
        return await self._operate(op="voice_add", name=name, clip_base64=base64.b64encode(clip).decode())

    async def remove_voice(self, name: str) -> None:
        """Remove a voice that was added."""
        await self._operate(op="voice_remove", name=name)

    def figures(self) -> Mapping[str, float]:
        """Return the worker's slots, and what is under way in it; nothing before it is loaded."""
        return self._worker.now.figures() if self._worker.now is not None else {}

    async def close(self) -> None:
        """Close nothing."""

    async def _operate(self, **given: str) -> Record:
        worker = await self._worker.get()
        async with aclosing(worker.handle(job(given))) as records:
            record = await anext(records)
        if "error" in record:
            raise problem_of(record)
        return record


def job(given: Record) -> dict[str, Any]:
    """Return a worker's job."""
    return {"id": f"direct-{next(NUMBERS)}", "input": given}


def chunk_of(record: Record) -> Chunk:
    """Return a record as the Python client would."""
    times = record["start_ms"], record["end_ms"]
    return Chunk(record["audio"], *times, record["segments"], record if record.get("final") else None)


def problem_of(record: Record) -> GatewayError:
    """Return the error that a worker's last record reports."""
    error = job_failed(record["error"])
    if "retry_after_s" in record:
        return Exhausted(str(error), record["retry_after_s"])
    return GatewayShutdown(str(error), 1.0) if error.code == "shutting_down" else translated(error)
