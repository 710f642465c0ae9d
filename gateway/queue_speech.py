"""Speaks a context: submits its jobs early, reads them concurrently, yields their audio in order."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol, Self

from chatterpod import ApiError, ChatterpodError, Chunk, Incomplete, JobFailed

from gateway.background import BackgroundTasks
from gateway.context import Context
from gateway.context_jobs import ContextJobs, PlannedJob
from gateway.errors import EndpointFailed, GatewayError, translated
from gateway.metrics import Metrics
from gateway.read_ahead import JobAudio, ReadAhead
from gateway.timeline import PlacedChunk

__all__ = ["JobQueue", "QueueSpeech", "Submissions", "log_and_translate"]

SUBMISSIONS = 3  # of one job, if it fails before its first chunk
AT_ONCE = 16  # submissions on their way to the endpoint: those behind them cost nothing if they are cancelled
HASTE, HASTE_SECONDS = (
    4,
    1.0,
)  # so many speeches left before their first audio in this time: clients are hasty
HOLD_SECONDS = 0.1  # that a job then waits: who leaves sooner has cost nothing

log = logging.getLogger("gateway")


class JobQueue(Protocol):
    """What a gateway needs of an endpoint's queue: `runpod_queue.RunPodQueue`, or a fake in tests."""

    async def submit(self, job_input: Mapping[str, Any]) -> str:
        """Queue a job and return its id."""

    def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        """Yield a job's chunks as they come."""

    async def cancel(self, job: str) -> None:
        """Cancel a job, queued or running."""

    async def operate(self, op: str, **fields: str) -> Mapping[str, Any]:
        """Run one of the worker's operations; return its record. Cancelling the call cancels the job."""

    async def close(self) -> None:
        """Close the connections."""


def log_and_translate(error: ChatterpodError) -> GatewayError:
    """Return the client's error as a GatewayError; log it if only the operator can correct it."""
    translation = translated(error)
    if isinstance(error, ApiError):
        log.warning("%s", translation)
    return translation


class Submissions:
    """The turns of all jobs to be submitted. What is no longer wanted when its turn comes is not submitted.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._left: deque[float] = deque(maxlen=HASTE)  # when the latest left before their first audio

    def note_leaving(self) -> None:
        """Note that a speech was left before its first audio."""
        self._left.append(self._clock())

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Wait for a turn: at once, but for many at once or hasty clients; cancel the wait to give it up."""
        if len(self._left) == HASTE and self._clock() - self._left[0] < HASTE_SECONDS:
            await asyncio.sleep(HOLD_SECONDS)
        async with self._turns:
            yield


class SubmittedJob:
    """One job, on its way or at the endpoint: what submits and reads it, and the chunks not yet yielded."""

    def __init__(self, planned: PlannedJob, ahead: ReadAhead, is_next: Callable[[Self], bool]) -> None:
        self.planned = planned
        self.submission: asyncio.Task[str] | None = None
        self.may_have_arrived = False  # at the endpoint
        self.chunks = JobAudio(ahead, lambda: is_next(self))
        self.reader: asyncio.Task[None] | None = None
        self.ended = False


class QueueSpeech:
    """One context being spoken. Its creator calls `stop` at the end, also after an error."""

    def __init__(
        self,
        context: Context,
        queue: JobQueue,
        metrics: Metrics,
        background: BackgroundTasks,
        submissions: Submissions,
        ahead: ReadAhead,
    ) -> None:
        self.context = context
        self.warnings: list[str] = []
        self._queue = queue
        self._metrics = metrics
        self._background = background
        self._submissions = submissions
        self._ahead = ahead
        self._plan = ContextJobs(context)
        self._jobs: deque[SubmittedJob] = deque()
        self._changed = asyncio.Event()
        self._began_at = time.monotonic()
        self._has_audio = False

    def update(self) -> None:
        """Submit the jobs that the context has now."""
        self._plan.take()
        while (planned := self._plan.next_job()) is not None:
            job = SubmittedJob(planned, self._ahead, self._is_next)
            job.reader = asyncio.create_task(self._read(job))
            self._jobs.append(job)
        self._changed.set()

    async def chunks(self) -> AsyncGenerator[PlacedChunk, None]:
        """Yield the context's audio, in order, until it is done or cancelled.

        Raises:
            GatewayError: A job failed; the context has failed then.
        """
        while True:
            self.update()
            if not self._jobs:
                if not self.context.active:
                    return
                self._changed.clear()
                await self._changed.wait()
                continue
            chunk = await self._jobs[0].chunks.get()
            if isinstance(chunk, GatewayError):
                self.context.fail()
                raise chunk
            if not self.context.active:
                return
            if chunk is None:
                self._jobs.popleft()
                self._plan.job_ended()
                continue
            yield self._placed(chunk)

    def stop(self) -> None:
        """Stop reading, and cancel all jobs that have not ended; those not yet submitted never are."""
        if not self._has_audio and any(not job.ended for job in self._jobs):
            self._submissions.note_leaving()
        for job in self._jobs:
            if job.reader is not None:
                job.reader.cancel()
            job.chunks.drop()
            if job.submission is not None and not job.may_have_arrived:
                job.submission.cancel()
            elif job.submission is not None and not job.ended:
                self._background.start(self._cancel(job.submission))
        self._jobs.clear()
        self._changed.set()

    def _is_next(self, job: SubmittedJob) -> bool:
        return bool(self._jobs) and self._jobs[0] is job

    def _placed(self, chunk: Chunk) -> PlacedChunk:
        if not self._has_audio and chunk.audio:
            self._has_audio = True
            self._metrics.time("first_audio", time.monotonic() - self._began_at)
        if chunk.summary is not None:
            new = (str(warning) for warning in chunk.summary.get("warnings") or ())
            self.warnings += [warning for warning in new if warning not in self.warnings]
        placed = self._plan.place(chunk)
        self._metrics.count("audio_bytes", by=len(placed.audio))
        return placed

    async def _submit(self, job: SubmittedJob) -> str:
        """Submit a job when its turn comes; return its id."""
        async with self._submissions.turn():
            job.may_have_arrived = True
            return await self._queue.submit(job.planned.input)

    async def _read(self, job: SubmittedJob) -> None:
        try:
            await self._receive(job)
            outcome: GatewayError | None = None
        except ChatterpodError as error:
            outcome = log_and_translate(error)
        except Exception:
            log.exception("reading a job failed")
            outcome = EndpointFailed("the gateway could not read the job")
        job.ended = True
        self._metrics.count("jobs", outcome.code if outcome else "completed")
        await job.chunks.put(outcome)

    async def _receive(self, job: SubmittedJob) -> None:
        """Read a job; submit it again if it fails before its first chunk and another worker may succeed."""
        has_chunks = False
        for left in reversed(range(SUBMISSIONS)):
            job.submission = job.submission or asyncio.create_task(self._submit(job))
            try:
                # Shielded: a submission under way may arrive, and must then be cancelled by its id.
                job_id = await asyncio.shield(job.submission)
                async with aclosing(self._queue.receive(job_id)) as chunks:
                    async for chunk in chunks:
                        has_chunks = True
                        job.ended = chunk.summary is not None
                        await job.chunks.put(chunk)
                        await job.chunks.room()
            except (JobFailed, Incomplete) as error:
                if has_chunks or not left or (isinstance(error, JobFailed) and not error.passing):
                    raise
                self._metrics.count("jobs", "again")
                job.submission, job.may_have_arrived = None, False
            else:
                return

    async def _cancel(self, submission: asyncio.Task[str]) -> None:
        await self._queue.cancel(await submission)
        self._metrics.count("jobs", "cancelled")
