"""Chatterbox, either model, from a folder of weights to an engine that speaks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from worker.engines import Engine, Pcm
from worker.engines.chatterbox import checkpoint
from worker.engines.chatterbox.checkpoint import Models
from worker.engines.chatterbox.device import gpu_line, on_own_thread, pick_device
from worker.engines.chatterbox.files import WATERMARK_FILE
from worker.engines.chatterbox.graph import Aside, Graphs
from worker.engines.chatterbox.learning import LearningEngine
from worker.engines.chatterbox.multilingual import checkpoint as multilingual_checkpoint
from worker.engines.chatterbox.multilingual.checkpoint import Models as MultilingualModels
from worker.engines.chatterbox.multilingual.engine import MultilingualEngine
from worker.engines.chatterbox.watermark import Watermark
from worker.errors import StartError

__all__ = ["Started", "start"]

TURBO, MULTILINGUAL = "chatterbox-turbo", "chatterbox-multilingual"
FLOW_STEPS = {TURBO: 2, MULTILINGUAL: 10}  # upstream's
SLOTS = {"cpu": 8, "cuda": 16}  # utterances inside at once
DEFAULT_PRECISION = "bf16"
RANDOM = "RANDOM WEIGHTS: what is heard is noise, for tests and benchmarks"


@dataclass(frozen=True, slots=True)
class Started:
    """An engine, and what the worker must know beside it."""

    engine: Engine
    mark: Callable[[Pcm], Pcm]  # the watermark, done last to each segment
    is_random: bool
    notes: tuple[str, ...]
    variant: Mapping[str, str]  # what makes its audio another than the released default's


def start(
    folder: Path,
    *,
    device: str,
    precision: str,
    slots: int | None,
    prompt_seconds: float | None,
    flow_steps: int | None,
    name: str = TURBO,
) -> Started:
    """Load the weights in `folder` and return the engine called `name`; the rest as in `worker.settings`.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    place = pick_device(device)
    kept = folder / WATERMARK_FILE
    steps = flow_steps or FLOW_STEPS[name]
    loading = partial(
        engine_called,
        name,
        folder,
        place,
        precision=precision,
        slots=slots,
        prompt_seconds=prompt_seconds,
        flow_steps=steps,
    )
    loading_mark = partial(Watermark.load, kept if kept.is_file() else None, place)
    with memory_needed(place):
        engine, models = on_own_thread(loading)
        watermark = on_own_thread(loading_mark)
    notes = [gpu_line(place), RANDOM if models.manifest.is_random else None]
    return Started(
        engine,
        mark=watermark.apply,
        is_random=models.manifest.is_random,
        notes=tuple(note for note in notes if note),
        variant=variant(models, prompt_seconds, None if steps == FLOW_STEPS[name] else steps),
    )


def engine_called(
    name: str,
    folder: Path,
    place: torch.device,
    *,
    precision: str,
    slots: int | None,
    prompt_seconds: float | None,
    flow_steps: int,
) -> tuple[Engine, Models | MultilingualModels]:
    """Load either model, and the engine that speaks with it."""
    if name == MULTILINGUAL:
        llama = multilingual_checkpoint.load(folder, place, precision)
        alone = MultilingualEngine(
            llama, folder, slots=slots or 1, prompt_seconds=prompt_seconds, flow_steps=flow_steps
        )
        return alone, llama
    models = checkpoint.load(folder, place, precision)
    on_gpu = {"recorder": Graphs(), "aside": Aside()} if place.type == "cuda" else {}
    engine = LearningEngine(
        models,
        folder,
        slots=slots or SLOTS[place.type],
        prompt_seconds=prompt_seconds,
        flow_steps=flow_steps,
        **on_gpu,
    )
    return engine, models


@contextmanager
def memory_needed(place: torch.device) -> Iterator[None]:
    """Turn a lack of memory into one line.

    Raises:
        StartError: Memory was lacking.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise StartError(
            f"not enough memory on the {place.type} for the weights: use a larger machine"
        ) from error
    except RuntimeError as error:  # torch's allocator of the CPU raises nothing better
        if "allocate memory" not in str(error):
            raise
        raise StartError("not enough memory for the weights: use a larger machine") from error


def variant(
    models: Models | MultilingualModels, prompt_seconds: float | None, flow_steps: int | None
) -> dict[str, str]:
    """Return what a cache key must say beside the engine's name; `flow_steps` where not the usual ones."""
    found = {
        "precision": models.precision if models.precision != DEFAULT_PRECISION else "",
        "prompt_seconds": "" if prompt_seconds is None else f"{prompt_seconds:g}",
        "flow_steps": "" if flow_steps is None else str(flow_steps),
        "weights": models.manifest.name or "",
    }
    return {name: value for name, value in found.items() if value}
