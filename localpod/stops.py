"""Which running jobs their workers have still to stop. Pure, without a clock.

The SDK drops a stop that arrives between taking a job and starting it, without a report. So a stop is
repeated until there is proof that the job no longer runs.
"""

from dataclasses import dataclass

__all__ = ["REPEAT_S", "Stops"]

REPEAT_S = 0.2
# A ping that is sent while the take's reply is under way does not name the job yet, so one ping without
# the job's name proves nothing; two do, since they are sent at least a second apart.
PINGS_WITHOUT = 2


@dataclass
class _Stop:
    due_at: float
    pings_without: int = 0


class Stops:
    """Stops that were requested and not yet confirmed, by worker and job."""

    def __init__(self) -> None:
        self._stops: dict[str, dict[str, _Stop]] = {}

    def request(self, worker: str, job_id: str, now: float) -> None:
        """Have the worker stop the job: due now, and repeatedly until it is settled."""
        self._stops.setdefault(worker, {})[job_id] = _Stop(due_at=now)

    def due(self, worker: str, now: float, repeat_s: float = REPEAT_S) -> list[str]:
        """Return the jobs whose stop is to be sent to the worker now; each is due again after `repeat_s`."""
        due = {job_id: stop for job_id, stop in self._stops.get(worker, {}).items() if stop.due_at <= now}
        for stop in due.values():
            stop.due_at = now + repeat_s
        return list(due)

    def next_due(self, worker: str) -> float:
        """Return when the next stop is due: infinity if none is pending."""
        return min((stop.due_at for stop in self._stops.get(worker, {}).values()), default=float("inf"))

    def pending(self, worker: str) -> list[str]:
        """Return the jobs that are to stop and that the worker may still run."""
        return list(self._stops.get(worker, ()))

    def pinged(self, worker: str, running: set[str]) -> None:
        """Note the jobs that the worker reports as running."""
        for job_id, stop in list(self._stops.get(worker, {}).items()):
            stop.pings_without = 0 if job_id in running else stop.pings_without + 1
            if stop.pings_without >= PINGS_WITHOUT:
                self.settle(worker, job_id)

    def settle(self, worker: str, job_id: str) -> None:
        """Drop a stop: the job has ended at the worker."""
        self._stops.get(worker, {}).pop(job_id, None)

    def forget(self, worker: str) -> None:
        """Drop all stops of a worker that has ended."""
        self._stops.pop(worker, None)
