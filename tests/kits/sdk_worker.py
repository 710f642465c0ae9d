"""A worker on the unmodified SDK. Its input says what it does; what it did is seen from outside only."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import runpod


async def handler(job: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    given = job["input"]
    for number in range(given.get("count", 3)):
        yield {"number": number, "pid": os.getpid()}
        await asyncio.sleep(given.get("pause_s", 0.05))
    if given.get("hang"):
        await asyncio.sleep(3600)
    if note := given.get("note_at_end"):
        Path(note).touch()
    if message := given.get("error"):
        yield {"error": message}


if __name__ == "__main__":
    runpod.serverless.start(
        {"handler": handler, "return_aggregate_stream": True, "concurrency_modifier": lambda _: 2}
    )
