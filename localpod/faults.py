"""What is to go wrong, and when: pure, decided by a seed and by the order in which things come.

A fault is a name with a number. Three kinds of names:

* `ACTION.ROUTE=N` strikes one request in N of that route (`ACTIONS`, `ROUTES`; `api` is the public
  routes together): exactly one in each N, the seed says which. `delay.ROUTE=S` keeps every reply back
  for S seconds.
* `EVENT.MOMENT=X` strikes a running job, once (`EVENTS`, `MOMENTS`).
* the rest are settings (`SETTINGS`).

0 turns a fault off.
"""

import difflib
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["FaultError", "Faults", "Strike", "names", "overview"]

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

ACTIONS: dict[str, str] = {
    "close": "the connection is closed before anything is done",
    "never": "no answer, and nothing done, for as long as the asker waits",
    "400": "refused, nothing done",
    "429": "refused with Retry-After, nothing done",
    "500": "refused, nothing done",
    "lose": "answered 200, but nothing done",
    "drop": "all is done, but the reply is lost and the connection closed",
    "cut": "all is done, but the connection is closed in the middle of the reply",
}
"""What can befall a request, in the order in which it is tried."""

EVENTS: dict[str, str] = {
    "kill": "its worker's process group gets SIGKILL",
    "term": "its worker gets SIGTERM, and SIGKILL if it has not ended then",
    "cancel": "it is cancelled",
}
"""What can befall a running job; each at most once in a job's life, whoever runs it."""

MOMENTS: dict[str, str] = {
    "take": "as it is handed over, one job in X",
    "records": "after X records",
    "seconds": "after X seconds",
    "random": "within X seconds, the seed says when",
}
"""When it befalls the job."""

SETTINGS: dict[str, tuple[float, str]] = {
    "seed": (0, "another seed strikes others"),
    "jobs": (1, "the events strike one job in so many"),
    "retry-after": (1, "seconds that a 429 asks for"),
    "redispatch": (0, "seconds before the jobs of a lost worker are handed out again"),
    "rude": (0, "1: before SIGTERM, polls are not answered, and jobs are still handed over after it"),
    "stop-once": (0, "1: a stop is told to the worker once, not until it has worked"),
    "done-limit": (0, "bytes of a job-done over which it is refused (0: the platform's)"),
}
"""The other names, with their defaults."""

MAX = 1_000_000_000  # the highest value of any fault


class FaultError(ValueError):
    """No such fault, or no such value for it."""


@dataclass(frozen=True)
class Strike:
    """What befalls one request; `action` is one of `ACTIONS` or None."""

    action: str | None = None
    delay_s: float = 0.0


@dataclass
class _Fate:
    """A job's number in the order in which jobs were first taken, and the events it has behind it."""

    number: int
    past: set[str] = field(default_factory=set)


