"""A worker around upstream's class, for comparison: loaded once, then RunPod's loop."""

import os
from collections.abc import AsyncGenerator
from typing import Any

import runpod

from bench.chatterbox.theirs import Theirs

MODEL = Theirs(os.environ["UPSTREAM_MODEL_DIR"])


async def handler(_: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    """Answer at once: it is the start that is timed."""
    yield {"final": True, "sample_rate": MODEL.model.sr}


if __name__ == "__main__":
    runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
