"""The checkpoint's tensors by upstream's names, handed out ready for use."""

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from worker.engines.chatterbox.s3gen.layers import CausalConv, ChannelNorm, Projection
from worker.errors import StartError

__all__ = ["Weights", "folded", "needs_full_precision"]

GAIN, DIRECTION = ".parametrizations.weight.original0", ".parametrizations.weight.original1"
VOCODER = "mel2wav."


def needs_full_precision(name: str) -> bool:
    """Whether a baked file keeps a tensor in single precision whatever the rest is in: so all of the vocoder.

    Its pitch drives a phase that adds up over the whole utterance, and its last convolution's output is a
    logarithm: eight bits of mantissa are heard in both. The rest of it may be computed in either.
    """
    return name.startswith(VOCODER)


def fold(direction: Tensor, gain: Tensor) -> Tensor:
    """Return the weight that weight norm (over all but the first dimension) stands for.

    By the operation that upstream's modules run: another order of its sums moves the last bit of the
    pitch, and the phase adds that up over the utterance.
    """
    return torch._weight_norm(direction, gain, 0)  # noqa: SLF001  # it has no public name


def folded(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the same weights under the same names, with weight norm multiplied out."""
    plain = {name: tensor for name, tensor in tensors.items() if not name.endswith((GAIN, DIRECTION))}
    for name, tensor in tensors.items():
        if name.endswith(DIRECTION):
            layer = name.removesuffix(DIRECTION)
            plain[f"{layer}.weight"] = fold(tensor, tensors[layer + GAIN])
    return plain


class Weights:
    """A place in the tree of names, the device, and the dtype that layers get."""

    def __init__(
        self, tensors: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype, place: str = ""
    ) -> None:
        self.device = device
        self.dtype = dtype
        self._tensors = tensors
        self._place = place

    def at(self, name: str) -> "Weights":
        """Return the place below `name`."""
        return Weights(self._tensors, self.device, self.dtype, f"{self._place}{name}.")

    def in_full_precision(self) -> "Weights":
        """Return the same place, where layers get float32."""
        return Weights(self._tensors, self.device, torch.float32, self._place)

    def children(self, name: str) -> list["Weights"]:
        """Return the numbered places below `name`, in order."""
        pattern = re.compile(re.escape(f"{self._place}{name}.") + r"(\d+)\.")
        found = {int(match[1]) for match in map(pattern.match, self._tensors) if match}
        return [self.at(f"{name}.{number}") for number in sorted(found)]

    def __contains__(self, name: str) -> bool:
        return self._place + name in self._tensors

    def tensor(self, name: str) -> Tensor:
        """Return a tensor on the device in the dtype.

        Raises:
            StartError: The checkpoint does not hold it, or not as numbers with a fraction.
        """
        return self._ready(self._stored(name))

    def weight(self, layer: str) -> Tensor:
        """Return a layer's weight, with weight norm multiplied out if it is stored apart."""
        if layer + DIRECTION not in self:
            return self.tensor(f"{layer}.weight")
        return self._ready(fold(self._stored(layer + DIRECTION).float(), self._stored(layer + GAIN).float()))

    def bias(self, layer: str) -> Tensor | None:
        """Return a layer's bias, if it has one."""
        name = f"{layer}.bias"
        return self.tensor(name) if name in self else None

    def linear(self, layer: str, scale: float = 1.0) -> Projection:
        """Return a linear layer, its result multiplied by `scale` (exact for powers of two)."""
        return self.stacked((layer,), (scale,))

    def stacked(self, layers: Iterable[str], scales: Iterable[float]) -> Projection:
        """Return linear layers of one input as one, their results side by side, each scaled."""
        parts = [
            (self.weight(layer), self.bias(layer), scale) for layer, scale in zip(layers, scales, strict=True)
        ]
        weight = joined([scaled(part, scale) for part, _, scale in parts])
        biases = [scaled(bias, scale) for _, bias, scale in parts if bias is not None]
        return Projection(weight, joined(biases) if biases else None)

    def norm(self, layer: str, epsilon: float = 1e-5) -> ChannelNorm:
        """Return a layer norm."""
        return ChannelNorm(self.weight(layer), self.tensor(f"{layer}.bias"), epsilon)

    def pointwise(self, layer: str) -> Projection:
        """Return a convolution of width one, as the matrix product that it is."""
        return Projection(self.weight(layer).squeeze(-1), self.bias(layer))

    def causal(self, layer: str, ahead: int = 0) -> CausalConv:
        """Return a convolution over time that sees `ahead` frames of the future, the rest of the past."""
        weight = self.weight(layer)  # [out, in, width]
        width = weight.shape[2]
        return CausalConv(
            Projection(weight.transpose(1, 2).reshape(len(weight), -1).contiguous(), self.bias(layer)),
            before=width - 1 - ahead,
            after=ahead,
        )

    def _stored(self, name: str) -> Tensor:
        tensor = self._tensors.get(self._place + name)
        if tensor is None:
            raise StartError(f"the S3Gen weights lack {self._place}{name}: are they Chatterbox's?")
        if not tensor.is_floating_point():
            raise StartError(f"the S3Gen weights hold {self._place}{name} as {tensor.dtype}, expected floats")
        return tensor

    def _ready(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype)


def scaled(tensor: Tensor, scale: float) -> Tensor:
    """Return the tensor times `scale`, itself where that is one (mapped weights stay mapped)."""
    return tensor if scale == 1 else tensor * scale


def joined(parts: list[Tensor]) -> Tensor:
    """Return tensors behind one another, a single one as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)
