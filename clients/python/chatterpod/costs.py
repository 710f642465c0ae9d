"""What serverless speech costs. Pure.

RunPod bills a worker from its start until it has stopped, in whole seconds: start, work, and the
idle tail in which it waits for more. Requests that overlap, or come within one tail, share it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chatterpod.deploying import IDLE_S

__all__ = ["GUIDE", "PRICES", "PRICES_READ", "Figures", "Usage", "billed_seconds", "figures", "guide_lines"]

PRICES_READ = "2026-11-24"  # the pages at docs.runpod.io/serverless/pricing, as archived then
PRICES: Mapping[str, float] = {  # USD a second, flex workers
    "16GB": 0.00016,  # A4000, A4500, RTX 4000
    "24GB": 0.00019,  # L4, A5000, 3090
    "4090": 0.00031,
    "48GB": 0.00034,  # A6000, A40
    "L40S": 0.00053,
    "A100": 0.00076,
    "H100": 0.00116,
    "H200": 0.00155,
}
CHARACTERS_A_SECOND = 14  # of speech
DAYS = 30
GUIDE = {"price": 0.00012, "work_s": 2.0, "tail_s": 18.0, "pod_month": 175.0}  # its RTX 3060, its pod
GUIDE_TABLE = ((10, 0.72), (100, 7.20), (1000, 72.0), (3000, 216.0))  # requests a day, USD a month


@dataclass(frozen=True, slots=True)
class Usage:
    """How an endpoint is used; times in seconds."""

    price: float  # USD a second
    work_s: float = 2.0  # of a request that is not cached
    hit_s: float = 0.05  # of one that is
    start_s: float = 3.0
    tail_s: float = IDLE_S
    requests_a_day: float = 100.0
    hit_rate: float = 0.0  # 0 to 1
    characters: int = 600  # of a request
    pod_month: float = 175.0  # USD, of an always-on pod to compare with

    @property
    def average_s(self) -> float:
        """The work of a request, hits counted."""
        return self.hit_rate * self.hit_s + (1 - self.hit_rate) * self.work_s


@dataclass(frozen=True, slots=True)
class Figures:
    """What comes of a usage; USD, seconds."""

    request_alone_s: float
    request_alone: float  # a request that starts a worker and is the only one
    request: float  # an average one, at this rate of requests
    cold_share: float  # of requests that start a worker
    audio_hour: float
    million_characters: float
    month: float
    break_even_requests_a_day: float | None  # None: a pod is never cheaper on one worker
    busy_share: float  # of the time that a worker is up

    def as_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return asdict(self)


def billed_seconds(jobs: Iterable[tuple[float, float]], tail_s: float, start_s: float = 0.0) -> int:
    """Return what one worker is billed for jobs of (arrival, work), overlaps counted once.

    A worker stays up from its start to `tail_s` after its last job; each time it is up is rounded
    up to a whole second.
    """
    total, up_from, up_to = 0, 0.0, -math.inf
    for arrival, work in sorted(jobs):
        if arrival > up_to:
            total += math.ceil(up_to - up_from) if up_to > -math.inf else 0
            up_from, up_to = arrival, arrival + start_s + work + tail_s
        else:
            up_to = max(up_to, arrival + work + tail_s)
    return total + (math.ceil(up_to - up_from) if up_to > -math.inf else 0)


def per_request(usage: Usage, requests_a_day: float) -> tuple[float, float]:
    """Return the seconds that a request adds to a worker's time, and the share that starts one.

    Requests come at random moments (Poisson, rate r) to one worker, which stays up for w = work +
    tail after each, or w + start after one that started it. One finds it down if nothing came
    within the window of the one before: p = p exp(-r (w + start)) + (1 - p) exp(-r w). Each adds its
    window, or the gap to the next where that is shorter: (1 - exp(-r window)) / r on average.
    """
    warm = usage.average_s + usage.tail_s
    cold = warm + usage.start_s
    rate = requests_a_day / 86_400
    if rate <= 0:
        return cold, 1.0
    gap_warm, gap_cold = math.exp(-rate * warm), math.exp(-rate * cold)
    share = gap_warm / (1 + gap_warm - gap_cold)
    seconds = (share * (1 - gap_cold) + (1 - share) * (1 - gap_warm)) / rate
    return seconds, share


def figures(usage: Usage) -> Figures:
    """Return what this usage costs on one worker, as `per_request` models it."""
    seconds, cold = per_request(usage, usage.requests_a_day)
    alone = math.ceil(usage.start_s + usage.work_s + usage.tail_s)
    audio_s = usage.characters / CHARACTERS_A_SECOND
    request = seconds * usage.price
    return Figures(
        request_alone_s=alone,
        request_alone=alone * usage.price,
        request=request,
        cold_share=cold,
        audio_hour=request * 3600 / audio_s,
        million_characters=request * 1e6 / usage.characters,
        month=request * usage.requests_a_day * DAYS,
        break_even_requests_a_day=break_even(usage),
        busy_share=min(1.0, usage.requests_a_day / 86_400 * seconds),
    )


def break_even(usage: Usage) -> float | None:
    """Return the requests a day from which an always-on pod costs less; None where it never does."""
    if 86_400 * DAYS * usage.price <= usage.pod_month:
        return None
    low, high = 1e-3, 1e9
    for _ in range(100):
        middle = (low + high) / 2
        month = per_request(usage, middle)[0] * usage.price * middle * DAYS
        low, high = (middle, high) if month < usage.pod_month else (low, middle)
    return high


def usage_of(lines: Sequence[Mapping[str, Any]], usage: Usage) -> Usage:
    """Return the usage with the figures of the worker's job lines in it: its real work and hits.

    Raises:
        ValueError: No line is one of a finished job.
    """
    jobs = [line for line in lines if "generation_time_ms" in line and "duration_ms" in line]
    if not jobs:
        raise ValueError("no line of a finished job (with generation_time_ms and duration_ms)")
    misses = [job for job in jobs if not job.get("cache_hit")]
    hits = [job for job in jobs if job.get("cache_hit")]
    return Usage(
        **{
            **asdict(usage),
            "work_s": mean_s(misses) if misses else usage.work_s,
            "hit_s": mean_s(hits) if hits else usage.hit_s,
            "hit_rate": len(hits) / len(jobs),
            "characters": max(1, round(sum(int(job.get("characters", 600)) for job in jobs) / len(jobs))),
        }
    )


def mean_s(jobs: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean of the jobs' work in seconds, without their wait for a slot."""
    times = [max(0, int(job["generation_time_ms"]) - int(job.get("queue_ms") or 0)) for job in jobs]
    return sum(times) / len(times) / 1000


def guide_lines() -> list[str]:
    """Return the arithmetic behind the RunPod guide's table."""
    price, work, tail = GUIDE["price"], GUIDE["work_s"], GUIDE["tail_s"]
    lines = [f"The guide's table ({work:g} s a request at ${price} a second):"]
    for requests, said in GUIDE_TABLE:
        work_alone = requests * DAYS * work * price
        with_tail = requests * DAYS * (work + tail) * price
        lines.append(
            f"  {requests:5,} a day: it says ${said:7.2f} a month; {work:g} s of work alone are "
            f"${work_alone:6.2f}, with {tail:g} s of idle tail ${with_tail:7.2f}"
        )
    even = GUIDE["pod_month"] / DAYS / price / (work + tail)
    lines.append(
        f"  So it counts {work + tail:g} s a request: {work:g} s of work and about {tail:g} s of idle tail, "
        f"each request alone on a warm worker.\n"
        f"  Its break-even with a pod of ${GUIDE['pod_month']:g} a month, about 2,400 a day, is {even:,.0f}."
    )
    return lines
