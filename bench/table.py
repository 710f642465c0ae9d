"""Rows of a benchmark: ours beside another, in one run, with a goal."""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

__all__ = ["Guard", "Row", "Timer", "median", "p95", "parser", "report"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `goal` is its upper bound."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    against: str = ""
    against_value: float | None = None
    spread: str = ""

    @property
    def ratio(self) -> float | None:
        """The other's figure in ours."""
        return self.against_value / self.value if self.against_value is not None and self.value else None

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met."""
        return None if self.goal is None else self.value <= self.goal


class Guard:
    """A fixed matrix product beside the timed work: it tells a throttled machine from a slow program."""

    def __init__(self) -> None:
        self.times_ms: list[float] = []
        self._matrix = np.random.default_rng(0).random((384, 384), np.float32)

    def __call__(self) -> None:
        """Do the work once and note how long it took."""
        began = time.perf_counter()
        _ = self._matrix @ self._matrix @ self._matrix
        self.times_ms.append((time.perf_counter() - began) * 1000)

    def line(self) -> str:
        """Return what it saw; nothing where nothing was timed."""
        if not self.times_ms:
            return ""
        low, mid, high = min(self.times_ms), median(self.times_ms), max(self.times_ms)
        return f"guard (a fixed matrix product): {low:.1f} / {mid:.1f} / {high:.1f} ms min / median / max"


@dataclass
class Timer:
    """Times of things done in turns, round by round, each divided by how many parts it does at once."""

    guard: Guard
    times_s: dict[str, list[float]] = field(default_factory=dict)

    def rounds(
        self,
        things: Mapping[str, Callable[[], object]],
        wanted: int,
        parts: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Do everything `wanted` times in turns; one round goes first, untimed."""
        for thing in things.values():
            thing()
        for _ in range(wanted):
            self.guard()
            for name, thing in things.items():
                began = time.perf_counter()
                thing()
                took = (time.perf_counter() - began) / parts.get(name, 1)
                self.times_s.setdefault(name, []).append(took)

    def row(
        self, title: str, name: str, against: str | None = None, times_faster: float | None = None
    ) -> Row:
        """Return the row of a thing's median, in milliseconds.

        What it is against is the other's time by the median of the rounds' own ratios, not of all times:
        a machine that is shared is slow for whole rounds, ours and the other's alike. `times_faster`
        makes the goal.
        """
        times = [took * 1000 for took in self.times_s[name]]
        value, spread = median(times), f"({min(times):.3g}-{max(times):.3g}, n={len(times)})"
        if against is None:
            return Row(title, value, "ms", spread=spread)
        pairs = zip(self.times_s[against], self.times_s[name], strict=True)
        ratio = median([other / ours for other, ours in pairs])
        goal = None if times_faster is None else value * ratio / times_faster
        spread = f"{ratio:.2f} times {spread}"
        return Row(title, value, "ms", goal, against, value * ratio, spread)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """Return the value that 95 % do not pass."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def parser(name: str, about: str) -> argparse.ArgumentParser:
    """Return the command line that every benchmark has."""
    made = argparse.ArgumentParser(f"python -m bench.{name}", description=about)
    made.add_argument("--json", metavar="FILE", help="also write the rows as JSON")
    made.add_argument("--quick", action="store_true", help="fewer repetitions")
    return made


def report(rows: Sequence[Row], guard: Guard, file: str | None) -> None:
    """Print the table, and write the rows."""
    print(f"\n{'':58} {'value':>9} {'goal':>7}        against")
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:g}"
        verdict = {True: "holds", False: "MISSED", None: ""}[row.holds]
        other = "" if row.against_value is None else f"{row.against}: {row.against_value:.1f}"
        value = f"{row.value:.1f}" if abs(row.value) >= 0.1 else f"{row.value:.2g}"
        print(f"{row.name:58} {value:>9} {goal:>7} {row.unit:6} {verdict:6} {other} {row.spread}".rstrip())
    print(guard.line())
    if file:
        content = [asdict(row) | {"ratio": row.ratio, "holds": row.holds} for row in rows]
        Path(file).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
