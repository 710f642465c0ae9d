"""Turbo's part of `bake`: its weights, its tokenizer, its default voice."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from worker.engines.chatterbox.files import CLONING_FILE, RELEASED_VOICE, VOICE_FILE, WATERMARK_FILE
from worker.engines.chatterbox.stored import plain, s3_tensors, t3_tensors
from worker.engines.chatterbox.t3 import HEAD
from worker.engines.chatterbox.tensors import CLONING, map_tensors
from worker.engines.chatterbox.turbo import checkpoint
from worker.engines.chatterbox.turbo.checkpoint import UNUSED
from worker.engines.chatterbox.turbo.files import S3_FILE, T3_FILE, VOICE_ENCODER
from worker.engines.chatterbox.turbo.t3 import check_shapes
from worker.engines.chatterbox.turbo.text import load_tokenizer
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["write_voice", "write_weights"]

TOKENIZER = "tokenizer.json"


def write_weights(source: Path, part: Path, precision: str) -> None:
    """Write the models' tensors and the tokenizer."""
    t3 = map_tensors(source / T3_FILE, UNUSED)
    check_shapes(t3)
    save_file(t3_tensors(as_products(t3), precision, is_product), part / T3_FILE)
    s3gen = map_tensors(source / S3_FILE)
    spoken = {name: tensor for name, tensor in s3gen.items() if not name.startswith(CLONING)}
    save_file(s3_tensors(spoken, precision), part / S3_FILE)
    cloning = {name: tensor for name, tensor in s3gen.items() if name.startswith(CLONING)}
    encoder = map_tensors(source / VOICE_ENCODER)
    save_file(
        plain(cloning | {f"ve.{name}": tensor for name, tensor in encoder.items()}), part / CLONING_FILE
    )
    load_tokenizer(source).save(str(part / TOKENIZER))
    Watermark.load().export(part / WATERMARK_FILE)
    shutil.copyfile(source / RELEASED_VOICE, part / RELEASED_VOICE)


def as_products(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return T3's tensors with the weights of products as [out, in]."""
    return {
        name: tensor.t() if is_product(name) and not name.startswith(HEAD) else tensor
        for name, tensor in tensors.items()
    }


def is_product(name: str) -> bool:
    """Whether a tensor of T3 is the weight of a matrix product in every step."""
    return name == f"{HEAD}.weight" or name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight"))


def write_voice(part: Path) -> None:
    """Write the default voice with its prefix, computed by the models that were just written."""
    models = checkpoint.load(part, torch.device("cpu"))
    with torch.inference_mode():
        models.voice.prefix(models.t3)
    (part / VOICE_FILE).write_bytes(models.voice.to_bytes(models.precision))
    (part / RELEASED_VOICE).unlink()
