"""Jobs that manage the worker instead of speaking: each yields one record without audio."""

import asyncio
import platform
import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from worker.cache import Cache
from worker.engines import Engine
from worker.errors import VoiceUnusableError, VolumeError
from worker.joblog import engine_status
from worker.request import Operation
from worker.voices.ready import ReadyVoices

__all__ = ["operate"]


async def operate(
    operation: Operation, engine: Engine, cache: Cache, voices: ReadyVoices, work: Mapping[str, int]
) -> dict[str, Any]:
    """Return the record of one operation; `work` is what `info` reports of the scheduler.

    Raises:
        SpeechError: There is no such voice, its clip is not usable, or the engine does not clone.
    """
    answer: dict[str, Any] = {"op": operation.op, "final": True}
    name = operation.name or ""
    if operation.op in {"voice_add", "voice_remove"} and not engine.clones:
        raise VoiceUnusableError(
            f"{operation.op} needs an engine that clones voices, and {engine.name} does not"
        )
    if operation.op == "voice_add":
        return answer | await voices.add(name, operation.clip_base64, operation.voice_url)
    if operation.op == "voice_remove":
        await voices.remove(name)
        return answer | {"name": name}
    if operation.op == "voices":
        return answer | await listed(voices)
    answer |= {"engine": engine.name, "device": engine.device}
    if operation.op == "warm":  # the engine is loaded before the first job
        if operation.name is not None:
            async with voices.using([await voices.find(name)]):
                return answer | {"voice": name}
        return answer
    tasks = {"tasks": len(asyncio.all_tasks()), "threads": threading.active_count()}
    answer |= {"work": {**work, **tasks}}
    answer |= facts(engine, voices) | await listed(voices)
    return answer | {"cache": {"entries": await entries(cache), "max_bytes": cache.max_bytes}}


async def listed(voices: ReadyVoices) -> dict[str, Any]:
    """Return the names of all voices, with a warning if some could not be read."""
    names, warnings = await voices.names()
    return {"voices": names} | ({"warnings": warnings} if warnings else {})


async def entries(cache: Cache) -> int | None:
    """Return how many speeches are stored; None if the volume does not answer."""
    try:
        return await cache.volume.look(cache.entries)
    except VolumeError:
        return None


def facts(engine: Engine, voices: ReadyVoices) -> dict[str, Any]:
    """Return what `info` reports of the engine, its voices and the versions of packages."""
    return {
        "languages": sorted(engine.languages),
        "languages_lacking": dict(engine.lacking),
        "voices_ready": len(voices.ready),
        "voices_learned": voices.learned,
        "voices_recalled": voices.recalled,
        "options": {name: [allowed.low, allowed.high] for name, allowed in engine.options.items()},
        "slots": engine.slots,
        "engine_status": engine_status(engine),
        "versions": {name: version(name) for name in ("runpod", "lameenc", "numpy")},
        "python": platform.python_version(),
    }
