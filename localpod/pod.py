"""The endpoint's state: queue, workers, pending stops; changes wake the tasks that wait for them."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localpod.faults import Faults
from localpod.queue import JobState, Queue, QueuedJob
from localpod.settings import EndpointOptions
from localpod.stops import REPEAT_S, Stops

__all__ = ["WORK", "Notifier", "Pod", "PodWorker"]

WORK = "work"  # the topic of the launcher and of the workers' polls; a job's topic is its id
SILENCE_S = 40.0  # without a request, after which a worker that localpod did not start counts as lost
PRUNE_EVERY_S = 1.0


class Notifier:
    """Wakes tasks by topic. Read the state, then `wait`, with no `await` between: no change is missed."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def notify(self, *topics: str) -> None:
        """Wake all tasks that wait for these topics now."""
        for topic in topics:
            if event := self._events.pop(topic, None):
                event.set()

    def notify_all(self) -> None:
        """Wake all tasks."""
        self.notify(*self._events)

    async def wait(self, topic: str, timeout_s: float) -> None:
        """Return at the next change, or after `timeout_s`."""
        event = self._events.setdefault(topic, asyncio.Event())
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return


@dataclass
class PodWorker:
    """One worker as the platform sees it; `pid` is None if localpod did not start it."""

    id: str
    born_at: float
    seen_at: float
    busy_at: float  # when it was last not idle
    pid: int | None = None
    ready: bool = False  # has asked for a job
    stopping: bool = False  # gets no more jobs
    taken: int = 0


