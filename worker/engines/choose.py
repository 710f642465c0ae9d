"""Which engine this worker speaks with, loaded."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.engines import Engine
from worker.engines.careful import CarefulEngine
from worker.engines.chatterbox.files import check_whole, is_checkpoint, read_ahead
from worker.errors import StartError
from worker.settings import Settings

__all__ = ["Loaded", "choose", "load"]

CHATTERBOX = "chatterbox-turbo"


@dataclass(frozen=True, slots=True)
class Loaded:
    """An engine, what operators should read of it, and what makes its audio differ from the default."""

    engine: Engine
    notes: tuple[str, ...] = ()
    variant: Mapping[str, str] = field(default_factory=dict)


def choose(settings: Settings) -> str:
    """Return the engine's name.

    `auto` is Chatterbox where torch and weights are there, else the preview engine, but never on a
    deployed endpoint: nobody there should hear another voice than the one paid for.

    Raises:
        StartError: No engine can be chosen.
    """
    if settings.engine != "auto":
        return settings.engine
    if is_checkpoint(settings.model_dir) and importlib.util.find_spec("torch") is not None:
        return CHATTERBOX
    if settings.deployed:
        raise StartError(f"no Chatterbox weights in {settings.model_dir}: set TTS_MODEL_DIR, or TTS_ENGINE")
    if importlib.util.find_spec("hibari") is None:
        raise StartError("no engine is installed: pip install hibari-tts")
    return "preview"


def load(name: str, settings: Settings) -> Loaded:
    """Load the engine called `name`.

    Raises:
        StartError: It is not there, or does not load.
    """
    if name == "tone":
        from worker.engines.tone import ToneEngine  # noqa: PLC0415 - only the engine that is used

        return Loaded(ToneEngine(speed=settings.tone_speed, slots=settings.slots or 8))
    if name == "preview":
        from worker.engines.preview import PreviewEngine  # noqa: PLC0415 - likewise

        careful = CarefulEngine(PreviewEngine(slots=settings.slots or 8), guarded=False)  # it never rambles
        return Loaded(careful, ("PREVIEW VOICE: a small English voice speaks, not Chatterbox",))
    return load_chatterbox(settings)


def load_chatterbox(settings: Settings) -> Loaded:
    """Load Chatterbox-Turbo; its files are read while torch is imported."""
    if not is_checkpoint(settings.model_dir):
        if any(settings.model_dir.glob("*.safetensors")):
            check_whole(settings.model_dir)  # names the file that is missing
        raise StartError(f"no Chatterbox-Turbo weights in {settings.model_dir}: set TTS_MODEL_DIR")
    read_ahead(settings.model_dir)
    try:
        from worker.engines.chatterbox import start  # noqa: PLC0415 - torch takes a second to import
    except ImportError as error:
        raise StartError(
            f"TTS_ENGINE={CHATTERBOX} needs {error.name}: install requirements/chatterbox.txt"
        ) from error
    started = start.start(
        settings.model_dir,
        device=settings.device,
        precision=settings.precision,
        slots=settings.slots,
        prompt_seconds=settings.prompt_seconds,
        flow_steps=settings.flow_steps,
    )
    careful = CarefulEngine(started.engine, guarded=not started.is_random, mark=started.mark)
    return Loaded(careful, started.notes, started.variant)
