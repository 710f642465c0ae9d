"""The command: python -m localpod."""

import argparse
import logging
import shlex
import sys

from localpod.faults import FaultError, Faults, names
from localpod.server import bind, serve
from localpod.settings import ENDPOINT, EndpointOptions

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    args = _parser().parse_args(arguments)
    logging.basicConfig(level=args.log_level.upper(), format="localpod: %(message)s", stream=sys.stderr)
    for library in ("asyncio", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        sock = bind(args.port)
    except (OSError, OverflowError) as error:
        print(f"localpod: cannot listen on 127.0.0.1:{args.port}: {error}", file=sys.stderr)
        return 1
    serve(sock, _options(args), _announce)
    return 0


def _announce(url: str) -> None:
    print(f"localpod: {url} (page) {url}/v2/{ENDPOINT} (API; not for production)", flush=True)


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
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("localpod", description="RunPod Serverless on this machine.")
    add = parser.add_argument
    add("--port", type=int, default=8008, help="0: any free port (default %(default)s)")
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
    add("--api-key", help="the only key accepted (default: any)")
    add("--command", default="", help="command that starts a worker (default: this Python with -m worker)")
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
