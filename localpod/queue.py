"""Jobs and what may happen to them: a pure state machine, with no clock, file or socket.

Every change of a job's state is an entry of `TRANSITIONS`. Times are seconds of whatever clock the
caller passes as `now`.
"""

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["FINAL", "TRANSITIONS", "IllegalEventError", "JobEvent", "JobState", "Queue", "QueuedJob"]

KEPT_S = {False: 30 * 60, True: 60}  # result of /run and of /runsync, after the end


class JobState(StrEnum):
    """What the public API calls `status`."""

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
    RAISED = "raised"  # the worker posted an error, or nobody could run the job
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # its time to live or to run is over
    LOST = "lost"  # its worker is gone
    RETRIED = "retried"  # the user asked for it again


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
    """One request and what became of it.

    `request` is the body as sent (`input`, `webhook`, `policy`, …). `items` are the stream's records
    that nobody has fetched, each the JSON text a worker posted; those of a lost attempt stay in front
    of those of the next.
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
        """Change the state by the table.

        Raises:
            IllegalEventError: the table has no such entry.
        """
        state = TRANSITIONS[self.state].get(event)
        if state is None:
            raise IllegalEventError(self.state, event)
        self.state = state

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the job by itself."""
        return self.state in FINAL

    def expired(self, now: float) -> str | None:
        """Return why the job's time is over, or None while it is not."""
        if now - self.queued_at >= self.ttl_s:
            return f"job exceeded its ttl of {self.ttl_s * 1000:.0f} ms"
        running = self.state is JobState.IN_PROGRESS and self.taken_at is not None
        if running and now - (self.taken_at or 0.0) >= self.execution_s:
            return f"job exceeded its executionTimeout of {self.execution_s * 1000:.0f} ms"
        return None


class Queue:
    """All jobs of one endpoint, in the order in which they are due.

    `max_retries`: dispatches after the first, before a lost job is given up as the platform does.
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
        """Hand up to `count` of the oldest jobs to `worker`, leaving out the ids in `barred`."""
        taken = [job for job in self.waiting if job.id not in barred and job.due_at <= now][:count]
        for job in taken:
            job.apply(JobEvent.TAKEN)
            self.waiting.remove(job)
            job.worker, job.taken_at = worker, now
        return taken

    def add_item(self, job_id: str, worker: str, item: bytes) -> bool:
        """Append a streamed record; return False when it came late or from another worker."""
        job = self._held_by(job_id, worker)
        if job is None:
            return False
        job.items.append(item)
        job.streamed += 1
        return True

    def add_progress(self, job_id: str, worker: str, output: Any) -> bool:
        """Show an intermediate output; return False when it came late or from another worker."""
        job = self._held_by(job_id, worker)
        if job is None:
            return False
        job.output = output
        return True

    def finish(self, job_id: str, worker: str, result: dict[str, Any], now: float) -> bool:
        """End a job with what its worker posted; return False when that came late or from another."""
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
        """Queue a FAILED or TIMED_OUT job again; what it had put out is removed.

        Raises:
            IllegalEventError: the job is in another state.
        """
        job.apply(JobEvent.RETRIED)
        job.worker = job.taken_at = job.ended_at = job.error = job.output = None
        job.items.clear()
        job.queued_at, job.retries = now, 0
        self.retried += 1
        self._enqueue(job)

    def purge(self, now: float) -> list[QueuedJob]:
        """Cancel every job that waits; return them."""
        purged = list(self.waiting)
        for job in purged:
            self._end(job, JobEvent.CANCELLED, now)
        return purged

    def next_due(self, now: float) -> float:
        """Return when a job that must still wait may be handed out: infinity if there is none."""
        return min((job.due_at for job in self.waiting if job.due_at > now), default=float("inf"))

    def lose(self, worker: str, now: float, pause_s: float = 0.0) -> list[QueuedJob]:
        """Queue the jobs of a worker that is gone again, in front, due after `pause_s`; return them.

        One that was lost too often has FAILED instead.
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
        """Time out every job whose time is over; return them."""
        late = [(job, why) for job in self.active.values() if (why := job.expired(now))]
        for job, why in late:
            job.error = why
            self._end(job, JobEvent.EXPIRED, now)
        return [job for job, _ in late]

    def prune(self, now: float) -> list[str]:
        """Forget the results kept long enough; return their ids."""
        old = [
            job.id
            for job in self.jobs.values()
            if job.ended_at is not None and now - job.ended_at >= KEPT_S[job.sync]
        ]
        for job_id in old:
            del self.jobs[job_id]
        return old

    def running(self, worker: str) -> list[QueuedJob]:
        """Return the jobs that the worker holds."""
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
