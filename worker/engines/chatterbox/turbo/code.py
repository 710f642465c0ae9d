"""Turbo's code that needs torch: to an engine that speaks, and to a baked checkpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from worker.engines.chatterbox.options import Options
from worker.engines.chatterbox.shortage import memory_needed
from worker.engines.chatterbox.turbo import checkpoint
from worker.engines.chatterbox.turbo.baking import write_voice, write_weights
from worker.engines.chatterbox.turbo.checkpoint import TurboModels
from worker.engines.chatterbox.turbo.engine import bytes_of_slots
from worker.engines.chatterbox.turbo.graph import CudaGraphs, SideStream
from worker.engines.chatterbox.turbo.learning import LearningEngine
from worker.engines.chatterbox.turbo.recordings import GraphCapture

__all__ = ["load", "only_on_gpu", "write_voice", "write_weights"]

SLOTS = {"cpu": 8, "cuda": 16}  # utterances inside at once


def load(
    folder: Path, place: torch.device, options: Options, flow_steps: int
) -> tuple[LearningEngine, TurboModels]:
    """Load the checkpoint of `folder`, and the engine that speaks with it.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    with memory_needed(place, "the weights"):
        models = checkpoint.load(folder, place, options.precision)
    slots = options.slots or SLOTS[place.type]
    with memory_needed(place, *slots_needed(models, slots)):
        engine = LearningEngine(
            models,
            folder,
            slots=slots,
            prompt_seconds=options.prompt_seconds,
            flow_steps=flow_steps,
            **only_on_gpu(place, options),
        )
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
