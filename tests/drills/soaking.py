"""The soak: mixed jobs for a while; the worker's memory, the latencies at both ends, who had to wait."""

import time
from statistics import linear_regression, median
from typing import Any

from tests.drills.kit import TEXTS, Endpoint, Outcome, Watch, drilled, side_by_side, wrong
from tests.drills.leaks import footprint
from tests.kits.pods import FINAL

__all__ = ["dry_seconds", "soak"]

WARM = 80  # jobs first: what grows once has grown then
SAMPLES = 40  # of the worker's memory


def soak(times: int) -> Outcome:
    """Hits, misses, failures, cancels, listeners, eight at a time; nothing may grow."""
    watch = Watch()
    took, dry = [0.0] * times, [0.0]
    memory: list[tuple[float, float]] = []  # thousands of jobs, MB

    def one(number: int) -> bool:
        if number % max(1, times // SAMPLES) == 0 and (held := footprint(pid)):
            memory.append((number / 1_000, held.memory_mb))
        began = time.monotonic()
        failed = not mixed(endpoint, number, dry)
        took[number] = time.monotonic() - began
        return failed

    with drilled(speed=200) as endpoint:
        side_by_side(lambda number: mixed(endpoint, number, []), WARM)
        pid = int(endpoint.workers()[0]["pid"])
        lost = sum(side_by_side(one, times))
    slope = linear_regression(*zip(*memory, strict=True)).slope
    early, late = median(took[: times // 5]) * 1000, median(took[-times // 5 :]) * 1000
    note = f"{slope:+.1f} MB per 1000 jobs; median {early:.0f} ms at first, {late:.0f} at last"
    note += f"; longest starvation {max(dry) * 1000:.0f} ms"
    return Outcome("soak", times, lost, watch.seconds, note, tuple(endpoint.left))


def mixed(endpoint: Endpoint, number: int, dry: list[float]) -> bool:
    """Do one job of the mix; return whether it ended as it should."""
    said = TEXTS[number % len(TEXTS)]
    match number % 8:
        case 0:
            ended = endpoint.end(endpoint.run(said, voice="nobody"))
            return (
                bool(ended) and ended["status"] == "FAILED" and ended["error"].startswith("unknown_voice: ")
            )
        case 1:
            job = endpoint.run(said, cache="off")
            endpoint.cancel(job)
            ended = endpoint.end(job)
            return bool(ended) and ended["status"] in {"CANCELLED", "COMPLETED"}
        case 2:
            return listened(endpoint, said, dry)
        case kind:
            return not wrong(endpoint, said, endpoint.run(said, cache="refresh" if kind == 3 else "use"))


def listened(endpoint: Endpoint, said: str, dry: list[float]) -> bool:
    """Hear a speech as it is made; note for how long its listener had nothing to hear."""
    job = endpoint.run(said, cache="off")
    came: list[tuple[float, dict[str, Any]]] = []
    while True:
        reply = endpoint.pod.call("GET", f"/stream/{job}")
        came += [(time.monotonic(), item["output"]) for item in reply["stream"]]
        if reply["status"] in FINAL and not reply["stream"]:
            break
    dry.append(dry_seconds([(at, record["end_ms"] - record["start_ms"]) for at, record in came]))
    return endpoint.is_right(said, [record for _, record in came])


def dry_seconds(arrivals: list[tuple[float, float]]) -> float:
    """Return the longest silence of a player that starts with the first record.

    Args:
        arrivals: When each record came, in seconds, and the milliseconds of speech in it.
    """
    longest, plays_until = 0.0, arrivals[0][0] if arrivals else 0.0
    for at, milliseconds in arrivals:
        longest = max(longest, at - plays_until)
        plays_until = max(plays_until, at) + milliseconds / 1000
    return longest
