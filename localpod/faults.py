"""Failures on purpose, for tests and drills: what fails, and when. No I/O, no clock.

docs/start/local.md describes the faults. A fault is a name with a number; 0 turns it off. Which requests and
jobs fail depends on a seed and on the order of the calls alone. There are three kinds of names:

* `ACTION.ROUTE=N` applies to one request in N of a route (`ACTIONS`, `ROUTES`; `api` is all public routes
  together): to exactly one of each N, which the seed picks. `delay.ROUTE=S` delays every reply by S seconds.
* `EVENT.MOMENT=X` happens to a running job, once (`EVENTS`, `MOMENTS`).
* The others are settings (`SETTINGS`).
"""

import difflib
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["FaultError", "Faults", "RequestFault", "names"]

API = ("run", "stream", "status", "cancel", "health")
ROUTES: dict[str, tuple[str, ...]] = {
    "run": ("run", "runsync"),
    "stream": ("stream",),
    "status": ("status", "status-sync"),
    "cancel": ("cancel", "retry", "purge-queue"),
    "health": ("health",),
    "take": ("job-take", "job-take-batch"),
    "stop": ("job-stop",),
    "chunk": ("job-stream",),
    "done": ("job-done",),
    "ping": ("ping",),
}
"""Fault routes, with the first part of the paths (after the endpoint's id) that belong to them."""

ACTIONS = (
    "close",  # the connection is closed before anything is done
    "never",  # no answer, and nothing done, for as long as the client waits
    "400",  # refused, nothing done
    "429",  # refused with Retry-After, nothing done
    "500",  # refused, nothing done
    "lose",  # answered with 200, but nothing done
    "drop",  # all is done, but the connection is closed instead of the reply
    "cut",  # all is done, but the connection is closed in the middle of the reply
)
"""What can happen to a request; the first that applies does."""

EVENTS = (
    "kill",  # SIGKILL to its worker's process group
    "term",  # SIGTERM to its worker, and SIGKILL if it has not ended by then
    "cancel",  # the job is cancelled
)
"""What can happen to a running job: each at most once for a job, in all of its attempts."""

MOMENTS = (
    "take",  # as the job is handed to a worker, one job in X
    "records",  # after X records
    "seconds",  # after X seconds
    "random",  # within X seconds, at a time that the seed picks
)
"""When it happens."""

SETTINGS: dict[str, float] = {
    "seed": 0,  # another seed picks other requests, jobs and times
    "jobs": 1,  # events happen to one job in so many
    "retry-after": 1,  # seconds that a 429 asks for
    "redispatch": 0,  # seconds before the jobs of a lost worker are handed out again
    "rude": 0,  # 1: before SIGTERM, polls are not answered, and jobs are still handed over after it
    "stop-once": 0,  # 1: a stop is sent to the worker once, and not repeated until it has taken effect
    "done-limit": 0,  # bytes of a job-done above which it is refused; 0: the platform's limit
}
"""The other names, with their defaults."""

MAX = 1_000_000_000  # the highest value of any fault


class FaultError(ValueError):
    """The fault does not exist, or does not take this value."""


@dataclass(frozen=True)
class RequestFault:
    """What is to happen to one request: `action` is one of `ACTIONS` or None."""

    action: str | None = None
    delay_s: float = 0.0


@dataclass
class _JobFaults:
    """A job's number in the order in which jobs were first taken, and the events that happened to it."""

    number: int
    applied: set[str] = field(default_factory=set)


