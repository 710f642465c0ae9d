"""Multilingual's code that needs torch: to an engine that speaks, and to a baked checkpoint."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.files import RELEASED_VOICE, VOICE_FILE
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.checkpoint import MultilingualModels, architecture_of
from worker.engines.chatterbox.multilingual.engine import MultilingualEngine
from worker.engines.chatterbox.multilingual.entry import CANGJIE_FILE, TOKENIZER_FILE, WORDS_FOLDER
from worker.engines.chatterbox.options import Options
from worker.engines.chatterbox.out_of_memory import memory_needed
from worker.engines.chatterbox.stored import write_models

__all__ = ["load", "write_voice", "write_weights"]


def load(
    model: Model, folder: Path, device: torch.device, options: Options, flow_steps: int
) -> tuple[MultilingualEngine, MultilingualModels]:
    """Load the checkpoint of `model` in `folder`, and the engine that speaks with it.

    Raises:
        StartError: Weights, device or memory do not allow it.
    """
    with memory_needed(device, "the weights"):
        models = architecture_of(model).load(folder, device, options.precision, options.vocoder)
    engine = MultilingualEngine(
        models, slots=options.slots or 1, prompt_seconds=options.prompt_seconds, flow_steps=flow_steps
    )
    return engine, models


def write_weights(model: Model, source: Path, part: Path, precision: str) -> None:
    """Write the models' tensors, and what text is read with, to the folder `part`; raises StartError."""
    write_models(architecture_of(model), source, part, precision)
    for name in (TOKENIZER_FILE, CANGJIE_FILE):
        if (source / name).is_file():
            shutil.copyfile(source / name, part / name)
    if (source / WORDS_FOLDER).is_dir():
        shutil.copytree(source / WORDS_FOLDER, part / WORDS_FOLDER)


def write_voice(_: Model, part: Path) -> None:
    """Write the default voice as tensors, in place of upstream's pickle."""
    save_file(Conditioning.from_upstream(part / RELEASED_VOICE).tensors(), part / VOICE_FILE)
    (part / RELEASED_VOICE).unlink()
