"""A worker in this process, without the SDK."""

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

from worker.assembly import create_worker
from worker.engines.choose import Loaded
from worker.engines.tone import ToneEngine
from worker.handler import Worker
from worker.settings import Settings

__all__ = ["cpu_seconds", "first_record_ms", "run_job", "worker_in"]


@contextmanager
def worker_in(folder: Path, tone_speed: float = 1e9) -> Iterator[Worker]:
    """Yield a worker whose engine is the tone, without a delay by default; its files are in `folder`."""
    settings = Settings(cache_dir=folder, voices_dir=folder / "voices", image_voices_dir=folder / "no-image")
    worker = create_worker(settings, Loaded(ToneEngine(speed=tone_speed)))
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


async def run_job(worker: Worker, given: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return the milliseconds from the job's start to its first record, and the last record."""
    began = time.perf_counter()
    first, last = 0.0, {}
    async with aclosing(worker.handle({"id": "bench", "input": given})) as records:
        async for record in records:
            last = record
            first = first or (time.perf_counter() - began) * 1000
    return first, last


def first_record_ms(worker: Worker, inputs: list[dict[str, Any]]) -> list[float]:
    """Return the milliseconds to the first record of each job; the jobs run one after the other."""

    async def each() -> list[float]:
        return [(await run_job(worker, given))[0] for given in inputs]

    return asyncio.run(each())


def cpu_seconds() -> float:
    """Return the processor time of this process, in seconds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
