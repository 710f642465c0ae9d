"""One of Chatterbox's models, from a folder of weights to an engine that speaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from worker.engines import Engine, Pcm
from worker.engines.chatterbox.checkpoint import LoadedModels
from worker.engines.chatterbox.device import gpu_line, on_own_thread, pick_device
from worker.engines.chatterbox.files import WATERMARK_FILE
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.options import Options
from worker.engines.chatterbox.out_of_memory import memory_needed
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["Started", "start", "variant"]

DEFAULT_PRECISION = "bf16"
DEFAULTS = Options()
RANDOM = "RANDOM WEIGHTS: what is heard is noise, for tests and benchmarks"


@dataclass(frozen=True, slots=True)
class Started:
    """An engine, and what the worker must know beside it."""

    engine: Engine
    mark: Callable[[Pcm], Pcm]  # the watermark, done last to each segment
    is_random: bool
    notes: tuple[str, ...]
    variant: Mapping[str, str]  # what makes its audio another than the released default's


def start(folder: Path, *, device: str, options: Options = DEFAULTS, model: Model = TURBO) -> Started:
    """Load the weights in `folder` and return the engine of `model`; `device` as in `worker.settings`.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    picked = pick_device(device)
    steps = options.flow_steps or model.flow_steps
    engine, models = on_own_thread(partial(model.imported().load, model, folder, picked, options, steps))
    kept = folder / WATERMARK_FILE
    with memory_needed(picked, "the watermark"):
        watermark = on_own_thread(partial(Watermark.load, kept if kept.is_file() else None, picked))
    notes = [gpu_line(picked), RANDOM if models.manifest.is_random else None]
    return Started(
        engine,
        mark=watermark.apply,
        is_random=models.manifest.is_random,
        notes=tuple(note for note in notes if note),
        variant=variant(models, options, model.flow_steps),
    )


def variant(models: LoadedModels[Any, Any, Any], options: Options, usual_steps: int) -> dict[str, str]:
    """Return what a cache key must hold besides the engine's name."""
    seconds, steps = options.prompt_seconds, options.flow_steps or usual_steps
    found = {
        "precision": models.precision if models.precision != DEFAULT_PRECISION else "",
        "prompt_seconds": "" if seconds is None else f"{seconds:g}",
        "vocoder": "" if options.vocoder == "auto" else options.vocoder,
        "flow_steps": "" if steps == usual_steps else str(steps),
        "weights": models.manifest.name or "",
    }
    return {name: value for name, value in found.items() if value}
