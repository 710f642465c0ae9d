"""Counters, gauges and histograms, in Prometheus's text format 0.0.4. No I/O."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["Metrics"]

BOUNDS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
COUNTERS = {
    "requests": ("kind", "Requests and contexts begun."),
    "errors": ("code", "Errors answered."),
    "jobs": ("outcome", "Jobs at the endpoint, by how they ended."),
    "characters": ("", "Characters taken to be spoken."),
    "audio_bytes": ("", "Bytes of audio sent."),
    "limits": ("limit", "Limits of connections that struck."),
    "cancelled_contexts": ("", "Contexts cancelled by their listener."),
    "cache": ("outcome", "Speeches of a worker in this process that were in its cache, or were made."),
}
HISTOGRAMS = {
    "first_audio": "From the first text to the first audio sent.",
    "wait": "From a speech's begin in a worker of this process to its first step in the engine.",
}


@dataclass(slots=True)
class Histogram:
    """How often each length of time was seen."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[next((n for n, bound in enumerate(BOUNDS_S) if seconds <= bound), len(BOUNDS_S))] += 1
        self.total += seconds

    def lines(self, name: str) -> Iterator[str]:
        """Yield its lines in Prometheus's format, without what it is."""
        count = 0
        for bound, more in zip([*map(str, BOUNDS_S), "+Inf"], self.counts, strict=True):
            count += more
            yield f'{name}_bucket{{le="{bound}"}} {count}'
        yield from (f"{name}_sum {self.total:.6f}", f"{name}_count {count}")


@dataclass(slots=True)
class Metrics:
    """Counts since the start."""

    connections: int = 0  # open now
    _counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTERS})
    _times: dict[str, Histogram] = field(default_factory=lambda: {name: Histogram() for name in HISTOGRAMS})

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add to a counter; `label` must be one of a few values, never a client's text."""
        self._counts[name][label] += by

    def time(self, name: str, seconds: float) -> None:
        """Record a time in one of `HISTOGRAMS`."""
        self._times[name].add(seconds)

    def text(self, figures: Mapping[str, float] = MappingProxyType({})) -> str:
        """Return all metrics in Prometheus's text format, with a worker's `figures` as they are now."""
        lines: list[str] = []
        gauges = {"connections": float(self.connections), **figures}
        for name, value in gauges.items():
            lines += [f"# TYPE gateway_{name} gauge", f"gateway_{name} {value:g}"]
        for name, (label, help_text) in COUNTERS.items():
            lines += [f"# HELP gateway_{name}_total {help_text}", f"# TYPE gateway_{name}_total counter"]
            counts = self._counts[name] or ({} if label else {"": 0})
            lines += [
                f"gateway_{name}_total{labelled(label, value)} {n}" for value, n in sorted(counts.items())
            ]
        for name, help_text in HISTOGRAMS.items():
            full = f"gateway_{name}_seconds"
            lines += [
                f"# HELP {full} {help_text}",
                f"# TYPE {full} histogram",
                *self._times[name].lines(full),
            ]
        return "\n".join([*lines, ""])


def labelled(name: str, value: str) -> str:
    """Return a label in braces, or nothing for a counter without one."""
    return f'{{{name}="{value}"}}' if name else ""
