"""Which engine this worker speaks with, loaded."""

import importlib.util
from pathlib import Path

from worker.engines import Engine
from worker.engines.careful import CarefulEngine
from worker.errors import StartError

__all__ = ["choose", "load"]


def choose(engine: str, model_dir: Path, *, deployed: bool) -> str:
    """Return the engine's name for the setting `engine`.

    `auto` is Chatterbox where its package and weights are there, else the preview engine, but
    never on a deployed endpoint: nobody there should hear another voice than the one paid for.

    Raises:
        StartError: No engine can be chosen.
    """
    if engine != "auto":
        return engine
    if deployed:
        raise StartError(f"no Chatterbox engine with weights in {model_dir}: set TTS_ENGINE to name one")
    if importlib.util.find_spec("hibari") is None:
        raise StartError("no engine is installed: pip install hibari-tts")
    return "preview"


def load(name: str, *, slots: int | None, tone_speed: float) -> Engine:
    """Load the engine called `name`.

    Raises:
        StartError: It is not there, or does not load.
    """
    if name == "tone":
        from worker.engines.tone import ToneEngine  # noqa: PLC0415 - only the engine that is used

        return ToneEngine(speed=tone_speed, slots=slots or 8)
    if name == "preview":
        from worker.engines.preview import PreviewEngine  # noqa: PLC0415 - likewise

        return CarefulEngine(PreviewEngine(slots=slots or 8), guarded=False)  # it never rambles
    raise StartError(f"the engine {name} is not part of this worker; there are preview and tone")