class Faults:
    """The faults in force, and how often each was applied."""

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        self.applied: Counter[str] = Counter()
        self._values: dict[str, float] = {}
        self._requests: Counter[str] = Counter()
        self._job_faults: dict[str, _JobFaults] = {}
        self._jobs = 0
        self.set(values or {})

    def set(self, values: Mapping[str, object]) -> None:
        """Turn faults on, or off with 0; the others stay as they are. A seed restarts the counting.

        Raises:
            FaultError: A name or a value is wrong; nothing is changed then.
        """
        checked = {name: _checked(name, value) for name, value in values.items()}
        if "seed" in checked:
            self._requests.clear()
            self._jobs = 0
        self._values.update(checked)

    def clear(self) -> None:
        """Turn all faults off and forget all counts."""
        for table in (self.applied, self._values, self._requests, self._job_faults):
            table.clear()
        self._jobs = 0

    def active(self) -> dict[str, float]:
        """Return the faults whose value differs from the default."""
        return {name: value for name, value in self._values.items() if value != _default(name)}

    def setting(self, name: str) -> float:
        """Return one of `SETTINGS`."""
        return self._values.get(name, _default(name))

    @property
    def timed(self) -> bool:
        """Whether an event depends on how long a job has run."""
        return any(self._values.get(f"{event}.{at}") for event in EVENTS for at in ("seconds", "random"))

    def on_request(self, path: str) -> RequestFault:
        """Return what is to happen to a request, by the first part of its path after the endpoint's id."""
        route = next((route for route, paths in ROUTES.items() if path in paths), None)
        if route is None or not self._values:
            return RequestFault()
        groups = (route, "api") if route in API else (route,)
        # Every action counts the request, even where another comes first: so each applies to one in N.
        hits = [action for action in ACTIONS for group in groups if self._one_in(f"{action}.{group}")]
        delay_s = max(self._values.get(f"delay.{group}", 0.0) for group in groups)
        if hits:
            self.applied[f"{hits[0]}.{route}"] += 1
        return RequestFault(hits[0] if hits else None, delay_s)

    def on_take(self, job_id: str) -> list[str]:
        """Return the events that happen to a job as it is handed to a worker."""
        if job_id not in self._job_faults:
            self._job_faults[job_id] = _JobFaults(self._jobs)
            self._jobs += 1
        job = self._job_faults[job_id]
        chosen = [event for event in EVENTS if self._chosen(f"{event}.take", job.number)]
        return [event for event in chosen if self._apply_once(job, event)]

    def due(self, job_id: str, records: int, ran_s: float) -> list[str]:
        """Return the events that are to happen to a running job now, each once.

        Args:
            job_id: The job; without `on_take` before, nothing happens to it.
            records: How many records it has streamed.
            ran_s: Seconds since it was taken.
        """
        job = self._job_faults.get(job_id)
        if job is None or not self._chosen("jobs", job.number):
            return []
        due = [event for event in EVENTS if self._is_due(event, job.number, records, ran_s)]
        return [event for event in due if self._apply_once(job, event)]

    def forget(self, job_ids: Iterable[str]) -> None:
        """Drop the state of these jobs."""
        for job_id in job_ids:
            self._job_faults.pop(job_id, None)

    def _is_due(self, event: str, number: int, records: int, ran_s: float) -> bool:
        wanted = self._values.get
        count = wanted(f"{event}.records", 0.0)
        random_s = wanted(f"{event}.random", 0.0) * self._fraction(event, number)
        times = (wanted(f"{event}.seconds", 0.0), random_s)
        return bool(count and records >= count) or any(0 < at_s <= ran_s for at_s in times)

    def _apply_once(self, job: _JobFaults, event: str) -> bool:
        if event in job.applied:
            return False
        job.applied.add(event)
        self.applied[event] += 1
        return True

    def _one_in(self, name: str) -> bool:
        if not self._values.get(name):
            return False
        self._requests[name] += 1
        return self._chosen(name, self._requests[name] - 1)

    def _chosen(self, name: str, number: int) -> bool:
        """Whether the seed picked `number` (from 0) of its block of N numbers."""
        one_in = int(self._values.get(name, _default(name)))
        if not one_in:
            return False
        block, place = divmod(number, one_in)
        return place == int(self._fraction(name, block) * one_in)

    def _fraction(self, *key: object) -> float:
        """Return a number in [0, 1) that depends on the seed and on `key` alone."""
        text = "|".join(map(str, (self.setting("seed"), *key)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def _default(name: str) -> float:
    return SETTINGS.get(name, 0.0)


def _checked(name: str, value: object) -> float:
    """Return the fault's value; raise FaultError if the name or the value is wrong."""
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, 1)
        raise FaultError(f"{name!r} is not a fault" + (f", did you mean {near[0]!r}?" if near else ""))
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not 0 <= number <= MAX or (NAMES[name] and number != int(number)):
        kind = "a whole number" if NAMES[name] else "a number"
        raise FaultError(f"{name} is {value!r}, expected {kind} from 0 to {MAX:,}")
    return float(number)


def _names() -> dict[str, bool]:
    """Return the name of every fault, and whether its value is a whole number."""
    routes = [*ROUTES, "api"]
    posts = ("chunk", "done")
    names = {f"{act}.{route}": True for act in ACTIONS for route in (posts if act == "lose" else routes)}
    names |= {f"delay.{route}": False for route in routes}
    names |= {f"{event}.{at}": at in ("take", "records") for event in EVENTS for at in MOMENTS}
    return names | {name: name != "redispatch" for name in SETTINGS}


NAMES = _names()


def names() -> str:
    """Return the names of all faults in one line."""
    actions, routes = "|".join([*ACTIONS, "delay"]), "|".join([*ROUTES, "api"])
    events, moments = "|".join(EVENTS), "|".join(MOMENTS)
    return f"the names are ({actions}).({routes}), ({events}).({moments}), {', '.join(SETTINGS)}"
