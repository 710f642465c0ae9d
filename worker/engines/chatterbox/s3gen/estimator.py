"""S3Gen's estimator: the velocity of the flow, a U-Net of one level with attention.

Order of operations as in upstream's `decoder.py` and `matcha/`; mean flows:
https://arxiv.org/abs/2505.13447.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from worker.engines.chatterbox.s3gen.layers import HEAD_SIZE, Padding, attend, blank, heads
from worker.engines.chatterbox.s3gen.tensors import Weights

__all__ = ["Estimator"]

TIME_SCALE = 1000.0


class Estimator:
    """The velocity at [batch, time, 80] for a step from one time to another."""

    def __init__(self, estimator: Weights) -> None:
        self.times = Times(estimator.in_full_precision())
        self.down = EstimatorStage(estimator.at("down_blocks.0"))
        self.middle = [EstimatorStage(stage) for stage in estimator.children("mid_blocks")]
        self.up = EstimatorStage(estimator.at("up_blocks.0"))
        self.after_down = estimator.causal("down_blocks.0.2")
        self.after_up = estimator.causal("up_blocks.0.2")
        self.final = ConvBlock(estimator.at("final_block"))
        self.project = estimator.pointwise("final_proj")
        self.dtype = estimator.dtype
        self._shifts: dict[tuple[float, float], list[Tensor]] = {}

    def __call__(
        self, x: Tensor, conditions: Tensor, start: float, end: float, padding: Padding | None
    ) -> Tensor:
        """Return the velocity of x [batch, time, 80]; conditions: token, speaker and prompt, 240 wide."""
        shift, *shifts, last_shift = self.shifts(start, end)
        x = torch.cat([x.to(self.dtype), conditions], dim=-1)
        skipped = self.down(x, shift, padding)
        x = self.after_down(blank(skipped, padding))
        for stage, shift in zip(self.middle, shifts, strict=True):
            x = stage(x, shift, padding)
        x = self.up(torch.cat([x, skipped], dim=-1), last_shift, padding)
        x = self.after_up(blank(x, padding))
        return blank(self.project(self.final(x, padding)), padding)

    @property
    def is_mean(self) -> bool:
        """Whether it was trained on the mean velocity of a step, guidance included."""
        return self.times.mix is not None

    def shifts(self, start: float, end: float) -> list[Tensor]:
        """Return what each stage adds to its frames; constants of the model, so each is computed once."""
        if (start, end) not in self._shifts:
            time = self.times(start, end)
            stages = (self.down, *self.middle, self.up)
            self._shifts[start, end] = [stage.time(time).to(self.dtype) for stage in stages]
        return self._shifts[start, end]


class Times:
    """The embedding of a step's times, in single precision: both of a mean flow's, else where it starts."""

    def __init__(self, estimator: Weights) -> None:
        self.first = estimator.linear("time_mlp.linear_1")
        self.second = estimator.linear("time_mlp.linear_2")
        is_mean = "time_embed_mixer.weight" in estimator
        self.mix = estimator.linear("time_embed_mixer") if is_mean else None

    def __call__(self, start: float, end: float) -> Tensor:
        """Return the embedding [1, channels] that the stages project."""
        if self.mix is None:
            return functional.mish(self.embed(start))
        return functional.mish(self.mix(torch.cat([self.embed(start), self.embed(end)], dim=1)))

    def embed(self, time: float) -> Tensor:
        """Return the embedding of one time in [0, 1]."""
        weight = self.first.weight
        half = weight.shape[1] // 2
        rates = torch.exp(torch.arange(half, device=weight.device).float() * -(math.log(10_000) / (half - 1)))
        angles = TIME_SCALE * torch.tensor([[time]], device=weight.device) * rates
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1)
        return self.second(functional.silu(self.first(waves)))


class EstimatorStage:
    """A residual block shifted by the time's embedding, then transformer blocks."""

    def __init__(self, stage: Weights) -> None:
        residual = stage.at("0")
        self.first, self.second = ConvBlock(residual.at("block1")), ConvBlock(residual.at("block2"))
        self.time = residual.in_full_precision().linear("mlp.1")
        self.around = residual.pointwise("res_conv")
        self.transformers = [Transformer(block) for block in stage.children("1")]

    def __call__(self, x: Tensor, shift: Tensor, padding: Padding | None) -> Tensor:
        h = self.first(x, padding) + shift
        x = self.second(h, padding) + self.around(blank(x, padding))
        for transformer in self.transformers:
            x = transformer(x, padding)
        return x


class ConvBlock:
    """A causal convolution, a norm and Mish."""

    def __init__(self, block: Weights) -> None:
        self.conv = block.causal("block.0")
        self.norm = block.norm("block.2")

    def __call__(self, x: Tensor, padding: Padding | None) -> Tensor:
        return blank(functional.mish(self.norm(self.conv(blank(x, padding)))), padding)


class Transformer:
    """Self-attention, then a feed-forward, each on top of its input."""

    def __init__(self, block: Weights) -> None:
        attention = block.at("attn1")
        self.norm_attention, self.norm_feed = block.norm("norm1"), block.norm("norm3")
        self.qkv = attention.stacked(("to_q", "to_k", "to_v"), (HEAD_SIZE**-0.5, 1, 1))
        self.out = attention.linear("to_out.0")
        self.wide, self.narrow = block.linear("ff.net.0.proj"), block.linear("ff.net.2")

    def __call__(self, x: Tensor, padding: Padding | None) -> Tensor:
        query, key, value = heads(self.qkv(self.norm_attention(x)), 3)
        x = x + self.out(attend(query, key, value, None if padding is None else padding.bias))
        return x + self.narrow(functional.gelu(self.wide(self.norm_feed(x))))
