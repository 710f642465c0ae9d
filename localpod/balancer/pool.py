"""The workers as the balancer sees them, and which of them gets a request. No I/O, no clock.

An affinity is the request's header `X-Runpod-Worker-Id`: empty, `ID` (that worker if it can), `strict ID`
(that worker only) or `strict-resume ID` (likewise, and it is started again if it was scaled away).
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Affinity", "BalancedWorker", "WorkerGone", "WorkerHealth", "WorkerPool"]


class WorkerHealth(StrEnum):
    """What a worker's pings say of it."""

    STARTING = "starting"  # not answered yet
    LOADING = "initializing"  # 204
    READY = "ready"  # 200
    UNHEALTHY = "unhealthy"  # anything else, or no answer any more
    STOPPING = "stopping"  # by the balancer


class WorkerGone(Exception):
    """The worker that a request insists on does not exist, or no longer."""


@dataclass(frozen=True, slots=True)
class Affinity:
    """Which worker a request asks for."""

    worker: str = ""
    strict: bool = False
    resume: bool = False

    @classmethod
    def parse(cls, header: str) -> "Affinity":
        """Return what the header's value asks for."""
        words = header.split()
        match words:
            case ["strict", worker]:
                return cls(worker, strict=True)
            case ["strict-resume", worker]:
                return cls(worker, strict=True, resume=True)
        return cls(" ".join(words))


@dataclass(slots=True)
class BalancedWorker:
    """One worker; times are seconds of the caller's clock."""

    id: str
    port: int
    born_at: float
    pid: int | None = None
    health: WorkerHealth = WorkerHealth.STARTING
    answered_at: float | None = None  # its last ping
    has_been_ready: bool = False
    in_flight: int = 0
    idle_since: float = 0.0

    def pinged(self, status: int | None, now: float) -> None:
        """Take a ping's status; None if it was not answered."""
        if self.health is WorkerHealth.STOPPING:
            return
        was_ready = self.health is WorkerHealth.READY
        if status is None:
            if self.answered_at is not None:
                self.health = WorkerHealth.UNHEALTHY
            return
        self.answered_at = now
        known = {200: WorkerHealth.READY, 204: WorkerHealth.LOADING}
        self.health = known.get(status, WorkerHealth.UNHEALTHY)
        if self.health is WorkerHealth.READY and not was_ready:
            self.has_been_ready, self.idle_since = True, now

    def silent_s(self, now: float) -> float:
        """Return for how long it has answered no ping."""
        return now - (self.born_at if self.answered_at is None else self.answered_at)


@dataclass(slots=True)
class WorkerPool:
    """All workers, and the requests that wait for one."""

    requests: int  # in flight for each worker
    least: int
    most: int
    workers: dict[str, BalancedWorker] = field(default_factory=dict)
    scaled_away: set[str] = field(default_factory=set)  # ids that can be resumed
    resuming: set[str] = field(default_factory=set)
    waiting: int = 0

    def choose(self, affinity: Affinity) -> BalancedWorker | None:
        """Return the worker for a request; None if it has to wait.

        Raises:
            WorkerGone: It insists on a worker that does not exist.
        """
        named = self.workers.get(affinity.worker)
        if affinity.strict:
            return self._insisted(affinity, named)
        if named is not None and self._has_room(named):
            return named
        free = [worker for worker in self.workers.values() if self._has_room(worker)]
        return min(free, key=lambda worker: worker.in_flight, default=None)

    def wanted(self) -> int:
        """Return how many workers the requests need, within the limits."""
        requests = self.waiting + sum(worker.in_flight for worker in self.serving())
        return max(self.least, min(self.most, math.ceil(requests / self.requests)))

    def missing(self) -> list[str]:
        """Return what to start now: an id for a worker to resume, "" for a new one."""
        room = self.most - len([w for w in self.workers.values() if w.health is not WorkerHealth.STOPPING])
        resumed = sorted(self.resuming)
        new = self.wanted() - len(self.serving()) - len(resumed)
        return [*resumed, *[""] * new][: max(0, room)]

    def surplus(self, now: float, idle_timeout_s: float) -> list[BalancedWorker]:
        """Return the workers to stop now: those too many, busy or not, and those idle for long enough."""
        serving = sorted(self.serving(), key=lambda worker: (worker.in_flight, worker.idle_since))
        too_many = serving[: max(0, len(serving) - self.most)]
        spare = len(serving) - len(too_many) - self.wanted()
        idle = [
            worker
            for worker in serving
            if worker.health is WorkerHealth.READY
            and not worker.in_flight
            and now - worker.idle_since >= idle_timeout_s
        ]
        return [*too_many, *[worker for worker in idle if worker not in too_many][: max(0, spare)]]

    def serving(self) -> list[BalancedWorker]:
        """Return the workers that are ready, or may become so."""
        out = {WorkerHealth.UNHEALTHY, WorkerHealth.STOPPING}
        return [worker for worker in self.workers.values() if worker.health not in out]

    def _insisted(self, affinity: Affinity, named: BalancedWorker | None) -> BalancedWorker | None:
        if named is not None:
            return named if self._has_room(named) else None
        if not affinity.resume or affinity.worker not in self.scaled_away:
            raise WorkerGone(affinity.worker)
        self.resuming.add(affinity.worker)
        return None

    def _has_room(self, worker: BalancedWorker) -> bool:
        return worker.health is WorkerHealth.READY and worker.in_flight < self.requests
