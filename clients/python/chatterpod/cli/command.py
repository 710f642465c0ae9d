"""The command line: its commands, common options and exit codes."""

import argparse
import json
import os
import sys
from collections.abc import Callable

from chatterpod.cli import costing, deploy, managing, probing, serving, speaking
from chatterpod.cli.output import Printer
from chatterpod.cli.stopping import Terminated, stoppable
from chatterpod.client import Client
from chatterpod.errors import (
    ApiError,
    ChatterpodError,
    ConfigError,
    InvalidInput,
    JobCancelled,
    JobTimedOut,
)

__all__ = ["main", "parser"]

EXAMPLES = """examples:
  chatterpod speak "Hello there." -o hello.mp3
  chatterpod speak --file book.md -o book.mp3 --captions book.vtt
  echo "From a pipe." | chatterpod speak --file - --play
  chatterpod speak "By a server." --url http://127.0.0.1:8010
  chatterpod serve
  chatterpod warm phrases.txt
  chatterpod probe --json
  chatterpod deploy --image me/chatterpod:0.1.0 --data-center EU-RO-1
  chatterpod cost --gpu 24GB --requests 500 --hit-rate 0.3

exit codes:
  0  done           3  the endpoint was not found, or refuses the key
  1  other failure  4  the worker refuses the input
  2  wrong command  5  the job failed, timed out, or was cancelled
  130  Ctrl-C         143  SIGTERM
"""
CODES: tuple[tuple[type[ChatterpodError], int], ...] = (
    (ConfigError, 2),
    (ApiError, 3),
    (InvalidInput, 4),
    (JobTimedOut, 5),
    (JobCancelled, 5),
    (ChatterpodError, 5),
)

OPTIONS = {  # by error code: messages with this command line's options instead of Python arguments
    "no_endpoint": "no endpoint: give --endpoint or --url, or set RUNPOD_ENDPOINT_ID",
    "no_queue": "this command needs an endpoint with a queue: leave out --url and CHATTERPOD_URL",
    "no_key": "no API key: set RUNPOD_API_KEY, or give --api-key",
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    args = parser().parse_args(arguments)
    try:
        with stoppable():
            return run(args)
    except ChatterpodError as error:
        report_failure(error.code, message_of(error), as_json=args.json)
        return next(code for kind, code in CODES if isinstance(error, kind))
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at exit
        return 0
    except OSError as error:
        report_failure(
            "file", f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), as_json=args.json
        )
    except UnicodeDecodeError:
        report_failure("file", "the text is not UTF-8", as_json=args.json)
    except KeyboardInterrupt as stopped:
        report_failure("cancelled", "cancelled", as_json=args.json)
        return 143 if isinstance(stopped, Terminated) else 130
    return 1


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; return its exit code."""
    printer = Printer(as_json=args.json)
    if run_alone := getattr(args, "alone", None):  # a command that does not use an endpoint
        return int(run_alone(args, printer))
    with Client(args.endpoint, args.api_key, args.base_url, url=args.url, timeout=args.timeout) as client:
        command: Callable[[Client, argparse.Namespace, Printer], int] = args.run
        return command(client, args, printer)


def message_of(error: ChatterpodError) -> str:
    """Return an error's message, with this command line's options instead of Python arguments."""
    return OPTIONS.get(error.code, str(error)) if isinstance(error, ConfigError) else str(error)


def report_failure(code: str, message: str, *, as_json: bool) -> None:
    """Print a failure: one line on standard error, and as JSON on standard output if asked for."""
    if as_json:
        print(json.dumps({"error": {"code": code, "message": message}}))
    print(f"chatterpod: {code}: {message}", file=sys.stderr)


def seconds(text: str) -> float:
    """Parse a finite number of seconds above 0.

    Raises:
        ArgumentTypeError: The text is not one.
    """
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        "chatterpod",
        description="Speech from a chatterpod endpoint on RunPod Serverless.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group("endpoint")
    group.add_argument("--endpoint", metavar="ID", help="the endpoint's id (default: RUNPOD_ENDPOINT_ID)")
    group.add_argument(
        "--url",
        metavar="URL",
        help="a gateway, direct worker or load balancer instead (default: CHATTERPOD_URL)",
    )
    group.add_argument(
        "--api-key",
        metavar="KEY",
        help="default: RUNPOD_API_KEY, or CHATTERPOD_TOKEN for a URL; so it stays out of the process list",
    )
    group.add_argument(
        "--base-url", metavar="URL", help="default: RUNPOD_ENDPOINT_BASE_URL, else RunPod's own"
    )
    group.add_argument(
        "--timeout", type=seconds, default=900.0, metavar="SECONDS", help="for a job (default: %(default)g)"
    )
    plain = argparse.ArgumentParser(add_help=False)
    plain.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    commands = top.add_subparsers(required=True, metavar="COMMAND", dest="command")
    both = [common, plain]
    speaking.add_to(commands, both)
    managing.add_to(commands, both)
    probing.add_to(commands, both)
    costing.add_to(commands, [plain])
    deploy.add_to(commands, [plain])
    serving.add_to(commands, [plain])
    return top
