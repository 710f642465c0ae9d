"""The few layers that the flow is made of; all take and give [batch, time, channels]."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from worker.engines.chatterbox.device import fuses_bf16

__all__ = [
    "HEAD_SIZE",
    "CausalConv",
    "ChannelNorm",
    "Padding",
    "Projection",
    "attend",
    "attend_fused",
    "attend_head_by_head",
    "blank",
    "heads",
]

HEAD_SIZE = 64  # channels of an attention head, the same in upstream's encoder and estimator


@dataclass(frozen=True, slots=True)
class Projection:
    """A matrix product with a bias."""

    weight: Tensor  # [out, in]
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Return [..., out] of [..., in]."""
        return functional.linear(x, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class ChannelNorm:
    """A layer norm over the channels."""

    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        """Return x of mean 0 and variance 1, scaled and moved."""
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class CausalConv:
    """A convolution over time, as one matrix product over windows laid side by side."""

    product: Projection  # [out, width * in]
    before: int  # frames of the past in a window
    after: int  # frames of the future

    def __call__(self, x: Tensor) -> Tensor:
        """Return [batch, time, out] of [batch, time, in], zeros around."""
        length = x.shape[1]
        padded = functional.pad(x, (0, 0, self.before, self.after))
        width = self.before + self.after + 1
        return self.product(torch.cat([padded[:, at : at + length] for at in range(width)], dim=-1))


@dataclass(frozen=True, slots=True)
class Padding:
    """Which frames of a batch of unequal rows are real."""

    keep: Tensor  # [batch, time, 1], 1 or 0, in the model's dtype
    bias: Tensor  # [batch, 1, 1, time], 0 or -inf, added to attention's scores

    @classmethod
    def of(cls, lengths: list[int], device: torch.device, dtype: torch.dtype) -> "Padding | None":
        """Return the padding of rows of these lengths, None where there is none."""
        longest = max(lengths)
        if min(lengths) == longest:
            return None
        ends = torch.tensor(lengths, device=device)
        real = torch.arange(longest, device=device)[None] < ends[:, None]
        zeros = torch.zeros(real.shape, device=device, dtype=dtype)
        return cls(real[..., None].to(dtype), zeros.masked_fill(~real, -torch.inf)[:, None, None])

    def doubled(self) -> "Padding":
        """Return the padding after each frame became two."""
        return Padding(self.keep.repeat_interleave(2, 1), self.bias.repeat_interleave(2, -1))

    def twice(self) -> "Padding":
        """Return the padding of the rows followed by the same rows again."""
        return Padding(self.keep.repeat(2, 1, 1), self.bias.repeat(2, 1, 1, 1))


def blank(x: Tensor, padding: Padding | None) -> Tensor:
    """Return x with zeros where a row is padded."""
    return x if padding is None else x * padding.keep


def heads(x: Tensor, parts: int) -> tuple[Tensor, ...]:
    """Split [batch, time, parts * channels] into `parts` of [batch, heads, time, HEAD_SIZE]."""
    batch, length, _ = x.shape
    split = x.view(batch, length, parts, -1, HEAD_SIZE).permute(2, 0, 3, 1, 4)
    return split.unbind(0)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Return attention's result, heads side by side: [batch, time, channels].

    Args:
        query: [batch, heads, time, HEAD_SIZE], already scaled.
        key: Of the same shape.
        value: Of the same shape.
        bias: Added to the scores; broadcasts to [batch, heads, time, time].
    """
    if query.device.type == "cpu" and query.dtype != torch.float32 and not fuses_bf16():
        return attend_head_by_head(query, key, value, bias)
    return attend_fused(query, key, value, bias)


def attend_fused(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Attend by torch's own kernel."""
    result = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
    return result.transpose(1, 2).flatten(2)


def attend_head_by_head(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Attend by plain products a head: twice as fast as the fused kernel where that is slow.

    One head's scores stay in the processor's cache, where those of all heads do not. The products take
    whole rows one after the other, not every third.
    """
    query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
    count = query.shape[1]
    biases = [None] * count if bias is None else bias.expand(-1, count, -1, -1).unbind(1)
    results = []
    for head, added in enumerate(biases):
        scores = query[:, head] @ key[:, head].transpose(1, 2)
        scores = scores if added is None else scores.add_(added)
        results.append(scores.softmax(-1) @ value[:, head])
    return torch.cat(results, dim=-1)
