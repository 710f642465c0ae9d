"""Counters and one histogram, in Prometheus's text format 0.0.4. No I/O."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Metrics"]

BOUNDS_S = (0.05, 0.1, 0.2, 0.35, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
COUNTERS = {
    "requests": ("kind", "Requests and contexts begun."),
    "errors": ("code", "Errors answered."),
    "jobs": ("outcome", "Jobs at the endpoint, by how they ended."),
    "characters": ("", "Characters taken to be spoken."),
    "audio_bytes": ("", "Bytes of audio sent."),
    "limits": ("limit", "Limits of connections that struck."),
    "cancelled_contexts": ("", "Contexts cancelled by their listener."),
}


@dataclass(slots=True)
class Metrics:
    """Counts since the start."""

    connections: int = 0  # open now
    _counts: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTERS})
    _first_audio: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    _first_audio_sum: float = 0.0

    def count(self, name: str, label: str = "", by: int = 1) -> None:
        """Add to a counter; `label` must be one of a few values, never a client's text."""
        self._counts[name][label] += by

    def first_audio(self, seconds: float) -> None:
        """Record the seconds from a context's begin to its first audio."""
        bucket = next((n for n, bound in enumerate(BOUNDS_S) if seconds <= bound), len(BOUNDS_S))
        self._first_audio[bucket] += 1
        self._first_audio_sum += seconds

    def text(self) -> str:
        """Return all metrics in Prometheus's text format."""
        lines = ["# HELP gateway_connections WebSockets open now.", "# TYPE gateway_connections gauge"]
        lines.append(f"gateway_connections {self.connections}")
        for name, (label, help_text) in COUNTERS.items():
            lines += [f"# HELP gateway_{name}_total {help_text}", f"# TYPE gateway_{name}_total counter"]
            counts = self._counts[name] or ({} if label else {"": 0})
            lines += [
                f"gateway_{name}_total{labelled(label, value)} {n}" for value, n in sorted(counts.items())
            ]
        return "\n".join([*lines, *self._histogram(), ""])

    def _histogram(self) -> list[str]:
        name, total = "gateway_first_audio_seconds", 0
        lines = [f"# HELP {name} From the first text to the first audio sent.", f"# TYPE {name} histogram"]
        for bound, count in zip([*map(str, BOUNDS_S), "+Inf"], self._first_audio, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self._first_audio_sum:.6f}", f"{name}_count {total}"]


def labelled(name: str, value: str) -> str:
    """Return a label in braces, or nothing for a counter without one."""
    return f'{{{name}="{value}"}}' if name else ""
