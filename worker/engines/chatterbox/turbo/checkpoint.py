"""Turbo's checkpoint, and those of models of the same make: what makes its parts of its files."""

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import torch
from tokenizers import Tokenizer

from worker.engines.chatterbox.checkpoint import Architecture, LoadedModels
from worker.engines.chatterbox.cloning import PromptFormat
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.engines.chatterbox.turbo.t3 import T3, check_shapes
from worker.engines.chatterbox.turbo.text import load_tokenizer
from worker.engines.chatterbox.turbo.voice import TurboVoice

__all__ = ["ARCHITECTURE", "TurboModels", "architecture_of", "load"]

TurboModels: TypeAlias = LoadedModels[T3, Tokenizer, TurboVoice]
ARCHITECTURE = Architecture(
    model=TURBO,
    unused=("tfmr.wte.", "text_head."),
    products=(".c_attn", ".c_proj", ".c_fc"),
    transposed=True,
    check_shapes=check_shapes,
    t3=T3,
    tokenizer=load_tokenizer,
    voice=TurboVoice,
    prompt=PromptFormat(seconds=15, tokens=375, levelled=True),
)


def architecture_of(model: Model) -> Architecture[T3, Tokenizer, TurboVoice]:
    """Return what Turbo, or a model of the same make, is made of."""
    return replace(ARCHITECTURE, model=model)


def load(folder: Path, device: torch.device, precision: str = "auto", model: Model = TURBO) -> TurboModels:
    """Load a checkpoint of Turbo, or of a model of the same make; see `Architecture.load`."""
    return architecture_of(model).load(folder, device, precision)
