"""The code of Turbo and Nano that needs torch: to an engine that speaks, and to a baked checkpoint."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from worker.engines.chatterbox.files import RELEASED_VOICE, VOICE_FILE
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.options import Options
from worker.engines.chatterbox.out_of_memory import memory_needed
from worker.engines.chatterbox.stored import write_models
from worker.engines.chatterbox.turbo import checkpoint
from worker.engines.chatterbox.turbo.captures import GraphCapture
from worker.engines.chatterbox.turbo.checkpoint import TurboModels, architecture_of
from worker.engines.chatterbox.turbo.cuda_graphs import CudaGraphs, SideStream
from worker.engines.chatterbox.turbo.engine import TurboEngine, bytes_of_slots
from worker.engines.chatterbox.turbo.text import TOKENIZER, load_tokenizer

__all__ = ["load", "only_on_gpu", "write_voice", "write_weights"]

SLOTS = {"cpu": 8, "cuda": 16}  # utterances inside at once


def load(
    model: Model, folder: Path, device: torch.device, options: Options, flow_steps: int
) -> tuple[TurboEngine, TurboModels]:
    """Load the checkpoint of `model` in `folder`, and the engine that speaks with it.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    with memory_needed(device, "the weights"):
        models = architecture_of(model).load(folder, device, options.precision, options.vocoder)
    slots = options.slots or SLOTS[device.type]
    with memory_needed(device, *slots_needed(models, slots)):
        engine = TurboEngine(
            models,
            slots=slots,
            prompt_seconds=options.prompt_seconds,
            flow_steps=flow_steps,
            **only_on_gpu(device, options),
        )
    return engine, models


def only_on_gpu(
    device: torch.device,
    options: Options,
    graphs: Callable[[], GraphCapture] = CudaGraphs,
    side_stream: Callable[[], Any] = SideStream,
) -> dict[str, Any]:
    """Return what an engine on a GPU gets: a stream for S3Gen, and a capture of decode steps if wanted."""
    if device.type != "cuda":
        return {}
    return {"side_stream": side_stream()} | ({"capture": graphs()} if options.graphs else {})


def slots_needed(models: TurboModels, slots: int) -> tuple[str, str]:
    """Return what slots hold and how much that is, and what to do if it does not fit."""
    size = bytes_of_slots(models.t3, slots) / 1e9
    return (
        f"the keys and values of {slots} slots ({size:.1f} GB)",
        "set TTS_SLOTS lower, or use a larger machine",
    )


def write_weights(model: Model, source: Path, part: Path, precision: str) -> None:
    """Write the models' tensors and the tokenizer to the folder `part`; raises StartError."""
    write_models(architecture_of(model), source, part, precision)
    load_tokenizer(source).save(str(part / TOKENIZER))


def write_voice(model: Model, part: Path) -> None:
    """Write the default voice with its prefix, computed by the models that were just written."""
    models = checkpoint.load(part, torch.device("cpu"), model=model)
    with torch.inference_mode():
        models.voice.prefix(models.t3)
    (part / VOICE_FILE).write_bytes(models.voice.to_bytes(models.precision))
    (part / RELEASED_VOICE).unlink()
