"""Jobs that manage instead of speaking: one record each, no audio."""

import platform
from importlib.metadata import version
from typing import Any

from worker.cache import Cache
from worker.engines import Engine
from worker.errors import VoiceUnusable
from worker.request import Operation

__all__ = ["operate"]


def operate(operation: Operation, engine: Engine, cache: Cache) -> dict[str, Any]:
    """Return the record of one operation.

    Raises:
        VoiceUnusable: The engine cannot learn or lose voices.
    """
    if operation.op in {"voice_add", "voice_remove"}:
        raise VoiceUnusable(f"{operation.op} needs an engine that clones voices, and {engine.name} does not")
    if operation.op == "voices":
        return {"op": "voices", "voices": list(engine.voices), "final": True}
    answer = {"op": operation.op, "engine": engine.name, "device": engine.device, "final": True}
    if operation.op == "warm":
        return answer  # the engine was loaded before the first job could come
    return answer | {
        "languages": sorted(engine.languages),
        "voices": list(engine.voices),
        "options": {name: [allowed.low, allowed.high] for name, allowed in engine.options.items()},
        "slots": engine.slots,
        "cache": {"entries": cache.entries(), "max_bytes": cache.max_bytes},
        "versions": {name: version(name) for name in ("runpod", "lameenc", "numpy")},
        "python": platform.python_version(),
    }