class Faults:
    """The faults that are on, and how often each has struck."""

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        self.struck: Counter[str] = Counter()
        self._values: dict[str, float] = {}
        self._asked: Counter[str] = Counter()
        self._fates: dict[str, _Fate] = {}
        self._jobs = 0
        self.set(values or {})

    def set(self, values: Mapping[str, object]) -> None:
        """Turn faults on (or off, with 0); the others stay as they are. A seed begins to count anew.

        Raises:
            FaultError: a name or a value is wrong; then nothing is changed.
        """
        checked = {name: _checked(name, value) for name, value in values.items()}
        if "seed" in checked:
            self._asked.clear()
            self._jobs = 0
        self._values.update(checked)

    def clear(self) -> None:
        """Turn everything off and forget what was."""
        for forgotten in (self.struck, self._values, self._asked, self._fates):
            forgotten.clear()
        self._jobs = 0

    def on(self) -> dict[str, float]:
        """Return what is not as it is by itself."""
        return {name: value for name, value in self._values.items() if value != _default(name)}

    def setting(self, name: str) -> float:
        """Return one of `SETTINGS`."""
        return self._values.get(name, _default(name))

    @property
    def timed(self) -> bool:
        """Whether a fault waits for a moment that only the passing of time brings."""
        return any(self._values.get(f"{event}.{at}") for event in EVENTS for at in ("seconds", "random"))

    def strike(self, path: str) -> Strike:
        """Decide about a request, by the first part of its path after the endpoint's id."""
        route = next((route for route, paths in ROUTES.items() if path in paths), None)
        if route is None or not self._values:
            return Strike()
        groups = (route, "api") if route in API else (route,)
        # Each is counted, whichever comes first: so each strikes one in N.
        hits = [action for action in ACTIONS for group in groups if self._one_in(f"{action}.{group}")]
        delay_s = max(self._values.get(f"delay.{group}", 0.0) for group in groups)
        if hits:
            self.struck[f"{hits[0]}.{route}"] += 1
        return Strike(hits[0] if hits else None, delay_s)

    def at_take(self, job_id: str) -> list[str]:
        """Return the events that befall a job as it is handed over."""
        if job_id not in self._fates:
            self._fates[job_id] = _Fate(self._jobs)
            self._jobs += 1
        fate = self._fates[job_id]
        chosen = [event for event in EVENTS if self._chosen(f"{event}.take", fate.number)]
        return [event for event in chosen if self._first(fate, event)]

    def due(self, job_id: str, records: int, ran_s: float) -> list[str]:
        """Return the events that befall a running job now.

        Args:
            job_id: one that `at_take` has seen.
            records: how many it has streamed.
            ran_s: seconds since it was taken.
        """
        fate = self._fates.get(job_id)
        if fate is None or not self._chosen("jobs", fate.number):
            return []
        ripe = [event for event in EVENTS if self._is_ripe(event, fate.number, records, ran_s)]
        return [event for event in ripe if self._first(fate, event)]

    def forget(self, job_ids: Iterable[str]) -> None:
        """Drop what is known of these jobs: they are over."""
        for job_id in job_ids:
            self._fates.pop(job_id, None)

    def _is_ripe(self, event: str, number: int, records: int, ran_s: float) -> bool:
        wanted = self._values.get
        count = wanted(f"{event}.records", 0.0)
        random_s = wanted(f"{event}.random", 0.0) * self._fraction(event, number)
        times = (wanted(f"{event}.seconds", 0.0), random_s)
        return bool(count and records >= count) or any(0 < at_s <= ran_s for at_s in times)

    def _first(self, fate: _Fate, event: str) -> bool:
        if event in fate.past:
            return False
        fate.past.add(event)
        self.struck[event] += 1
        return True

    def _one_in(self, name: str) -> bool:
        if not self._values.get(name):
            return False
        self._asked[name] += 1
        return self._chosen(name, self._asked[name] - 1)

    def _chosen(self, name: str, number: int) -> bool:
        """Whether `number` is the one of its block of N numbers, from 0, that the seed chose."""
        one_in = int(self._values.get(name, _default(name)))
        if not one_in:
            return False
        block, place = divmod(number, one_in)
        return place == int(self._fraction(name, block) * one_in)

    def _fraction(self, *what: object) -> float:
        """Return a number in [0, 1) that depends on the seed and on `what` alone."""
        text = "|".join(map(str, (self.setting("seed"), *what)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def _default(name: str) -> float:
    return SETTINGS[name][0] if name in SETTINGS else 0.0


def _checked(name: str, value: object) -> float:
    """Return the value of this fault, or raise FaultError: no such name, or no such value for it."""
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, 1)
        raise FaultError(f"no fault is called {name!r}" + (f", {near[0]!r} is one" if near else ""))
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


def overview() -> str:
    """Return the faults as text for a command's help."""

    def rows(about: Mapping[str, str]) -> str:
        return "\n".join(f"    {name:<12} {meaning}" for name, meaning in about.items())

    return "\n".join(
        [
            "faults (0 is off):",
            f"  ACTION.ROUTE=N  strikes one request in N; ROUTE is {', '.join(ROUTES)},",
            f"                  or api: {', '.join(API)}",
            rows(ACTIONS),
            "  delay.ROUTE=S  keeps each reply back for S seconds",
            "  EVENT.MOMENT=X  strikes a running job, once",
            rows(EVENTS),
            rows(MOMENTS),
            "  NAME=VALUE",
            rows({name: f"{meaning} (default {default:g})" for name, (default, meaning) in SETTINGS.items()}),
        ]
    )
