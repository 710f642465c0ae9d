"""Tensors as a baked file holds them: in the precision they are used in, weight norm folded."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from worker.engines.chatterbox.checkpoint import Architecture
from worker.engines.chatterbox.files import CLONING_FILE, RELEASED_VOICE, WATERMARK_FILE
from worker.engines.chatterbox.linear import quantize
from worker.engines.chatterbox.s3gen import folded, needs_full_precision
from worker.engines.chatterbox.t3 import HEAD
from worker.engines.chatterbox.tensors import CLONING
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["write_models"]


def write_models(architecture: Architecture[Any, Any, Any], source: Path, part: Path, precision: str) -> None:
    """Write the models of the released checkpoint `source`, and its voice as it is, to the folder `part`."""
    model = architecture.model
    t3 = {
        name: tensor.t()
        if architecture.transposed and architecture.is_product(name) and not name.startswith(HEAD)
        else tensor
        for name, tensor in architecture.t3_tensors(source).items()
    }
    save_file(t3_tensors(t3, precision, architecture.is_product), part / model.t3_file)
    tensors = architecture.cloning_tensors(source)
    cloning = {name: tensor for name, tensor in tensors.items() if name.startswith((*CLONING, "ve."))}
    spoken = {name: tensor for name, tensor in tensors.items() if name not in cloning}
    save_file(s3_tensors(spoken, precision), part / model.s3_files[0])
    save_file(plain(cloning), part / CLONING_FILE)
    Watermark.load().export(part / WATERMARK_FILE)
    shutil.copyfile(source / RELEASED_VOICE, part / RELEASED_VOICE)


def t3_tensors(
    tensors: Mapping[str, Tensor], precision: str, is_product: Callable[[str], bool]
) -> dict[str, Tensor]:
    """Return T3's tensors; those that `is_product` names are multiplied in every step, given as [out, in]."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if precision == "int8" and is_product(name):
            values, scales = quantize(tensor)
            found |= {name: values, f"{name.removesuffix('.weight')}.scales": scales}
        elif precision == "fp32" or (precision == "int8" and tensor.dim() == 1):
            found[name] = tensor
        else:
            found[name] = tensor.to(torch.bfloat16)
    return plain(found)


def s3_tensors(tensors: Mapping[str, Tensor], precision: str) -> dict[str, Tensor]:
    """Return S3Gen's tensors with weight norm folded, in bfloat16 where that is enough."""
    kept = precision == "fp32"
    return plain(
        {
            name: tensor
            if kept or not tensor.is_floating_point() or needs_full_precision(name)
            else tensor.bfloat16()
            for name, tensor in folded(tensors).items()
        }
    )


def plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as a file holds them: contiguous, none sharing memory."""
    return {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
