"""How long after a record was made a client has it: ours beside RunPod's own, on the same endpoint."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.endpoints import Endpoint, endpoint
from bench.table import Guard, Row, median, p95, parser, report

__all__ = ["main"]

TEXT = "Any text: the worker makes the same records for all."
GOAL_MS = 25


def made_at(segments: Any) -> float:
    """Return the moment at which the worker made a record, from its first segment."""
    return float(segments[0]["text"])


def arrivals(ours: Endpoint) -> dict[str, Callable[[], list[float]]]:
    """Return, for each client, what runs a job and returns the ms each record took to it."""
    base_url = f"{ours.url}/v2"
    os.environ["RUNPOD_ENDPOINT_BASE_URL"] = base_url
    import runpod  # noqa: PLC0415 - reads its address when it is imported
    from chatterpod import AsyncClient, Client  # noqa: PLC0415 - beside it

    logging.getLogger("httpx").setLevel(logging.WARNING)
    runpod.api_key = "any"

    def since(segments: Any) -> float:
        return (time.monotonic() - made_at(segments)) * 1000

    def in_sync() -> list[float]:
        with Client("local", "any", base_url) as client, client.stream(TEXT) as chunks:
            return [since(chunk.segments) for chunk in chunks]

    async def in_async() -> list[float]:
        async with AsyncClient("local", "any", base_url) as client, client.stream(TEXT) as chunks:
            return [since(chunk.segments) async for chunk in chunks]

    def sdk() -> list[float]:
        job = runpod.Endpoint("local").run({"input": {"text": TEXT}})
        return [since(record["segments"]) for record in job.stream()]

    return {"Client": in_sync, "AsyncClient": lambda: asyncio.run(in_async()), "Job.stream()": sdk}


def measured(count: int, guard: Guard) -> Iterator[Row]:
    """Yield the rows: first record and all records of each client, interleaved."""
    with endpoint("-m", "bench.stamped_worker", RUNPOD_LOG_LEVEL="INFO") as ours:
        ours.arrivals({"text": TEXT})
        first: dict[str, list[float]] = {}
        every: dict[str, list[float]] = {}
        clients = arrivals(ours)
        for _ in range(count):
            guard()
            for name, run in clients.items():
                times = run()
                first.setdefault(name, []).append(times[0])
                every.setdefault(name, []).extend(times)
    theirs = "Job.stream()"
    for name in ("Client", "AsyncClient"):
        spread = f"(p95 {p95(first[name]):.1f}, n={count})"
        title = f"{name}: first audio after the worker made it, p50"
        yield Row(title, median(first[name]), "ms", GOAL_MS, theirs, median(first[theirs]), spread)
        title = f"{name}: any record after the worker made it, p95"
        yield Row(title, p95(every[name]), "ms", None, theirs, p95(every[theirs]))


def main() -> int:
    """Measure and report; return 1 where a goal is missed."""
    given = parser("clients", "How late audio is in a client.").parse_args()
    guard = Guard()
    rows = list(measured(6 if given.quick else 20, guard))
    report(rows, guard, given.json)
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
