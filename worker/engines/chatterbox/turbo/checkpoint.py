"""Turbo's checkpoint: what makes its parts of its files."""

from typing import TypeAlias

from tokenizers import Tokenizer

from worker.engines.chatterbox.checkpoint import Architecture, LoadedModels
from worker.engines.chatterbox.cloning import PromptFormat
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.engines.chatterbox.turbo.t3 import T3, check_shapes
from worker.engines.chatterbox.turbo.text import load_tokenizer
from worker.engines.chatterbox.turbo.voice import TurboVoice

__all__ = ["ARCHITECTURE", "TurboModels", "load"]

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
load = ARCHITECTURE.load
