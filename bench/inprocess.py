"""The pipeline alone: our handler in this process, without the SDK."""

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

from worker.cache import Cache
from worker.engines.tone import ToneEngine
from worker.handler import Worker
from worker.speech import LiveSpeeches, Scheduler
from worker.voices import VoiceStore
from worker.voices.ready import ReadyVoices

__all__ = ["cpu_seconds", "first_record_ms", "run_job", "worker_in"]


@contextmanager
def worker_in(folder: Path) -> Iterator[Worker]:
    """Yield a worker with the tone at once for an engine."""
    engine = ToneEngine(speed=1e9)
    cache = Cache(folder, 10**9)
    synthesis = Scheduler(engine)
    synthesis.start()
    try:
        casting = ReadyVoices(VoiceStore(folder / "voices", engine.voices), engine, call=synthesis.call)
        yield Worker(engine, cache, LiveSpeeches(synthesis, cache), casting)
    finally:
        synthesis.close()
        cache.close()


async def run_job(worker: Worker, given: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """Return the ms from the handler's start to its first record, and the last record."""
    began = time.perf_counter()
    first, last = 0.0, {}
    async with aclosing(worker.handle({"id": "bench", "input": given})) as records:
        async for record in records:
            last = record
            first = first or (time.perf_counter() - began) * 1000
    return first, last


def first_record_ms(worker: Worker, inputs: list[dict[str, Any]]) -> list[float]:
    """Return the ms to the first record of each job, one after the other."""

    async def each() -> list[float]:
        return [(await run_job(worker, given))[0] for given in inputs]

    return asyncio.run(each())


def cpu_seconds() -> float:
    """Return what this process has used of the processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
