"""Chatterbox-Turbo from a folder of weights to an engine that speaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from worker.engines import Pcm
from worker.engines.chatterbox import checkpoint
from worker.engines.chatterbox.checkpoint import Models
from worker.engines.chatterbox.device import gpu_line, pick_device
from worker.engines.chatterbox.engine import ChatterboxEngine
from worker.engines.chatterbox.files import WATERMARK_FILE
from worker.engines.chatterbox.graph import record_graph
from worker.engines.chatterbox.learning import LearningEngine
from worker.engines.chatterbox.watermark import Watermark
from worker.errors import StartError

__all__ = ["Started", "start"]

SLOTS = {"cpu": 4, "cuda": 16}  # utterances inside at once
DEFAULT_PRECISION = "bf16"
RANDOM = "RANDOM WEIGHTS: what is heard is noise, for tests and benchmarks"


@dataclass(frozen=True, slots=True)
class Started:
    """An engine, and what the worker must know beside it."""

    engine: ChatterboxEngine
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
    flow_steps: int,
) -> Started:
    """Load the weights in `folder` and return the engine; arguments are as in `worker.settings`.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    place = pick_device(device)
    try:
        models = checkpoint.load(folder, place, precision)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise StartError(
            f"not enough memory on the {place.type} for the weights: use a larger machine"
        ) from error
    except RuntimeError as error:  # torch's allocator of the CPU raises nothing better
        if "allocate memory" not in str(error):
            raise
        raise StartError("not enough memory for the weights: use a larger machine") from error
    engine = LearningEngine(
        models,
        folder,
        slots=slots or SLOTS[place.type],
        prompt_seconds=prompt_seconds,
        flow_steps=flow_steps,
        recorder=record_graph if place.type == "cuda" else None,
    )
    kept = folder / WATERMARK_FILE
    notes = [gpu_line(place), RANDOM if models.manifest.is_random else None]
    found = variant(models, prompt_seconds, flow_steps)
    return Started(
        engine,
        mark=Watermark.load(kept if kept.is_file() else None, place).apply,
        is_random=models.manifest.is_random,
        notes=tuple(note for note in notes if note),
        variant=found,
    )


def variant(models: Models, prompt_seconds: float | None, flow_steps: int) -> dict[str, str]:
    """Return what a cache key must say beside the engine's name."""
    found = {
        "precision": models.precision if models.precision != DEFAULT_PRECISION else "",
        "prompt_seconds": "" if prompt_seconds is None else f"{prompt_seconds:g}",
        "flow_steps": "" if flow_steps == 2 else str(flow_steps),
        "weights": models.manifest.name or "",
    }
    return {name: value for name, value in found.items() if value}
