"""Which running jobs their workers have yet to stop: pure, no clock of its own.

The SDK forgets a stop that reaches it between taking a job and starting it, and tells nobody. So a stop
is repeated until there is proof that the job no longer runs.
"""

from dataclasses import dataclass

__all__ = ["REPEAT_S", "Stops"]

REPEAT_S = 0.2
# A ping that leaves while the take's reply is under way does not name the job yet, so one ping without
# the job's name is no proof; two are, since they leave at least a second apart.
PINGS_WITHOUT = 2


@dataclass
class _Stop:
    due_at: float
    pings_without: int = 0


class Stops:
    """Stops asked for and not yet seen to be done, by worker and job."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, _Stop]] = {}

    def ask(self, worker: str, job_id: str, now: float) -> None:
        """Want the job stopped by the worker, at once and then again and again."""
        self._of.setdefault(worker, {})[job_id] = _Stop(due_at=now)

    def due(self, worker: str, now: float, repeat_s: float = REPEAT_S) -> list[str]:
        """Return the jobs to name to the worker now; each is next due after `repeat_s`."""
        due = {job_id: stop for job_id, stop in self._of.get(worker, {}).items() if stop.due_at <= now}
        for stop in due.values():
            stop.due_at = now + repeat_s
        return list(due)

    def next_due(self, worker: str) -> float:
        """Return when `due` is next worth asking: infinity if nothing is pending."""
        return min((stop.due_at for stop in self._of.get(worker, {}).values()), default=float("inf"))

    def pending(self, worker: str) -> list[str]:
        """Return the jobs that the worker may still be running although they are to stop."""
        return list(self._of.get(worker, ()))

    def pinged(self, worker: str, running: set[str]) -> None:
        """Take note of the jobs that the worker says it runs."""
        for job_id, stop in list(self._of.get(worker, {}).items()):
            stop.pings_without = 0 if job_id in running else stop.pings_without + 1
            if stop.pings_without >= PINGS_WITHOUT:
                self.settle(worker, job_id)

    def settle(self, worker: str, job_id: str) -> None:
        """The job has ended at the worker."""
        self._of.get(worker, {}).pop(job_id, None)

    def forget(self, worker: str) -> None:
        """The worker is gone, and its jobs with it."""
        self._of.pop(worker, None)
