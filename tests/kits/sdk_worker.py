"""A worker on the unmodified SDK; the job's input says what it does."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import runpod


async def handler(job: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    job_input = job["input"]
    for number in range(job_input.get("count", 3)):
        yield {"number": number, "pid": os.getpid()}
        await asyncio.sleep(job_input.get("pause_s", 0.05))
    if job_input.get("hang"):
        await asyncio.sleep(3600)
    if note := job_input.get("note_at_end"):
        Path(note).touch()
    if message := job_input.get("error"):
        yield {"error": message}


if __name__ == "__main__":
    runpod.serverless.start(
        {"handler": handler, "return_aggregate_stream": True, "concurrency_modifier": lambda _: 2}
    )
