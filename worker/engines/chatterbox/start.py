"""Chatterbox, either model, from a folder of weights to an engine that speaks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from worker.engines import Engine, Pcm
from worker.engines.chatterbox.device import gpu_line, on_own_thread, pick_device
from worker.engines.chatterbox.files import WATERMARK_FILE
from worker.engines.chatterbox.multilingual import checkpoint as multilingual_checkpoint
from worker.engines.chatterbox.multilingual.checkpoint import MultilingualModels
from worker.engines.chatterbox.multilingual.engine import MultilingualEngine
from worker.engines.chatterbox.options import Options
from worker.engines.chatterbox.shortage import lacks_memory
from worker.engines.chatterbox.turbo import checkpoint
from worker.engines.chatterbox.turbo.checkpoint import TurboModels
from worker.engines.chatterbox.turbo.engine import bytes_of_slots
from worker.engines.chatterbox.turbo.graph import CudaGraphs, SideStream
from worker.engines.chatterbox.turbo.learning import LearningEngine
from worker.engines.chatterbox.turbo.recordings import GraphCapture
from worker.engines.chatterbox.watermark import Watermark
from worker.errors import StartError

__all__ = ["Started", "memory_needed", "only_on_gpu", "start"]

TURBO, MULTILINGUAL = "chatterbox-turbo", "chatterbox-multilingual"
FLOW_STEPS = {TURBO: 2, MULTILINGUAL: 10}  # upstream's
SLOTS = {"cpu": 8, "cuda": 16}  # utterances inside at once
NAMES = {"cpu": "machine", "cuda": "GPU"}
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


def start(folder: Path, *, device: str, options: Options = DEFAULTS, name: str = TURBO) -> Started:
    """Load the weights in `folder` and return the engine called `name`; `device` as in `worker.settings`.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    place = pick_device(device)
    engine, models = on_own_thread(partial(engine_called, name, folder, place, options))
    kept = folder / WATERMARK_FILE
    with memory_needed(place, "the watermark"):
        watermark = on_own_thread(partial(Watermark.load, kept if kept.is_file() else None, place))
    notes = [gpu_line(place), RANDOM if models.manifest.is_random else None]
    return Started(
        engine,
        mark=watermark.apply,
        is_random=models.manifest.is_random,
        notes=tuple(note for note in notes if note),
        variant=variant(models, options, FLOW_STEPS[name]),
    )


def engine_called(
    name: str, folder: Path, place: torch.device, options: Options
) -> tuple[Engine, TurboModels | MultilingualModels]:
    """Load either model, and the engine that speaks with it."""
    voice: dict[str, Any] = {
        "prompt_seconds": options.prompt_seconds,
        "flow_steps": options.flow_steps or FLOW_STEPS[name],
    }
    if name == MULTILINGUAL:
        with memory_needed(place, "the weights"):
            llama = multilingual_checkpoint.load(folder, place, options.precision)
        return MultilingualEngine(llama, folder, slots=options.slots or 1, **voice), llama
    with memory_needed(place, "the weights"):
        models = checkpoint.load(folder, place, options.precision)
    slots = options.slots or SLOTS[place.type]
    with memory_needed(place, *slots_needed(models, slots)):
        engine = LearningEngine(models, folder, slots=slots, **only_on_gpu(place, options), **voice)
    return engine, models


def only_on_gpu(
    place: torch.device,
    options: Options,
    graphs: Callable[[], GraphCapture] = CudaGraphs,
    aside: Callable[[], Any] = SideStream,
) -> dict[str, Any]:
    """Return what an engine on a GPU gets: a recorder of its decode steps if wanted, a stream for S3Gen."""
    if place.type != "cuda":
        return {}
    return {"aside": aside()} | ({"recorder": graphs()} if options.graphs else {})


def slots_needed(models: TurboModels, slots: int) -> tuple[str, str]:
    """Return what slots hold and how much that is, and what to do where it does not fit."""
    size = bytes_of_slots(models.t3, slots) / 1e9
    return (
        f"the keys and values of {slots} slots ({size:.1f} GB)",
        "set TTS_SLOTS lower, or use a larger machine",
    )


@contextmanager
def memory_needed(place: torch.device, what: str, remedy: str = "use a larger machine") -> Iterator[None]:
    """Turn a lack of memory into one line that says what did not fit.

    Raises:
        StartError: Memory was lacking.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        raise StartError(f"not enough memory on the {NAMES[place.type]} for {what}: {remedy}") from error


def variant(models: TurboModels | MultilingualModels, options: Options, usual_steps: int) -> dict[str, str]:
    """Return what a cache key must say beside the engine's name."""
    seconds, steps = options.prompt_seconds, options.flow_steps or usual_steps
    found = {
        "precision": models.precision if models.precision != DEFAULT_PRECISION else "",
        "prompt_seconds": "" if seconds is None else f"{seconds:g}",
        "flow_steps": "" if steps == usual_steps else str(steps),
        "weights": models.manifest.name or "",
    }
    return {name: value for name, value in found.items() if value}
