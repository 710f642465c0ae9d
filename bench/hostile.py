"""A small job beside twelve that are as hard to plan as ten thousand characters can be."""

import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from bench.endpoints import Endpoint, endpoint
from bench.table import Guard, Row, median, p95, parser, report

__all__ = ["main"]

SIZE = 10_000  # characters
# Texts that a rule has once looked at again and again, or that get many times as long in words.
HOSTILE = {
    "list markers and stops": "1) " + ". " * (SIZE // 2 - 4) + " abc.",
    "bullets and questions": "• " + "? " * (SIZE // 2 - 4) + " abc.",
    "abbreviations": "1) " + "e.g. " * (SIZE // 5 - 2) + "abc.",
    "brackets": "([{" * (SIZE // 3 - 2) + " abc.",
    "numbers": "77 " * (SIZE // 3 - 2) + "abc.",
    "links": "[a](" * (SIZE // 4 - 2) + " abc.",
}
JOBS = 12
MOST_MS = 200.0  # that the small job may be later than alone
SMALL = {"text": "A small job that somebody waits for.", "cache": "off"}


def late_ms(ours: Endpoint, hostile: Sequence[str]) -> float:
    """Return the ms to a small job's first record, twelve jobs of these texts having come just before it."""
    texts = itertools.islice(itertools.cycle(hostile), JOBS if hostile else 0)
    jobs = [ours.http.post("/run", json={"input": {"text": text, "cache": "off"}}).json() for text in texts]
    found = ours.first_ms(SMALL)
    for job in jobs:
        ours.http.post(f"/cancel/{job['id']}")
    while counts(ours)["inProgress"]:
        time.sleep(0.05)
    return found


def counts(ours: Endpoint) -> dict[str, Any]:
    """Return how many jobs are in which state."""
    return dict(ours.http.get("/health").json()["jobs"])


def measured(count: int, guard: Guard) -> Iterator[Row]:
    """Yield the rows: alone, then beside each kind and all kinds at once, in turns."""
    with endpoint(TTS_ENGINE="tone", TTS_SLOTS="16", RUNPOD_LOG_LEVEL="ERROR") as ours:
        ours.first_ms(SMALL)
        kinds: dict[str, Sequence[str]] = {"alone": ()} | {name: (text,) for name, text in HOSTILE.items()}
        kinds["all of them"] = tuple(HOSTILE.values())
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(count):
            guard()
            for name, texts in kinds.items():
                times[name].append(late_ms(ours, texts))
    idle = median(times.pop("alone"))
    yield Row("a small job alone: first audio", idle, "ms", spread=f"(n={count})")
    for name, found in times.items():
        spread = f"(p95 {p95(found):.0f}, n={count})"
        yield Row(f"beside {JOBS} jobs of {name}", median(found), "ms", idle + MOST_MS, "alone", idle, spread)


def main() -> int:
    """Measure and report; return 1 where a goal is missed."""
    given = parser("hostile", "How late a small job is beside hostile texts.").parse_args()
    guard = Guard()
    rows = list(measured(3 if given.quick else 11, guard))
    report(rows, guard, given.json)
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
