"""Which engine this worker speaks with, loaded."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.engines import Engine
from worker.engines.chatterbox.catalogue import MODELS, check_model, named
from worker.engines.chatterbox.files import read_ahead
from worker.engines.chatterbox.model import Model, not_installed
from worker.engines.chatterbox.options import Options
from worker.engines.takes import JudgedEngine
from worker.errors import StartError
from worker.settings import Settings

__all__ = ["ENGINES", "TITLES", "Loaded", "choose", "load", "options_of", "usable_device"]

ENGINES = ("auto", *MODELS, "preview", "tone")
TITLES = {"preview": "Preview", "tone": "Tone"} | {name: model.title for name, model in MODELS.items()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """An engine, lines about it for operators, and what makes its audio differ from the default."""

    engine: Engine
    notes: tuple[str, ...] = ()
    variant: Mapping[str, str] = field(default_factory=dict)


def choose(settings: Settings) -> str:
    """Return the engine's name.

    `auto` is Chatterbox if torch and weights are there, without a GPU the light one of several models.
    Else it is the preview engine, but never on a deployed endpoint, where another voice than the one paid
    for would be heard.

    Raises:
        StartError: No engine can be chosen.
    """
    if settings.engine not in ENGINES:
        raise StartError(f"TTS_ENGINE={settings.engine!r}: expected one of {', '.join(ENGINES)}")
    if settings.engine != "auto":
        return settings.engine
    if importlib.util.find_spec("torch") is not None:
        found = [each for each in MODELS.values() if each.is_checkpoint(settings.weights_folder(each.name))]
        if found:
            return preferred(found, settings).name
    if settings.deployed:
        folder = settings.weights_folder(next(iter(MODELS)))
        raise StartError(f"no Chatterbox weights in {folder}: set TTS_MODEL_DIR, or TTS_ENGINE")
    if importlib.util.find_spec("hibari") is None:
        raise StartError("no engine is installed: pip install hibari-tts")
    return "preview"


def preferred(found: Sequence[Model], settings: Settings) -> Model:
    """Return the one of several models to speak with.

    Raises:
        StartError: They lie in one folder, or a GPU that is there cannot be used.
    """
    if len(found) == 1:
        return found[0]
    if settings.model_dir is not None:
        raise StartError(
            f"{settings.model_dir} holds the weights of {named(found)}: set TTS_ENGINE to one of "
            f"{', '.join(model.name for model in found)}, or keep them in folders of their own"
        )
    light = [model for model in found if model.light]
    return light[0] if light and usable_device(settings.device) == "cpu" else found[0]


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

        judged = JudgedEngine(PreviewEngine(slots=settings.slots or 8), judged=False)  # it never fails
        return Loaded(judged, ("PREVIEW VOICE: a small English voice speaks, not Chatterbox",))
    return load_chatterbox(MODELS[name], settings)


def load_chatterbox(model: Model, settings: Settings) -> Loaded:
    """Load one of Chatterbox's models; its files are read while torch is imported."""
    folder = settings.weights_folder(model.name)
    check_model(folder, model)
    read_ahead(folder, model.speaking(folder))
    try:
        from worker.engines.chatterbox import start  # noqa: PLC0415 - torch takes a second to import
    except ImportError as error:
        raise not_installed(error) from error
    started = start.start(folder, model=model, device=settings.device, options=options_of(settings))
    judged = JudgedEngine(started.engine, judged=not started.is_random, mark=started.mark)
    return Loaded(judged, started.notes, started.variant)


def options_of(settings: Settings) -> Options:
    """Return what the settings choose of a Chatterbox engine."""
    return Options(
        precision=settings.precision,
        slots=settings.slots,
        prompt_seconds=settings.prompt_seconds,
        flow_steps=settings.flow_steps,
        vocoder=settings.vocoder,
        graphs=settings.graphs == "on",
    )


def usable_device(asked: str) -> str:
    """Return `cuda` or `cpu`, as a Chatterbox engine would choose for the setting `TTS_DEVICE`.

    Raises:
        StartError: The GPU cannot be used, or torch is not installed.
    """
    try:
        from worker.engines.chatterbox.device import pick_device  # noqa: PLC0415 - as above
    except ImportError as error:
        raise not_installed(error) from error
    return pick_device(asked).type