class Pod:
    """What the routes and the launcher share. Its methods wake the tasks that wait for a change."""

    def __init__(self, options: EndpointOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self.clock = clock
        self.faults = Faults(dict(options.faults))
        self.queue = Queue(options.retries)
        self.stops = Stops()
        self.changes = Notifier()
        self.workers: dict[str, PodWorker] = {}
        self.pending_kills: dict[str, str] = {}  # `kill` or `term`, for the launcher, by worker
        self.closing = False
        self.last_failure: str | None = None  # why a worker could not start, for the page
        self._lost: set[str] = set()
        self._pruned_at = clock()

    def submit(self, job: QueuedJob) -> None:
        """Queue a job and wake the workers' polls."""
        self.queue.submit(job)
        self.changes.notify(WORK)

    def worker(self, worker_id: str) -> PodWorker:
        """Return the worker with this id, registering it if it is new, and note the time.

        A late request does not register a lost worker again: it gets one that is stopping.
        """
        now = self.clock()
        if worker_id in self._lost:
            return PodWorker(worker_id, now, now, now, stopping=True)
        known = self.workers.setdefault(worker_id, PodWorker(worker_id, now, now, now))
        known.seen_at = now
        return known

    def take(self, worker: PodWorker, count: int) -> list[QueuedJob]:
        """Hand up to `count` jobs to a worker, but none that it may still run from an earlier attempt."""
        jobs = self.queue.take(worker.id, count, self.clock(), self.stops.pending(worker.id))
        if jobs:
            worker.taken += len(jobs)
            self.last_failure = None
        self.changes.notify(*(job.id for job in jobs))
        for job in jobs:
            self._apply_faults(job, self.faults.on_take(job.id))
        return jobs

    def add_item(self, job_id: str, worker_id: str, item: bytes) -> None:
        """Keep a streamed record for the next /stream; drop a late one."""
        if self.queue.add_item(job_id, worker_id, item):
            self.changes.notify(job_id)
            self._apply_due_faults(self.queue.active[job_id])

    def finish(self, job_id: str, worker_id: str, result: dict[str, Any]) -> None:
        """End a job with its worker's result; from another worker it only settles a stop."""
        self.stops.settle(worker_id, job_id)
        self.queue.finish(job_id, worker_id, result, self.clock())
        self.changes.notify(job_id, WORK)

    def refuse_result(self, job_id: str, worker_id: str, why: str) -> None:
        """Fail a job whose result was answered with a 400.

        The SDK does not try again: without this the job would run until it times out.
        """
        self.finish(job_id, worker_id, {"error": f"the worker's result was refused: {why}"})

    def cancel(self, job: QueuedJob) -> None:
        """Cancel a job and have its worker stop it."""
        if not job.final:
            self.queue.cancel(job, self.clock())
            self._ended(job)

    def retry(self, job: QueuedJob) -> None:
        """Queue a job again; raises as `Queue.retry`."""
        self.queue.retry(job, self.clock())
        self.changes.notify(job.id, WORK)

    def purge(self) -> int:
        """Cancel all waiting jobs; return how many."""
        purged = self.queue.purge(self.clock())
        self.changes.notify(*(job.id for job in purged))
        return len(purged)

    def fail_waiting(self, error: str) -> None:
        """Fail all waiting jobs: no worker can be started for them."""
        for job in list(self.queue.waiting):
            self.queue.fail(job, error, self.clock())
            self.changes.notify(job.id)

    def pinged(self, worker_id: str, running: set[str]) -> None:
        """Note a ping, which names the jobs that the worker runs."""
        self.worker(worker_id)
        self.stops.pinged(worker_id, running)

    def lose(self, worker_id: str) -> None:
        """Remove a worker that has ended; its jobs are queued again."""
        worker = self.workers.pop(worker_id, None)
        if worker is not None and worker.pid is not None:
            self._lost.add(worker_id)
        self.stops.forget(worker_id)
        self.pending_kills.pop(worker_id, None)
        jobs = self.queue.lose(worker_id, self.clock(), self.faults.setting("redispatch"))
        self.changes.notify(WORK, *(job.id for job in jobs))

    def tick(self) -> None:
        """Do what depends on time: expire jobs, apply due faults, find silent workers, prune results."""
        now = self.clock()
        for job in self.queue.expire(now):
            self._ended(job)
        if self.faults.timed:
            for job in list(self.queue.active.values()):
                self._apply_due_faults(job)
        for worker in list(self.workers.values()):
            if not worker.ready or self.queue.running(worker.id) or self.stops.pending(worker.id):
                worker.busy_at = now
            if worker.pid is None and now - worker.seen_at >= SILENCE_S:
                self.lose(worker.id)
        if now - self._pruned_at >= PRUNE_EVERY_S:
            self._pruned_at = now
            pruned = self.queue.prune(now)
            self.faults.forget(pruned)
            self.changes.notify(*pruned)

    def close(self) -> None:
        """End all waits, now and from now on."""
        self.closing = True
        self.changes.notify_all()

    def stops_due(self, worker: PodWorker) -> list[str]:
        """Return the ids of the jobs that the worker is to stop, to be sent to it now."""
        repeat_s = float("inf") if self.faults.setting("stop-once") else REPEAT_S
        return self.stops.due(worker.id, self.clock(), repeat_s)

    def _apply_due_faults(self, job: QueuedJob) -> None:
        """Apply the faults that are due to a running job."""
        if job.state is JobState.IN_PROGRESS and job.taken_at is not None:
            self._apply_faults(job, self.faults.due(job.id, job.streamed, self.clock() - job.taken_at))

    def _apply_faults(self, job: QueuedJob, events: list[str]) -> None:
        for event in events:
            worker = self.workers.get(job.worker or "")
            if event == "cancel":
                self.cancel(job)
            elif worker is not None and worker.pid is None:
                self.lose(worker.id)  # localpod cannot signal it, and treats it as lost
            elif worker is not None:
                self.pending_kills[worker.id] = event
                self.changes.notify(WORK)

    def _ended(self, job: QueuedJob) -> None:
        if job.worker is not None:
            self.stops.request(job.worker, job.id, self.clock())
        self.changes.notify(job.id, WORK)
