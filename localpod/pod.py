"""The endpoint's state in one place: queue, workers, pending stops, and the bells that wake who waits."""

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

WORK = "work"  # the bell of the launcher and of the workers' polls; the others are named after jobs
SILENCE_S = 40.0  # a worker that is no child of ours is given up after this long without a word
PRUNE_EVERY_S = 1.0


class Notifier:
    """Wakes tasks by name. Look at the state, then `wait`, with no `await` between: no ring is missed."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}

    def ring(self, *names: str) -> None:
        """Wake all who wait for these names now."""
        for name in names:
            if event := self._events.pop(name, None):
                event.set()

    def ring_all(self) -> None:
        """Wake everyone."""
        self.ring(*self._events)

    async def wait(self, name: str, timeout_s: float) -> None:
        """Return at the next ring, or after `timeout_s`."""
        event = self._events.setdefault(name, asyncio.Event())
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return


@dataclass
class PodWorker:
    """One worker as the platform sees it; `pid` is None for one that we did not start."""

    id: str
    born_at: float
    seen_at: float
    busy_at: float  # the last moment it was not idle
    pid: int | None = None
    ready: bool = False  # has asked for a job
    stopping: bool = False  # gets no more jobs
    taken: int = 0


class Pod:
    """What the routes and the launcher share. Every change goes through a method that rings the bells."""

    def __init__(self, options: EndpointOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self.clock = clock
        self.faults = Faults(dict(options.faults))
        self.queue = Queue(options.retries)
        self.stops = Stops()
        self.bells = Notifier()
        self.workers: dict[str, PodWorker] = {}
        self.doomed: dict[str, str] = {}  # workers that the launcher is to end, each with `kill` or `term`
        self.closing = False
        self.last_failure: str | None = None  # why a worker could not start, for the page
        self._gone: set[str] = set()
        self._pruned_at = clock()

    def submit(self, job: QueuedJob) -> None:
        """Queue a job and tell the workers."""
        self.queue.submit(job)
        self.bells.ring(WORK)

    def worker(self, worker_id: str) -> PodWorker:
        """Return the worker with this id, known from now on, and note that it gave a sign of life.

        One that is gone stays so, whatever it had sent before: it comes back as stopping.
        """
        now = self.clock()
        if worker_id in self._gone:
            return PodWorker(worker_id, now, now, now, stopping=True)
        known = self.workers.setdefault(worker_id, PodWorker(worker_id, now, now, now))
        known.seen_at = now
        return known

    def take(self, worker: PodWorker, count: int) -> list[QueuedJob]:
        """Hand jobs to a worker, none that it may still be running from an earlier attempt."""
        jobs = self.queue.take(worker.id, count, self.clock(), self.stops.pending(worker.id))
        if jobs:
            worker.taken += len(jobs)
            self.last_failure = None
        self.bells.ring(*(job.id for job in jobs))
        for job in jobs:
            self._befall(job, self.faults.at_take(job.id))
        return jobs

    def add_item(self, job_id: str, worker_id: str, item: bytes) -> None:
        """Keep a streamed record for the next /stream; a late one is dropped."""
        if self.queue.add_item(job_id, worker_id, item):
            self.bells.ring(job_id)
            self._fate(self.queue.active[job_id])

    def finish(self, job_id: str, worker_id: str, result: dict[str, Any]) -> None:
        """End a job as its worker says; of a job that is not the worker's, it proves only that it ended."""
        self.stops.settle(worker_id, job_id)
        self.queue.finish(job_id, worker_id, result, self.clock())
        self.bells.ring(job_id, WORK)

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
        """Queue a job again; raises IllegalEventError where that cannot be."""
        self.queue.retry(job, self.clock())
        self.bells.ring(job.id, WORK)

    def purge(self) -> int:
        """Cancel all waiting jobs; return how many."""
        purged = self.queue.purge(self.clock())
        self.bells.ring(*(job.id for job in purged))
        return len(purged)

    def fail_waiting(self, error: str) -> None:
        """Fail all waiting jobs: there is nobody to run them."""
        for job in list(self.queue.waiting):
            self.queue.fail(job, error, self.clock())
            self.bells.ring(job.id)

    def pinged(self, worker_id: str, running: set[str]) -> None:
        """Take note of a ping, which names the jobs that the worker runs."""
        self.worker(worker_id)
        self.stops.pinged(worker_id, running)

    def lose(self, worker_id: str) -> None:
        """Forget a worker that is gone; its jobs are queued again."""
        worker = self.workers.pop(worker_id, None)
        if worker is not None and worker.pid is not None:
            self._gone.add(worker_id)
        self.stops.forget(worker_id)
        self.doomed.pop(worker_id, None)
        jobs = self.queue.lose(worker_id, self.clock(), self.faults.setting("redispatch"))
        self.bells.ring(WORK, *(job.id for job in jobs))

    def tick(self) -> None:
        """Do what only the passing of time brings about."""
        now = self.clock()
        for job in self.queue.expire(now):
            self._ended(job)
        if self.faults.timed:
            for job in list(self.queue.active.values()):
                self._fate(job)
        for worker in list(self.workers.values()):
            if not worker.ready or self.queue.running(worker.id) or self.stops.pending(worker.id):
                worker.busy_at = now
            if worker.pid is None and now - worker.seen_at >= SILENCE_S:
                self.lose(worker.id)
        if now - self._pruned_at >= PRUNE_EVERY_S:
            self._pruned_at = now
            pruned = self.queue.prune(now)
            self.faults.forget(pruned)
            self.bells.ring(*pruned)

    def close(self) -> None:
        """Answer everyone who waits, and let nobody wait from now on."""
        self.closing = True
        self.bells.ring_all()

    def stops_due(self, worker: PodWorker) -> list[str]:
        """Return the jobs that the worker is to be told to stop now."""
        repeat_s = float("inf") if self.faults.setting("stop-once") else REPEAT_S
        return self.stops.due(worker.id, self.clock(), repeat_s)

    def _fate(self, job: QueuedJob) -> None:
        """Let befall a running job what is due."""
        if job.state is JobState.IN_PROGRESS and job.taken_at is not None:
            self._befall(job, self.faults.due(job.id, job.streamed, self.clock() - job.taken_at))

    def _befall(self, job: QueuedJob, events: list[str]) -> None:
        for event in events:
            worker = self.workers.get(job.worker or "")
            if event == "cancel":
                self.cancel(job)
            elif worker is not None and worker.pid is None:
                self.lose(worker.id)  # no child of ours: for us it is as good as gone
            elif worker is not None:
                self.doomed[worker.id] = event
                self.bells.ring(WORK)

    def _ended(self, job: QueuedJob) -> None:
        if job.worker is not None:
            self.stops.ask(job.worker, job.id, self.clock())
        self.bells.ring(job.id, WORK)
