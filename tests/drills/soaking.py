"""The soak: mixed jobs for a while, with the worker's memory and the latencies at both ends."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from tests.drills.kit import Endpoint, Outcome, Watch, audio, drilled, side_by_side
from tests.drills.workers import TEXTS, known

__all__ = ["soak"]


def soak(times: int) -> Outcome:
    """Hits, misses, failures and cancels, eight at a time; memory and descriptors must stay as they are."""
    watch = Watch()
    took = [0.0] * times

    def one(number: int) -> bool:
        began = time.monotonic()
        failed = not mixed(endpoint, number)
        took[number] = time.monotonic() - began
        return failed

    with drilled(speed=200) as endpoint:
        side_by_side(lambda number: mixed(endpoint, number), 80)  # what grows once has grown then
        pid = endpoint.workers()[0]["pid"]
        before, lost = footprint(pid), sum(side_by_side(one, times))
        after = footprint(pid)
    early, late = median(took[: times // 5]) * 1000, median(took[-times // 5 :]) * 1000
    note = f"{before} to {after}; median {early:.0f} to {late:.0f} ms"
    lost += after.memory_mb - before.memory_mb > 30 or after.files - before.files > 16
    lost += after.threads - before.threads > 8
    return Outcome("soak", times, lost, watch.seconds, note)


def mixed(endpoint: Endpoint, number: int) -> bool:
    """Do one job of the mix; return whether it ended as it should."""
    said = TEXTS[number % len(TEXTS)]
    kind = number % 8
    if kind == 0:
        ended = endpoint.end(endpoint.run(said, voice="nobody"))
        return bool(ended) and ended["status"] == "FAILED" and ended["error"].startswith("unknown_voice: ")
    if kind == 1:
        job = endpoint.run(said, cache="off")
        endpoint.cancel(job)
        ended = endpoint.end(job)
        return bool(ended) and ended["status"] in {"CANCELLED", "COMPLETED"}
    ended = endpoint.end(endpoint.run(said, cache="refresh" if kind == 2 else "use"))
    return bool(ended) and ended["status"] == "COMPLETED" and known().is_right(said, audio(ended["output"]))


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    memory_mb: float
    files: int
    threads: int

    def __str__(self) -> str:
        return f"{self.memory_mb:.0f} MB, {self.files} files, {self.threads} threads"


def footprint(pid: int) -> Footprint:
    """Measure a process."""
    process = psutil.Process(pid)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Footprint(process.memory_info().rss / 1e6, files, process.num_threads())
