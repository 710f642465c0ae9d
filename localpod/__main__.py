"""The command: python -m localpod."""

import argparse
import logging
import secrets
import shlex
import sys
from dataclasses import replace

from starlette.applications import Starlette

from localpod import app, balancer
from localpod.faults import FaultError, Faults, names
from localpod.server import bind, serve
from localpod.settings import ENDPOINT, BalancerOptions, EndpointOptions

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    args = _parsed(arguments)
    logging.basicConfig(level=args.log_level.upper(), format="localpod: %(message)s", stream=sys.stderr)
    for library in ("asyncio", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        sock = bind(args.port)
    except (OSError, OverflowError) as error:
        print(f"localpod: cannot listen on 127.0.0.1:{args.port}: {error}", file=sys.stderr)
        return 1
    if args.load_balancer:
        serve(sock, lambda _: balancer.create_app(_balancer_options(args)), _announce_balancer)
    else:
        serve(sock, lambda url: _queue(args, url), _announce)
    return 0


def _announce(url: str) -> None:
    print(f"localpod: {url} (page) {url}/v2/{ENDPOINT} (API; not for production)", flush=True)


def _announce_balancer(url: str) -> None:
    print(f"localpod: {url} (load balancer; not for production)", flush=True)


def _queue(args: argparse.Namespace, url: str) -> Starlette:
    return app.create_app(replace(_options(args), base_url=url))


def _balancer_options(args: argparse.Namespace) -> BalancerOptions:
    return BalancerOptions(
        workers_min=args.workers_min,
        workers=args.workers,
        requests=args.requests,
        idle_timeout_s=args.idle_timeout,
        api_key=args.api_key,
        command=tuple(shlex.split(args.command)) or BalancerOptions.command,
    )


def _options(args: argparse.Namespace) -> EndpointOptions:
    return EndpointOptions(
        workers=args.workers,
        idle_timeout_s=args.idle_timeout,
        execution_timeout_s=args.execution_timeout,
        queue_delay_s=args.queue_delay,
        api_key=args.api_key,
        command=tuple(shlex.split(args.command)) or EndpointOptions.command,
        retries=args.retries,
        faults=tuple(args.fault),
        worker_key=secrets.token_urlsafe(24),
    )


QUEUE_ONLY = ("execution_timeout", "queue_delay", "retries", "fault")
BALANCER_ONLY = ("workers_min", "requests")


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = _parser()
    args = parser.parse_args(arguments)
    kind = "the queue" if args.load_balancer else "--load-balancer"
    for name in QUEUE_ONLY if args.load_balancer else BALANCER_ONLY:
        if getattr(args, name) != parser.get_default(name):
            parser.error(f"--{name.replace('_', '-')} is for {kind} only")
    if args.workers_min > args.workers:
        parser.error(f"--workers-min is {args.workers_min}, more than --workers, which is {args.workers}")
    return args


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("localpod", description="RunPod Serverless on this machine.")
    add = parser.add_argument
    add("--port", type=int, default=8008, help="0: any free port (default %(default)s)")
    add(
        "--load-balancer",
        action="store_true",
        help="be a load balancer, which leads requests straight to workers (python -m gateway.direct)",
    )
    add("--workers", type=_whole, default=1, help="most worker processes at once (default %(default)s)")
    add(
        "--idle-timeout",
        type=_seconds,
        default=5.0,
        help="seconds until an idle worker is stopped (default %(default)g)",
    )
    add(
        "--execution-timeout",
        type=_seconds,
        default=600.0,
        help="seconds that a job may run (default %(default)g)",
    )
    add("--queue-delay", type=_seconds, default=4.0, help="seconds a job waits before another worker starts")
    add("--workers-min", type=_whole, default=0, help="with --load-balancer: always up (default %(default)s)")
    add(
        "--requests",
        type=_positive,
        default=BalancerOptions.requests,
        help="with --load-balancer: in flight for each worker (default %(default)s)",
    )
    add("--api-key", help="the only key accepted (default: any)")
    add(
        "--command",
        default="",
        help="starts a worker (default: this Python with -m worker, or gateway.direct)",
    )
    add(
        "--retries",
        type=_whole,
        default=1,
        help="how often a job of a lost worker is run again (default %(default)s)",
    )
    add(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="fail on purpose: docs/start/local.md",
    )
    add("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    return parser


def _whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is less than 0")
    return value


def _positive(text: str) -> int:
    if (value := _whole(text)) == 0:
        raise argparse.ArgumentTypeError("0 is less than 1")
    return value


def _fault(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE with a number; {names()}") from error
    try:
        Faults({name: number})
    except FaultError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return name, number


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a duration, expected seconds from 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
