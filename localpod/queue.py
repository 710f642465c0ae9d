"""Jobs and what can happen to them: a pure state machine, without clock, file or socket.

Every change of a job's state is an entry of `TRANSITIONS`. Times are seconds of the caller's clock, which
it passes as `now`.
"""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["FINAL", "TRANSITIONS", "IllegalEventError", "JobEvent", "JobState", "Queue", "QueuedJob"]

KEPT_S = {False: 30 * 60, True: 60}  # seconds after the end, by `sync`: of /run and of /runsync


class JobState(StrEnum):
    """A job's state, `status` in the public API."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


class JobEvent(StrEnum):
    """What can happen to a job."""

    TAKEN = "taken"  # handed to a worker
    FINISHED = "finished"  # the worker posted an output
    RAISED = "raised"  # the worker posted an error, or no worker could run the job
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # it exceeded its ttl or executionTimeout
    LOST = "lost"  # its worker has ended
    RETRIED = "retried"  # a client called /retry


TRANSITIONS: dict[JobState, dict[JobEvent, JobState]] = {
    JobState.IN_QUEUE: {
        JobEvent.TAKEN: JobState.IN_PROGRESS,
        JobEvent.RAISED: JobState.FAILED,
        JobEvent.CANCELLED: JobState.CANCELLED,
        JobEvent.EXPIRED: JobState.TIMED_OUT,
    },
    JobState.IN_PROGRESS: {
        JobEvent.FINISHED: JobState.COMPLETED,
        JobEvent.RAISED: JobState.FAILED,
        JobEvent.CANCELLED: JobState.CANCELLED,
        JobEvent.EXPIRED: JobState.TIMED_OUT,
        JobEvent.LOST: JobState.IN_QUEUE,
    },
    JobState.COMPLETED: {},
    JobState.FAILED: {JobEvent.RETRIED: JobState.IN_QUEUE},
    JobState.CANCELLED: {},
    JobState.TIMED_OUT: {JobEvent.RETRIED: JobState.IN_QUEUE},
}

FINAL = frozenset(JobState) - {JobState.IN_QUEUE, JobState.IN_PROGRESS}


class IllegalEventError(ValueError):
    """The event cannot happen to a job in this state; the job is unchanged."""

    def __init__(self, state: JobState, event: JobEvent) -> None:
        super().__init__(f"a job that is {state} cannot be {event}")


@dataclass(eq=False)
class QueuedJob:
    """One request and its outcome.

    `request` is the body as sent (`input`, `webhook`, `policy`, …). `items` are the records not yet fetched
    by /stream, each the JSON text that a worker posted; those of a lost attempt stay before those of the
    next one.
    """

    id: str
    request: dict[str, Any]
    sync: bool
    queued_at: float
    execution_s: float
    ttl_s: float
    state: JobState = JobState.IN_QUEUE
    worker: str | None = None
    taken_at: float | None = None
    ended_at: float | None = None
    due_at: float = 0.0  # not handed out before
    retries: int = 0
    items: deque[bytes] = field(default_factory=deque)
    streamed: int = 0
    output: Any = None
    error: str | None = None

    def apply(self, event: JobEvent) -> None:
        """Change the state as `TRANSITIONS` has it.

        Raises:
            IllegalEventError: The event cannot happen in this state.
        """
        state = TRANSITIONS[self.state].get(event)
        if state is None:
            raise IllegalEventError(self.state, event)
        self.state = state

    @property
    def final(self) -> bool:
        """Whether the job has ended; only /retry changes it then."""
        return self.state in FINAL

    def expired(self, now: float) -> str | None:
        """Return which time limit the job has exceeded, or None."""
        if now - self.queued_at >= self.ttl_s:
            return f"job exceeded its ttl of {self.ttl_s * 1000:.0f} ms"
        running = self.state is JobState.IN_PROGRESS and self.taken_at is not None
        if running and now - (self.taken_at or 0.0) >= self.execution_s:
            return f"job exceeded its executionTimeout of {self.execution_s * 1000:.0f} ms"
        return None


class Queue:
    """All jobs of one endpoint, in the order in which they are due.

    Args:
        max_retries: How often a job whose worker was lost is queued again; after that it fails.
    """

    def __init__(self, max_retries: int = 1) -> None:
        self.jobs: dict[str, QueuedJob] = {}
        self.active: dict[str, QueuedJob] = {}
        self.waiting: deque[QueuedJob] = deque()
        self.ended: Counter[JobState] = Counter()  # since the start: pruned jobs stay counted
        self.retried = 0
        self._max_retries = max_retries

    def submit(self, job: QueuedJob) -> None:
        """Put a new job at the end of the queue."""
        self.jobs[job.id] = job
        self._enqueue(job)

    def take(self, worker: str, count: int, now: float, barred: Collection[str] = ()) -> list[QueuedJob]:
        """Hand up to `count` of the oldest jobs to `worker`, without the ids in `barred`; return them."""
        taken = [job for job in self.waiting if job.id not in barred and job.due_at <= now][:count]
        for job in taken:
            job.apply(JobEvent.TAKEN)
            self.waiting.remove(job)
            job.worker, job.taken_at = worker, now
        return taken

    def add_item(self, job_id: str, worker: str, item: bytes) -> bool:
        """Append a streamed record; return False if it is late or from another worker."""
        job = self._held_by(job_id, worker)
        if job is None:
            return False
        job.items.append(item)
        job.streamed += 1
        return True

    def add_progress(self, job_id: str, worker: str, output: Any) -> bool:
        """Show an intermediate output; return False if it is late or from another worker."""
        job = self._held_by(job_id, worker)
        if job is None:
            return False
        job.output = output
        return True

    def finish(self, job_id: str, worker: str, result: dict[str, Any], now: float) -> bool:
        """End a job with its worker's result; return False if it is late or from another worker."""
        job = self._held_by(job_id, worker)
        if job is None:
            return False
        if result.get("error"):
            self._fail(job, str(result["error"]), now)
        else:
            job.output = result.get("output")
            self._end(job, JobEvent.FINISHED, now)
        return True

    def cancel(self, job: QueuedJob, now: float) -> None:
        """Cancel a queued or running job; a final one is left as it is."""
        if not job.final:
            self._end(job, JobEvent.CANCELLED, now)

    def fail(self, job: QueuedJob, error: str, now: float) -> None:
        """End a queued or running job with an error that is not its worker's."""
        self._fail(job, error, now)

    def retry(self, job: QueuedJob, now: float) -> None:
        """Queue a FAILED or TIMED_OUT job again; its former output is removed.

        Raises:
            IllegalEventError: The job is in another state.
        """
        job.apply(JobEvent.RETRIED)
        job.worker = job.taken_at = job.ended_at = job.error = job.output = None
        job.items.clear()
        job.queued_at, job.retries = now, 0
        self.retried += 1
        self._enqueue(job)

    def purge(self, now: float) -> list[QueuedJob]:
        """Cancel all waiting jobs; return them."""
        purged = list(self.waiting)
        for job in purged:
            self._end(job, JobEvent.CANCELLED, now)
        return purged

    def next_due(self, now: float) -> float:
        """Return when the next delayed job may be handed out: infinity if there is none."""
        return min((job.due_at for job in self.waiting if job.due_at > now), default=float("inf"))

    def lose(self, worker: str, now: float, pause_s: float = 0.0) -> list[QueuedJob]:
        """Queue the jobs of a lost worker again, at the front, due after `pause_s`; return them.

        A job that was lost `max_retries` times before fails instead.
        """
        lost = self.running(worker)
        for job in reversed(lost):
            if job.retries >= self._max_retries:
                self._fail(job, f"worker was lost while running the job, after {job.retries} retries", now)
                continue
            job.apply(JobEvent.LOST)
            job.worker = job.taken_at = job.output = None
            job.due_at = now + pause_s
            job.retries += 1
            self.retried += 1
            self.waiting.appendleft(job)
        return lost

    def expire(self, now: float) -> list[QueuedJob]:
        """Time out all jobs that have exceeded a time limit; return them."""
        late = [(job, why) for job in self.active.values() if (why := job.expired(now))]
        for job, why in late:
            job.error = why
            self._end(job, JobEvent.EXPIRED, now)
        return [job for job, _ in late]

    def prune(self, now: float) -> list[str]:
        """Remove the jobs that ended long enough ago; return their ids."""
        old = [
            job.id
            for job in self.jobs.values()
            if job.ended_at is not None and now - job.ended_at >= KEPT_S[job.sync]
        ]
        for job_id in old:
            del self.jobs[job_id]
        return old

    def running(self, worker: str) -> list[QueuedJob]:
        """Return the jobs that the worker runs."""
        return [job for job in self.active.values() if job.worker == worker]

    def _held_by(self, job_id: str, worker: str) -> QueuedJob | None:
        job = self.active.get(job_id)
        return job if job is not None and job.worker == worker else None

    def _enqueue(self, job: QueuedJob) -> None:
        self.active[job.id] = job
        self.waiting.append(job)

    def _fail(self, job: QueuedJob, error: str, now: float) -> None:
        job.error, job.output = error, None
        self._end(job, JobEvent.RAISED, now)

    def _end(self, job: QueuedJob, event: JobEvent, now: float) -> None:
        job.apply(event)
        if event is not JobEvent.FINISHED:
            job.output = None
        job.ended_at = now
        del self.active[job.id]
        if job.worker is None:
            self.waiting.remove(job)
        self.ended[job.state] += 1
