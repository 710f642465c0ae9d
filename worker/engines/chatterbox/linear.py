"""Matrix products of the decoder, in the formats that are fast on each device.

Weights are [out, in]; what GPT-2's checkpoints store the other way round comes as a view.

Every format but `Dense` in float32 gives a row the same result to the last bit, whatever else is in
the batch: measured on oneDNN's bfloat16 kernels, and by construction in int8, where each row has a
scale of its own and the sums are whole numbers.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import torch
from torch import Tensor

from worker.engines.chatterbox.scripting import scripted

__all__ = ["Dense", "Linear", "PackedBf16", "Quantized", "RowInt8", "quantize", "weight_type"]

INT8_MAX = 127
if TYPE_CHECKING:
    Packed: TypeAlias = Any
else:
    Packed = torch.classes.quantized.LinearPackedParamsBase  # a class that torch makes when asked for it
Multiply: TypeAlias = "torch.jit.ScriptFunction[Any, Any]"
"""(x, a weight as the format keeps it, the bias) -> the product; in TorchScript, which calls it."""


class Linear(Protocol):
    """x [N, in] -> [N, out], with the bias added."""

    dtype: torch.dtype  # of x and of the result
    batches: bool  # whether rows may be computed together without influencing each other
    multiply: Multiply
    weight: Any
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return x times the weight, and the bias."""


class Dense:
    """Any device and dtype; the weight stays as it is stored."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.dtype = weight.dtype
        self.batches = weight.device.type != "cpu"
        self.multiply = dense
        self.weight = weight
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """Return x times the weight, and the bias."""
        return torch.addmm(self.bias, x, self.weight.t())


@scripted
def dense(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x times the weight, and the bias."""
    return torch.addmm(bias, x, weight.t())


class PackedBf16:
    """bfloat16 on a CPU that has instructions for it: the weight in oneDNN's own order."""

    dtype = torch.bfloat16
    batches = True

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        whole = weight.to(torch.bfloat16).contiguous()
        self.multiply = packed_bf16
        self.weight = torch.ops.mkldnn._reorder_linear_weight(whole)  # noqa: SLF001 - the only name it has
        self.bias = bias.to(torch.bfloat16)

    def __call__(self, x: Tensor) -> Tensor:
        """Return x times the weight, and the bias."""
        product: Tensor = packed_bf16(x, self.weight, self.bias)
        return product


@scripted
def packed_bf16(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return x times the weight, and the bias."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")  # noqa: SLF001 - the only name it has
    return product


class Quantized(NamedTuple):
    """A weight in 8 bits: `values` int8 [out, in], `scales` float32 [out], one an output."""

    values: Tensor
    scales: Tensor


def quantize(weight: Tensor) -> Quantized:
    """Return the nearest 8-bit weight, symmetric, for a weight [out, in]."""
    weight = weight.float()
    scales = weight.abs().amax(1).clamp_min(1e-12) / INT8_MAX
    return Quantized(torch.round(weight / scales[:, None]).to(torch.int8), scales)


class RowInt8:
    """8-bit weights and activations on a CPU (fbgemm), one activation scale a row."""

    dtype = torch.float32
    batches = True

    def __init__(self, weight: Quantized, bias: Tensor) -> None:
        zeros = torch.zeros(len(weight.scales), dtype=torch.long)
        packed = torch._make_per_channel_quantized_tensor(weight.values, weight.scales.double(), zeros, 0)  # noqa: SLF001 - the only name it has
        self.multiply = row_int8
        self.weight = torch.ops.quantized.linear_prepack(packed, None)
        self.bias = bias.float()

    def __call__(self, x: Tensor) -> Tensor:
        """Return x times the weight, and the bias."""
        product: Tensor = row_int8(x, self.weight, self.bias)
        return product


@scripted
def row_int8(x: Tensor, weight: Packed, bias: Tensor) -> Tensor:
    """Return x times the weight, and the bias; each row is scaled to the whole range of a byte."""
    largest = x.abs().amax(-1, keepdim=True)
    # a row of zeros becomes NaN, then some byte, and nothing again times its own scale
    product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
        x / largest, 1 / 127, 128, weight
    )
    return torch.addcmul(bias, product, largest)


def weight_type(product: Linear) -> type:
    """Return what TorchScript calls the weights of a product's format."""
    return Tensor if isinstance(product.weight, Tensor) else Packed
