"""chatterpod probe: measures the endpoint, for people and cron jobs."""

import argparse
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from chatterpod.cli.output import Printer
from chatterpod.client import Client
from chatterpod.costs import PRICES, PRICES_READ
from chatterpod.errors import Incomplete
from chatterpod.protocol import Chunk

__all__ = ["add_to", "probe"]

TEXT = (
    "This is a probe of the endpoint, spoken at {stamp}. It has a few sentences, so that it takes some "
    "time to make. The second piece of it should come while the first is still being heard. And with "
    "this sentence it ends."
)


def add_to(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "probe",
        parents=parents,
        help="measure one uncached, one cached and one streamed speech",
        description="Speak a new text, the same from the cache, and another streamed; exit with 1 if a check "
        "fails or the first audio came later than --max-first-audio.",
    )
    command.set_defaults(run=probe)
    command.add_argument("--gpu", choices=sorted(PRICES), default="24GB", help="for the price")
    command.add_argument("--voice", help="its name (default: default)")
    command.add_argument(
        "--max-first-audio", type=float, metavar="SECONDS", help="exit with 1 if streamed audio begins later"
    )


def probe(client: Client, args: argparse.Namespace, printer: Printer) -> int:
    """Measure and report; return 1 if a check failed."""
    text = TEXT.format(stamp=time.strftime("%H:%M:%S"))
    options = {} if args.voice is None else {"voice": args.voice}
    before = client.health().get("workers") or {}
    cold = not (before.get("ready", 0) or before.get("idle", 0) or before.get("running", 0))
    uncached = one_job(client, text, options)
    cached = one_job(client, text, options)
    streamed = one_stream(client, text + " It was streamed.", options)
    price = PRICES[args.gpu]
    faults = list(failed_checks(uncached, cached, streamed, args.max_first_audio))
    figures: dict[str, Any] = {"cold_start": cold, "uncached": uncached, "cached": cached}
    figures |= {"streamed": streamed, "price_per_second": price, "prices_read": PRICES_READ}
    figures["work_usd"] = round((uncached["execution_ms"] + streamed["generation_ms"]) / 1000 * price, 6)
    figures["faults"] = faults
    printer.result(figures, *lines_of(figures), *(f"FAULT: {fault}" for fault in faults))
    return 1 if faults else 0


def one_job(client: Client, text: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return how long a whole speech took: in RunPod's queue, in the worker, and here."""
    began = time.monotonic()
    with client.started(text, **options, stream=False) as job:
        speech = job.result()
        total = round((time.monotonic() - began) * 1000)
        state = job.status()
    summary = speech.summary
    return {
        "total_ms": total,
        "delay_ms": int(state.get("delayTime") or 0),
        "execution_ms": int(state.get("executionTime") or 0),
        "queue_ms": int(summary.get("queue_ms") or 0),
        "generation_ms": int(summary.get("generation_time_ms") or 0),
        "duration_ms": speech.duration_ms,
        "cache_hit": bool(summary.get("cache_hit")),
        "engine": summary.get("engine"),
        "device": summary.get("device"),
    }


def one_stream(client: Client, text: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return when the chunks of a streamed speech came, and how evenly."""
    began = time.monotonic()
    arrivals: list[tuple[float, Chunk]] = []
    with client.stream(text, **options) as chunks:
        arrivals += [(time.monotonic() - began, chunk) for chunk in chunks]
    if not arrivals:
        raise Incomplete("the stream had no audio")
    first = arrivals[0][0]
    summary = arrivals[-1][1].summary or {}
    gaps = [round((b - a) * 1000) for (a, _), (b, _) in pairwise(arrivals)]
    late = max(when - first - chunk.start_ms / 1000 for when, chunk in arrivals)
    duration = int(summary.get("duration_ms") or 1)
    generation = int(summary.get("generation_time_ms") or 0)
    return {
        "first_audio_ms": round(first * 1000),
        "first_audio_worker_ms": int(summary.get("first_audio_ms") or 0),
        "generation_ms": generation,
        "duration_ms": duration,
        "chunks": len(arrivals),
        "longest_gap_ms": max(gaps, default=0),
        "listener_waits_ms": max(0, round(late * 1000)),
        "real_time_factor": round(generation / duration, 3),
    }


def failed_checks(uncached: Any, cached: Any, streamed: Any, limit_s: float | None) -> Iterator[str]:
    """Yield a sentence for each check that failed."""
    if not cached["cache_hit"]:
        yield "the second speech did not come from the cache"
    if streamed["listener_waits_ms"] > 250:
        yield f"a listener would have waited {streamed['listener_waits_ms']} ms for audio"
    if streamed["real_time_factor"] >= 1:
        yield f"speech is made slower than it is heard (factor {streamed['real_time_factor']})"
    if limit_s is not None and streamed["first_audio_ms"] > limit_s * 1000:
        yield f"first audio came after {streamed['first_audio_ms']} ms, above {limit_s:g} s"
    if uncached["cache_hit"]:
        yield "a new text came from the cache: the clock here or the cache's key is wrong"


def lines_of(figures: dict[str, Any]) -> list[str]:
    """Return the figures as lines to read."""
    new, old, stream = figures["uncached"], figures["cached"], figures["streamed"]
    state = "no worker was up: cold start" if figures["cold_start"] else "a worker was up"
    price, read = figures["price_per_second"], figures["prices_read"]
    running = f"{new['delay_ms']} in RunPod's queue, {new['execution_ms']} running"
    evenly = f"{stream['chunks']} chunks, longest gap {stream['longest_gap_ms']} ms"
    first = f"{stream['first_audio_ms']:6} ms to first audio here"
    waits = f"a listener waits {stream['listener_waits_ms']} ms"
    work = f"${figures['work_usd']:.6f} at ${price} a second (read {read})"
    return [
        f"{state}; {new['engine']} on {new['device']}",
        f"uncached  {new['total_ms']:6} ms here: {running}, {new['queue_ms']} of it for a slot",
        f"cached    {old['total_ms']:6} ms here: {old['generation_ms']} in the worker",
        f"streamed  {first}, {stream['first_audio_worker_ms']} in the worker; {evenly}",
        f"speed     real-time factor {stream['real_time_factor']}; {waits}",
        f"work      {work}, start and idle tail not counted",
    ]
