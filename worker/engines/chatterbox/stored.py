"""Tensors as a baked file holds them: in the precision they are used in, weight norm folded."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from worker.engines.chatterbox.linear import quantize
from worker.engines.chatterbox.s3gen import folded, needs_full_precision

__all__ = ["plain", "s3_tensors", "t3_tensors"]


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
