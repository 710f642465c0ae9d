"""An endpoint whose records say when they were made, in the clock that all processes share."""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import runpod

RECORDS = 4
EVERY_S = 0.3  # of work before each record


async def handler(_: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield records 0.3 s apart; the text of each one's segment is its moment, by time.monotonic()."""
    attempt = uuid4().hex[:8]
    audio = base64.b64encode(b"\xff\xf3\x84\xc4".ljust(192, b"\0") * 100).decode()
    for seq in range(RECORDS):
        await asyncio.sleep(EVERY_S)
        start, end = seq * 2_400, (seq + 1) * 2_400
        segment = {"text": repr(time.monotonic()), "char_start": seq, "char_end": seq + 1}
        record = {"seq": seq, "attempt": attempt, "audio_base64": audio, "start_ms": start, "end_ms": end}
        record["segments"] = [segment | {"start_ms": start, "end_ms": end}]
        yield record | ({"final": True, "duration_ms": end} if seq == RECORDS - 1 else {})


if __name__ == "__main__":
    runpod.serverless.start(
        {"handler": handler, "return_aggregate_stream": True, "concurrency_modifier": lambda _: 16}
    )
