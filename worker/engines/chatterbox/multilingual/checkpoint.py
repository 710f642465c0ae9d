"""The multilingual checkpoint; the released S3Gen is a pickle of tensors."""

from typing import TypeAlias

from worker.engines.chatterbox.checkpoint import Architecture, LoadedModels
from worker.engines.chatterbox.cloning import PromptFormat
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL
from worker.engines.chatterbox.multilingual.llama import PRODUCTS, Llama, check_shapes
from worker.engines.chatterbox.multilingual.text import MultilingualTokenizer
from worker.engines.chatterbox.multilingual.voice import MultilingualVoice

__all__ = ["ARCHITECTURE", "MultilingualModels", "load"]

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
load = ARCHITECTURE.load
