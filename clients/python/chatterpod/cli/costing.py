"""chatterpod cost: what speech costs, with the arithmetic shown."""

import argparse
import json
from dataclasses import asdict, replace
from typing import Any

from chatterpod.cli.output import Printer
from chatterpod.cli.sources import read
from chatterpod.costs import PRICES, PRICES_READ, Figures, Usage, figures, guide_lines, usage_of
from chatterpod.deploying import IDLE_S
from chatterpod.errors import ConfigError

__all__ = ["add_to"]


def add_to(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "cost",
        parents=parents,
        help="what speech costs: a request, an hour, a month",
        description="RunPod bills a worker from its start until it has stopped: start, work and the idle "
        "tail, in which it waits for more. Requests that come within a tail share it.",
    )
    command.set_defaults(alone=run)
    add = command.add_argument
    add("--gpu", choices=sorted(PRICES), default="24GB", help="default: %(default)s")
    add("--price", type=positive, metavar="USD", help="a second; instead of the GPU's")
    add("--work", type=positive, metavar="SECONDS", help="of a request that is not cached (default: 2)")
    add("--start", type=positive, default=3.0, metavar="SECONDS", help="of a worker (default: %(default)g)")
    add(
        "--tail",
        type=positive,
        default=float(IDLE_S),
        metavar="SECONDS",
        help="idle timeout (default: %(default)g, as `deploy` sets it)",
    )
    add("--requests", type=positive, default=100.0, metavar="N", help="a day (default: %(default)g)")
    add("--hit-rate", type=share, metavar="SHARE", help="of requests that are cached, 0 to 1 (default: 0)")
    add("--characters", type=int, metavar="N", help="of a request (default: 600)")
    add(
        "--pod", type=positive, default=175.0, metavar="USD", help="a month, always on (default: %(default)g)"
    )
    add("--log", metavar="FILE", help="take work, hits and characters from the worker's job lines")
    add("--guide", action="store_true", help="show the arithmetic behind the RunPod guide's table")


def positive(text: str) -> float:
    """Return a number that is not below 0."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no amount")
    return value


def share(text: str) -> float:
    """Return a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def run(given: argparse.Namespace, printer: Printer) -> int:
    """Print what this usage costs."""
    if given.guide:
        printer.result({"guide": guide_lines()}, *guide_lines())
        return 0
    usage = usage_from(given)
    made = figures(usage)
    report = {"usage": asdict(usage), "figures": made.as_json(), "prices_read": PRICES_READ}
    printer.result(report, *lines_of(usage, made))
    return 0


def usage_from(given: argparse.Namespace) -> Usage:
    """Return the usage that the options describe; those given count above the log.

    Raises:
        ConfigError: The log has no job lines.
    """
    price = PRICES[given.gpu] if given.price is None else given.price
    usage = Usage(price, start_s=given.start, tail_s=given.tail, pod_month=given.pod)
    usage = replace(usage, requests_a_day=given.requests)
    if given.log:
        try:
            usage = usage_of(list(job_lines(read(given.log))), usage)
        except ValueError as error:
            raise ConfigError(f"{given.log}: {error}") from None
    named = {"work_s": given.work, "hit_rate": given.hit_rate, "characters": given.characters}
    usage = replace(usage, **{name: value for name, value in named.items() if value is not None})
    if usage.characters < 1:
        raise ConfigError(f"characters is {usage.characters}, expected 1 or more")
    return usage


def job_lines(log: str) -> Any:
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


def lines_of(usage: Usage, made: Figures) -> list[str]:
    """Return the figures for people, with their arithmetic."""
    even = made.break_even_requests_a_day
    work = round(usage.work_s, 3)  # a log has whole milliseconds
    parts = f"{usage.start_s:g} s start + {work:g} s work + {usage.tail_s:g} s idle tail"
    traffic = f"{usage.requests_a_day:g} requests a day, {usage.hit_rate:.0%} cached"
    cheaper = "never: a worker that is always up costs less" if even is None else f"from {even:,.0f} a day"
    return [
        f"${usage.price:g} a second (read {PRICES_READ}); {traffic}, {usage.characters} characters each",
        f"a request alone     ${made.request_alone:.6f} = {parts}, billed as {made.request_alone_s:g} s",
        f"an average request  ${made.request:.6f}: tails shared, {made.cold_share:.0%} meet no worker",
        f"an hour of audio    ${made.audio_hour:.4f}",
        f"a million letters   ${made.million_characters:.2f}",
        f"a month             ${made.month:.2f}; a worker is up {made.busy_share:.1%} of the time",
        f"a pod is cheaper    {cheaper} (always on, ${usage.pod_month:g} a month)",
    ]
