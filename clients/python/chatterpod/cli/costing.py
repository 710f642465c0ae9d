"""chatterpod cost: what speech costs, with the arithmetic shown."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from chatterpod.cli.output import Printer
from chatterpod.cli.sources import read
from chatterpod.costs import PRICES, PRICES_READ, Cost, Traffic, cost_alone, cost_busy, measured
from chatterpod.errors import ConfigError
from chatterpod.kinds import IDLE_S

__all__ = ["add_to"]


def add_to(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "cost",
        parents=parents,
        help="what speech costs: a request, an hour, a month",
        description="RunPod bills a worker from its start until it has stopped: start, work and the idle "
        "tail in which it waits for more jobs. A request alone pays for all three; requests that follow "
        "each other without a gap pay for their work only. What you pay lies between.",
    )
    command.set_defaults(alone=run)
    add = command.add_argument
    add("--gpu", choices=sorted(PRICES), default="24GB", help="default: %(default)s")
    add("--price", type=amount, metavar="USD", help="a second, instead of the GPU's")
    add("--work", type=amount, metavar="SECONDS", help="of a request that is not cached (default: 2)")
    add("--start", type=amount, default=3.0, metavar="SECONDS", help="of a worker (default: %(default)g)")
    add(
        "--tail",
        type=amount,
        default=float(IDLE_S),
        metavar="SECONDS",
        help="idle timeout (default: %(default)g, as `deploy` sets it)",
    )
    add("--requests", type=amount, default=100.0, metavar="N", help="a day (default: %(default)g)")
    add("--hit-rate", type=share, metavar="SHARE", help="of requests that are cached, 0 to 1 (default: 0)")
    add("--characters", type=int, metavar="N", help="of a request (default: 600)")
    add("--pod", type=amount, default=175.0, metavar="USD", help="a month, always on (default: %(default)g)")
    add("--log", metavar="FILE", help="take work, hits and characters from the worker's job lines")


def amount(text: str) -> float:
    """Return a finite number that is 0 or more."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0")
    return value


def share(text: str) -> float:
    """Return a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def run(args: argparse.Namespace, printer: Printer) -> int:
    """Print what this traffic costs; return 0."""
    traffic = traffic_from(args)
    alone, busy = cost_alone(traffic), cost_busy(traffic)
    report = {"traffic": asdict(traffic), "alone": alone.as_json(), "busy": busy.as_json()}
    printer.result(report | {"prices_read": PRICES_READ}, *lines_of(traffic, alone, busy))
    return 0


def traffic_from(args: argparse.Namespace) -> Traffic:
    """Return the traffic that the options describe; an option wins over the log.

    Raises:
        ConfigError: The log has no job lines, or characters is below 1.
    """
    price = PRICES[args.gpu] if args.price is None else args.price
    traffic = Traffic(price, start_s=args.start, tail_s=args.tail, pod_month=args.pod)
    traffic = replace(traffic, requests_a_day=args.requests)
    if args.log:
        try:
            traffic = measured(list(json_lines(read(args.log))), traffic)
        except ValueError as error:
            raise ConfigError(f"{args.log}: {error}") from None
    named = {"work_s": args.work, "hit_rate": args.hit_rate, "characters": args.characters}
    traffic = replace(traffic, **{name: value for name, value in named.items() if value is not None})
    if traffic.characters < 1:
        raise ConfigError(f"characters is {traffic.characters}, expected 1 or more")
    return traffic


def json_lines(log: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects in a log, whatever stands before them on their lines."""
    for line in log.splitlines():
        begin = line.find("{")
        if begin < 0:
            continue
        try:
            found = json.loads(line[begin:])
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def lines_of(traffic: Traffic, alone: Cost, busy: Cost) -> list[str]:
    """Return the figures as lines to read, with their arithmetic."""
    work = round(traffic.average_s, 3)  # a log has whole milliseconds
    use = f"{traffic.requests_a_day:g} requests a day, {traffic.hit_rate:.0%} cached"
    terms = f"{traffic.start_s:g} s start + {work:g} s work + {traffic.tail_s:g} s idle tail"
    pod = f"requests a day or more (always on, ${traffic.pod_month:g} a month)"
    tail = f", of which the tail is {traffic.tail_s / alone.seconds:.0%}" if alone.seconds else ""
    return [
        f"${traffic.price:g} a second (read {PRICES_READ}); {use}, {traffic.characters} characters each",
        f"alone: {terms}, billed as {alone.seconds:g} s{tail}",
        f"busy:  {work:g} s work, start and tail shared by many",
        f"{'':20}{'alone':>12}{'busy':>12}",
        f"{'a request':20}{dollars(alone.request, 6)}{dollars(busy.request, 6)}",
        f"{'an hour of audio':20}{dollars(alone.audio_hour, 4)}{dollars(busy.audio_hour, 4)}",
        f"{'a million letters':20}{dollars(alone.million_characters)}{dollars(busy.million_characters)}",
        f"{'a month':20}{dollars(alone.month)}{dollars(busy.month)}",
        f"{'a pod is cheaper':20}{break_even(alone)}{break_even(busy)}  {pod}",
    ]


def dollars(value: float, digits: int = 2) -> str:
    """Return an amount in a column of 12 characters."""
    return f"{f'${value:,.{digits}f}':>12}"


def break_even(cost: Cost) -> str:
    """Return the requests a day from which a pod is cheaper, in a column of 12 characters."""
    even = cost.break_even_requests_a_day
    return f"{'never' if even is None else f'{even:,.0f}':>12}"
