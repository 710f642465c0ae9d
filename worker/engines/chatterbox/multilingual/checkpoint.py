"""The multilingual checkpoint; the released S3Gen is a pickle of tensors."""

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import torch

from worker.engines.chatterbox.checkpoint import Architecture, LoadedModels
from worker.engines.chatterbox.cloning import PromptFormat
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL
from worker.engines.chatterbox.multilingual.llama import PRODUCTS, Llama, check_shapes
from worker.engines.chatterbox.multilingual.text import MultilingualTokenizer
from worker.engines.chatterbox.multilingual.voice import MultilingualVoice

__all__ = ["ARCHITECTURE", "MultilingualModels", "architecture_of", "load"]

MultilingualModels: TypeAlias = LoadedModels[Llama, MultilingualTokenizer, MultilingualVoice]
ARCHITECTURE = Architecture(
    model=MULTILINGUAL,
    unused=("tfmr.embed_tokens.", "text_head."),
    products=PRODUCTS,
    transposed=False,
    check_shapes=check_shapes,
    t3=Llama,
    tokenizer=MultilingualTokenizer,
    voice=MultilingualVoice,
    prompt=PromptFormat(seconds=6, tokens=150, levelled=False),
)


def architecture_of(model: Model) -> Architecture[Llama, MultilingualTokenizer, MultilingualVoice]:
    """Return what one of the multilingual models is made of."""
    return replace(ARCHITECTURE, model=model)


def load(
    folder: Path, device: torch.device, precision: str = "auto", model: Model = MULTILINGUAL
) -> MultilingualModels:
    """Load a checkpoint of one of the multilingual models; see `Architecture.load`."""
    return architecture_of(model).load(folder, device, precision)
