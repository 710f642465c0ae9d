"""Drives a context: submits its jobs early, reads them side by side, gives their audio out in order."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from chatterpod import ApiError, ChatterpodError, Chunk, Incomplete, JobFailed

from gateway.context import Context, PlannedJob
from gateway.errors import EndpointFailed, GatewayError, translated
from gateway.metrics import Metrics
from gateway.timeline import AudioPiece

__all__ = ["BackgroundTasks", "ContextSpeech", "Endpoint", "noted"]

SUBMISSIONS = 3  # of one job that fails before anything of it was heard
AHEAD = 8  # chunks of one job read before they are wanted: a slow listener holds the reading back

log = logging.getLogger("gateway")


class Endpoint(Protocol):
    """What the gateway needs of an endpoint: `chatterpod.AsyncClient`, or a stand-in of tests."""

    async def submit(self, given: Mapping[str, Any]) -> str:
        """Queue a job and return its id."""

    def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        """Yield a job's audio as it comes."""

    async def cancel(self, job: str) -> None:
        """Cancel a job, queued or running."""

    async def operate(self, op: str) -> Mapping[str, Any]:
        """Run one of the worker's operations; return its record. Its job ends with the task that waits."""

    async def close(self) -> None:
        """Close the connections."""


def noted(error: ChatterpodError) -> GatewayError:
    """Return the client's error as one of ours; what only the operator can mend is logged, too."""
    told = translated(error)
    if isinstance(error, ApiError):
        log.warning("%s", told)
    return told


class BackgroundTasks:
    """Work that outlives the connection which caused it: cancelling jobs, warming a worker."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it beside everything else; what fails in it is nobody's any more."""
        task = asyncio.create_task(guarded(work))
        self.keep(task)
        return task

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Wait for this task, too, in `settle`."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, seconds: float) -> int:
        """Wait until all of it is done; cancel what is not after so long, and return how many that were."""
        ends = time.monotonic() + seconds
        while self._tasks and (left := ends - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        late = len(self._tasks)
        for task in self._tasks:
            task.cancel()
        return late


async def guarded(work: Coroutine[Any, Any, None]) -> None:
    """Do the work; what the endpoint refuses is nobody's any more, what broke is logged."""
    try:
        await work
    except ChatterpodError:
        pass
    except Exception:
        log.exception("the gateway broke in the background")


class RunningJob:
    """One job on its way: its reader, and what was read and is not yet given out."""

    def __init__(self, job: PlannedJob, submitting: asyncio.Task[str]) -> None:
        self.job = job
        self.submitting = submitting
        self.read: asyncio.Queue[Chunk | GatewayError | None] = asyncio.Queue(AHEAD)  # None: the end
        self.reading: asyncio.Task[None] | None = None
        self.ended = False


class ContextSpeech:
    """One context being spoken; whoever makes one calls `stop` at the end, however that comes."""

    def __init__(
        self, context: Context, endpoint: Endpoint, metrics: Metrics, background: BackgroundTasks
    ) -> None:
        self.context = context
        self._endpoint = endpoint
        self._metrics = metrics
        self._background = background
        self._running: deque[RunningJob] = deque()
        self._changed = asyncio.Event()
        self._began = time.monotonic()
        self._heard = False

    def poke(self) -> None:
        """Submit what the context has to submit now; call it whenever the context was given something."""
        while (job := self.context.next_job()) is not None:
            running = RunningJob(job, asyncio.create_task(self._endpoint.submit(job.given)))
            running.reading = asyncio.create_task(self._read(running))
            self._running.append(running)
        self._changed.set()

    async def pieces(self) -> AsyncGenerator[AudioPiece, None]:
        """Yield the context's audio, in order, until it is done or cancelled.

        Raises:
            GatewayError: A job failed; the context has then failed too.
        """
        while True:
            self.poke()
            if not self._running:
                if not self.context.active:
                    return
                self._changed.clear()
                await self._changed.wait()
                continue
            chunk = await self._running[0].read.get()
            if isinstance(chunk, GatewayError):
                self.context.fail()
                raise chunk
            if not self.context.active:
                return
            if chunk is None:
                self._running.popleft()
                self.context.job_ended()
                continue
            yield self._given(chunk)

    def stop(self) -> None:
        """End the readers, and cancel at the endpoint what has not ended there: queued jobs too."""
        for running in self._running:
            if running.reading is not None:
                running.reading.cancel()
            if not running.ended:
                self._background.start(self._cancel(running.submitting))
        self._running.clear()
        self._changed.set()

    def _given(self, chunk: Chunk) -> AudioPiece:
        if not self._heard and chunk.audio:
            self._heard = True
            self._metrics.first_audio(time.monotonic() - self._began)
        piece = self.context.take(chunk)
        self._metrics.count("audio_bytes", by=len(piece.audio))
        return piece

    async def _read(self, running: RunningJob) -> None:
        try:
            await self._received(running)
            outcome: GatewayError | None = None
        except ChatterpodError as error:
            outcome = noted(error)
        except Exception:
            log.exception("a job's reader broke")
            outcome = EndpointFailed("the gateway could not read the job")
        running.ended = True
        self._metrics.count("jobs", outcome.code if outcome else "completed")
        await running.read.put(outcome)

    async def _received(self, running: RunningJob) -> None:
        """Read a job; submit it again where it failed unheard, and another worker may do better."""
        given = False
        for left in reversed(range(SUBMISSIONS)):
            try:
                # Shielded: a submission on its way may arrive, and then has to be cancelled by its id.
                job = await asyncio.shield(running.submitting)
                async with aclosing(self._endpoint.receive(job)) as chunks:
                    async for chunk in chunks:
                        given = True
                        running.ended = chunk.summary is not None
                        await running.read.put(chunk)
            except (JobFailed, Incomplete) as error:
                if given or not left or (isinstance(error, JobFailed) and not error.passing):
                    raise
                self._metrics.count("jobs", "again")
                running.submitting = asyncio.create_task(self._endpoint.submit(running.job.given))
            else:
                return

    async def _cancel(self, submitting: asyncio.Task[str]) -> None:
        await self._endpoint.cancel(await submitting)
        self._metrics.count("jobs", "cancelled")
