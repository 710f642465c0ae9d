"""The entry point, `python -m worker`: settings, engine, then RunPod's own loop.

The worker is a module-level singleton: its model is loaded once per process, before the first job.
"""

import argparse
import asyncio
import gc
import importlib
import json
import logging
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import cache
from types import FrameType
from typing import Any

try:
    from worker.assembly import loaded_worker
    from worker.check import check, fitness
    from worker.errors import StartError
    from worker.handler import Worker
    from worker.settings import Settings, prepare_environment, takes_jobs
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"worker: {missing.name} is not installed: pip install -r requirements/worker.txt")

log = logging.getLogger("worker")
SDK_OPTIONS = ("--rp_",)  # prefixes of the options that RunPod's SDK reads itself
LEAVING_SECONDS = 0.1  # from one look at the jobs under way to the next
TASKS: list[asyncio.Task[None]] = []  # which are kept until they end

WORKER: Worker


async def handler(job: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the records of a job; the SDK streams them because this is an async generator function."""
    WORKER.start()  # without a queue the SDK does not call `concurrency` first
    async for record in WORKER.handle(job):
        yield record


async def collecting_handler(job: dict[str, Any]) -> list[dict[str, Any]] | dict[str, Any]:
    """Return all records of a job, or the one with its error, if the SDK cannot run a generator."""
    records = [record async for record in handler(job)]
    return records[-1] if "error" in records[-1] else records


def concurrency(_: int) -> int:
    """Return how many jobs to take at once; the SDK calls this first after its last fork, in its loop."""
    WORKER.start()
    end_soon_after_sigterm()
    return WORKER.concurrency


@cache
def end_soon_after_sigterm() -> None:
    """Have SIGTERM end the process once the jobs under way have ended, besides what the SDK does.

    Its polls may be held open for a minute and more, and a job that one of them still brings is lost.
    """
    loop, of_sdk = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def terminate(number: int, frame: FrameType | None) -> None:
        if callable(of_sdk):
            of_sdk(number, frame)
        loop.call_soon_threadsafe(lambda: TASKS.append(loop.create_task(leave())))

    signal.signal(signal.SIGTERM, terminate)


async def leave() -> None:
    """Break off what waits for other servers; end the process when no job is at work or being reported."""
    from runpod.serverless.modules.worker_state import JobsProgress  # noqa: PLC0415 - as in serve

    WORKER.voices.fetches.stop()
    for _ in iter(JobsProgress().get_job_count, 0):
        await asyncio.sleep(LEAVING_SECONDS)
    asyncio.get_running_loop().call_soon(sys.exit)


def create(settings: Settings) -> Worker:
    """Load the engine and return the worker of this process."""
    return loaded_worker(settings)


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; the SDK's options are passed over, each with the value after it, if any."""
    parser = argparse.ArgumentParser(
        "python -m worker",
        description="Start the worker; TTS_ variables are its settings (docs/reference/api.md).",
        epilog="Without these options and a queue (RunPod's or localpod's) the SDK runs the job in "
        "test_input.json. The SDK's other options pass: --rp_api_host, --rp_api_port, --rp_log_level ...",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only print what the worker would do; exits with 1 if it could not work",
    )
    parser.add_argument(
        "--rp_serve_api",
        action="store_true",
        help="serve the SDK's own test API on port 8000: /run, /runsync, /stream and /status",
    )
    parser.add_argument(
        "--test_input",
        metavar="JSON",
        type=one_job,
        help='speak one job, {"input": {"text": "Hello."}}, print its records and exit, with 1 if it failed',
    )
    asked, others = parser.parse_known_args(arguments)
    for before, other in zip(["", *others], others, strict=False):
        is_value = not other.startswith("-") and before.startswith(SDK_OPTIONS)
        if not is_value and not other.startswith(SDK_OPTIONS):
            parser.error(f"unknown option {other}")
    return asked


def one_job(value: str) -> dict[str, Any]:
    """Return the job of `--test_input`, checked; the SDK reads the option again itself."""
    try:
        job = json.loads(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if not isinstance(job, dict) or not isinstance(job.get("input"), dict):
        raise argparse.ArgumentTypeError('expected an object with an input, as {"input": {"text": "Hello."}}')
    return job


def serve(settings: Settings, asked: argparse.Namespace) -> None:
    """Hand the process to the SDK's loop, which takes jobs from a queue, an API or the command line."""
    import runpod  # noqa: PLC0415 - after the log level is set, which it reads on import

    for check_fitness in fitness(settings, WORKER.engine):
        runpod.serverless.register_fitness_check(check_fitness)
    # What exists now stays: the collector then has only the jobs' objects to examine, and runs faster.
    gc.freeze()
    streams = asked.rp_serve_api or (takes_jobs() and not asked.test_input)
    runpod.serverless.start(
        {
            "handler": handler if streams else collecting_handler,
            "return_aggregate_stream": True,
            "concurrency_modifier": concurrency,
        }
    )


def main(arguments: Sequence[str] = (), create: Callable[[Settings], Worker] = create) -> int:
    """Start the worker that `create` returns, or with `--check` print what it would do.

    Returns the exit code: 1 if it cannot start.
    """
    global WORKER  # noqa: PLW0603 - the singleton
    asked = options(arguments)
    if asked.check:
        return check(print)
    prepare_environment()
    try:
        settings = Settings.from_env()
        logging.basicConfig(level=settings.log_level, format="%(message)s", stream=sys.stdout)
        if changed := settings.changed():
            log.info("Settings: %s", ", ".join(f"{name}={value}" for name, value in changed.items()))
        sdk = threading.Thread(target=importlib.import_module, args=("runpod",))
        sdk.start()  # while the engine is loaded: each takes more than a second
        WORKER = create(settings)
    except StartError as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    sdk.join()
    serve(settings, asked)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
