"""What serverless speech costs: seconds billed times a price. Pure.

RunPod bills a worker in whole seconds from its start until it has stopped: start, work, and the
idle tail in which it waits for more jobs. What a request costs lies between two bounds. A request
alone pays for the start and the whole tail; requests that follow each other without a gap pay for
their work only.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from chatterpod.kinds import IDLE_S

__all__ = ["PRICES", "PRICES_READ", "Cost", "Traffic", "cost_alone", "cost_busy", "measured"]

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


@dataclass(frozen=True, slots=True)
class Traffic:
    """How an endpoint is used, and at what price; times in seconds."""

    price: float  # USD a second of a worker
    work_s: float = 2.0  # of a request that is not cached
    hit_s: float = 0.05  # of a request that is cached
    start_s: float = 3.0  # of a worker
    tail_s: float = IDLE_S
    requests_a_day: float = 100.0
    hit_rate: float = 0.0  # cached requests, 0 to 1
    characters: int = 600  # of a request
    pod_month: float = 175.0  # USD, of an always-on pod to compare with

    @property
    def average_s(self) -> float:
        """The mean work of a request, cached ones included."""
        return self.hit_rate * self.hit_s + (1 - self.hit_rate) * self.work_s


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of request costs, in USD."""

    seconds: float  # billed for a request
    request: float
    audio_hour: float
    million_characters: float
    month: float
    break_even_requests_a_day: float | None  # a pod costs less above this; None: it never does

    def as_json(self) -> dict[str, Any]:
        """Return the figures as a JSON object."""
        return asdict(self)


def cost_alone(traffic: Traffic) -> Cost:
    """Return the cost if each request starts a worker, and its tail passes unused: the upper bound."""
    return cost_of(traffic, math.ceil(traffic.start_s + traffic.average_s + traffic.tail_s))


def cost_busy(traffic: Traffic) -> Cost:
    """Return the cost if requests follow each other without a gap: work only, the lower bound.

    Jobs that a worker speaks side by side cost less still.
    """
    return cost_of(traffic, traffic.average_s)


def cost_of(traffic: Traffic, seconds: float) -> Cost:
    """Return what requests cost that are billed so many seconds each."""
    request = seconds * traffic.price
    always_up = 86_400 * DAYS * traffic.price  # USD a month, of one worker
    pod_is_cheaper = request > 0 and always_up > traffic.pod_month
    return Cost(
        seconds=seconds,
        request=request,
        audio_hour=request * 3600 * CHARACTERS_A_SECOND / traffic.characters,
        million_characters=request * 1e6 / traffic.characters,
        month=request * traffic.requests_a_day * DAYS,
        break_even_requests_a_day=traffic.pod_month / DAYS / request if pod_is_cheaper else None,
    )


def measured(lines: Sequence[Mapping[str, Any]], traffic: Traffic) -> Traffic:
    """Return the traffic with work, hit rate and lengths from the worker's job lines.

    Raises:
        ValueError: No line belongs to a finished job.
    """
    jobs = [line for line in lines if "generation_time_ms" in line and "duration_ms" in line]
    if not jobs:
        raise ValueError("no line of a finished job (with generation_time_ms and duration_ms)")
    misses = [job for job in jobs if not job.get("cache_hit")]
    hits = [job for job in jobs if job.get("cache_hit")]
    return replace(
        traffic,
        work_s=mean_s(misses) if misses else traffic.work_s,
        hit_s=mean_s(hits) if hits else traffic.hit_s,
        hit_rate=len(hits) / len(jobs),
        characters=max(1, round(sum(int(job.get("characters", 600)) for job in jobs) / len(jobs))),
    )


def mean_s(jobs: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean work of the jobs in seconds, without their wait for a slot."""
    times = [max(0, int(job["generation_time_ms"]) - int(job.get("queue_ms") or 0)) for job in jobs]
    return sum(times) / len(times) / 1000
