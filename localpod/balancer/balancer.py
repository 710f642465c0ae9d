"""The balancer's state: which request is at which worker; changes wake the requests that wait."""

import time
from collections.abc import Callable

from starlette.exceptions import HTTPException

from localpod.balancer.pool import Affinity, BalancedWorker, WorkerGone, WorkerHealth, WorkerPool
from localpod.pod import Notifier
from localpod.settings import BalancerOptions

__all__ = ["NEED", "WORKER_HEADER", "Balancer"]

NEED, ROOM = "need", "room"  # topics: of the workers' keeper, and of the requests that wait
WORKER_HEADER = "X-Runpod-Worker-Id"


class Balancer:
    """What the proxy and the keeper of the workers share."""

    def __init__(self, options: BalancerOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options
        self.clock = clock
        self.pool = WorkerPool(options.requests, options.workers_min, options.workers)
        self.changes = Notifier()
        self.closing = False
        self.last_failure: str | None = None  # why a worker could not start
        self.failures = 0  # how often waiting requests were given up because no worker starts

    async def take(self, header: str) -> BalancedWorker:
        """Wait for a worker, as the affinity's header says; count a request at it until `release`.

        Raises:
            HTTPException: 400 if none is free in time, 404 if the one insisted on does not exist, 502 if no
                worker can be started or one does not listen.
        """
        worker = await self._wait(Affinity.parse(header))
        worker.in_flight += 1
        return worker

    def release(self, worker: BalancedWorker) -> None:
        """Count a request at the worker no longer."""
        worker.in_flight -= 1
        worker.idle_since = self.clock()
        self.wake()

    def wake(self) -> None:
        """Have the requests that wait look again: a worker has become ready, or has room, or is gone."""
        self.changes.notify(ROOM)

    def close(self) -> None:
        """End all waits, now and from now on."""
        self.closing = True
        self.changes.notify_all()

    def give_up(self, why: str) -> None:
        """Refuse the requests that wait: no worker can be started for them."""
        self.last_failure = why
        self.failures += 1
        self.wake()

    async def _wait(self, affinity: Affinity) -> BalancedWorker:
        options = self.options
        until = self.clock() + (options.strict_wait_s if affinity.strict else options.wait_s)
        failures = self.failures
        self.pool.waiting += 1
        try:
            while (worker := self._chosen(affinity)) is None:
                if self.closing:
                    raise HTTPException(503, "localpod is being stopped")
                if failures != self.failures:
                    raise HTTPException(502, self.last_failure)
                if (left := until - self.clock()) <= 0:
                    raise self._too_late(affinity)
                self.changes.notify(NEED)
                await self.changes.wait(ROOM, left)
            return worker
        finally:
            self.pool.waiting -= 1

    def _chosen(self, affinity: Affinity) -> BalancedWorker | None:
        try:
            return self.pool.choose(affinity)
        except WorkerGone:
            raise HTTPException(404, "affinity_worker_gone") from None

    def _too_late(self, affinity: Affinity) -> HTTPException:
        if affinity.strict:
            return HTTPException(400, "timed out waiting for worker")
        mute = any(worker.health is WorkerHealth.STARTING for worker in self.pool.workers.values())
        if mute:
            return HTTPException(502, "the worker does not listen on PORT")
        return HTTPException(400, "no workers available")
