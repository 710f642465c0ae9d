"""An endpoint that does nothing: what RunPod's SDK takes by itself."""

from collections.abc import AsyncGenerator
from typing import Any

import runpod


async def handler(_: dict[str, Any]) -> AsyncGenerator[dict[str, bool], None]:
    """Yield one record at once."""
    yield {"final": True}


if __name__ == "__main__":
    runpod.serverless.start(
        {"handler": handler, "return_aggregate_stream": True, "concurrency_modifier": lambda _: 16}
    )
