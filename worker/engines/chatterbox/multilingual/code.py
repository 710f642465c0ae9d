"""Multilingual's code that needs torch: to an engine that speaks, and to a baked checkpoint."""

from pathlib import Path

import torch

from worker.engines.chatterbox.multilingual import checkpoint
from worker.engines.chatterbox.multilingual.baking import write_voice, write_weights
from worker.engines.chatterbox.multilingual.checkpoint import MultilingualModels
from worker.engines.chatterbox.multilingual.engine import MultilingualEngine
from worker.engines.chatterbox.options import Options
from worker.engines.chatterbox.shortage import memory_needed

__all__ = ["load", "write_voice", "write_weights"]


def load(
    folder: Path, place: torch.device, options: Options, flow_steps: int
) -> tuple[MultilingualEngine, MultilingualModels]:
    """Load the checkpoint of `folder`, and the engine that speaks with it.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    with memory_needed(place, "the weights"):
        models = checkpoint.load(folder, place, options.precision)
    engine = MultilingualEngine(
        models,
        folder,
        slots=options.slots or 1,
        prompt_seconds=options.prompt_seconds,
        flow_steps=flow_steps,
    )
    return engine, models
