"""S3Gen's encoder: speech tokens to twice as many frames, a conformer without convolutions.

Order of operations as in upstream's `transformer/upsample_encoder.py` and `attention.py`
(relative positions after Transformer-XL, https://arxiv.org/abs/1901.02860).
"""

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from worker.engines.chatterbox.s3gen.layers import HEAD_SIZE, ChannelNorm, Padding, attend, blank, heads
from worker.engines.chatterbox.s3gen.tensors import Weights

__all__ = ["Encoder"]

LOOK_AHEAD = 3  # tokens
GRAIN = 256  # positions are projected for the next multiple of it
KEPT_LENGTHS = 3  # of projected positions: for up to 512 tokens 14 MB in half precision, both rates together
SCALE = HEAD_SIZE**-0.5  # an eighth: exact in every dtype, so it is folded into weights


class Encoder:
    """[batch, tokens] ids to [batch, 2 * tokens, 80]."""

    def __init__(self, flow: Weights) -> None:
        encoder = flow.at("encoder")
        self.table = flow.tensor("input_embedding.weight")  # [6561, 512]
        self.embed, self.embed_norm = encoder.linear("embed.out.0"), encoder.norm("embed.out.1")
        self.look1 = encoder.causal("pre_lookahead_layer.conv1", ahead=LOOK_AHEAD)
        self.look2 = encoder.causal("pre_lookahead_layer.conv2")
        self.layers = ConformerStack(encoder.children("encoders"))
        self.up = encoder.causal("up_layer.conv")
        self.up_embed, self.up_norm = encoder.linear("up_embed.out.0"), encoder.norm("up_embed.out.1")
        self.up_layers = ConformerStack(encoder.children("up_encoders"))
        self.after = encoder.norm("after_norm")
        self.project = flow.linear("encoder_proj")

    def __call__(self, ids: Tensor, padding: Padding | None) -> Tensor:
        """Encode ids [batch, tokens] int64, rows padded on the right."""
        x = blank(functional.embedding(ids, self.table), padding)
        # upstream does not blank here: its look-ahead then sees the padding of a shorter row
        x = blank(self.spread(self.embed_norm(self.embed(x))), padding)
        x = x + self.look2(functional.leaky_relu(self.look1(x)))
        x = self.layers(x, padding)
        x = self.up(x.repeat_interleave(2, 1))
        x = self.spread(self.up_norm(self.up_embed(x)))
        x = self.up_layers(x, None if padding is None else padding.doubled())
        return self.project(self.after(x))

    @staticmethod
    def spread(x: Tensor) -> Tensor:
        """Scale an embedding by the root of its width, as the position encoding of upstream does."""
        return x * math.sqrt(x.shape[-1])


class ConformerStack:
    """Conformer layers of one length, with the products of their position tables."""

    def __init__(self, layers: list[Weights]) -> None:
        self.layers = [ConformerLayer(layer) for layer in layers]
        self._positions: dict[int, list[Tensor]] = {}

    def __call__(self, x: Tensor, padding: Padding | None) -> Tensor:
        bias = None if padding is None else padding.bias
        for layer, positions in zip(self.layers, self.positions(x.shape[1]), strict=True):
            x = layer(x, positions, bias)
        return x

    def positions(self, length: int) -> list[Tensor]:
        """Return each layer's [heads, HEAD_SIZE, 2 * length - 1]: cut from the next of few lengths, kept.

        Hardly two segments are equally long, and the tables of one length take 30 ms on two cores.
        """
        longest = -(-length // GRAIN) * GRAIN
        found = self._positions.pop(longest, None)
        if found is None:
            table = position_table(longest, self.layers[0].width)
            found = [layer.project_positions(table) for layer in self.layers]
        self._positions[longest] = found
        while len(self._positions) > KEPT_LENGTHS:
            del self._positions[next(iter(self._positions))]
        return [whole[..., longest - length : longest + length - 1] for whole in found]


class ConformerLayer:
    """Self-attention with relative positions, then a feed-forward, each on top of its input."""

    def __init__(self, layer: Weights) -> None:
        attention = layer.at("self_attn")
        # upstream builds these two norms with 1e-12, all others with 1e-5
        self.norm_attention = layer.norm("norm_mha", epsilon=1e-12)
        self.norm_feed: ChannelNorm = layer.norm("norm_ff", epsilon=1e-12)
        self.qkv = attention.stacked(("linear_q", "linear_k", "linear_v"), (SCALE, 1, 1))
        self.out = attention.linear("linear_out")
        self.position = attention.linear("linear_pos")
        self.content_bias = attention.tensor("pos_bias_u")[:, None] * SCALE  # [heads, 1, HEAD_SIZE]
        self.position_bias = attention.tensor("pos_bias_v")[:, None] * SCALE
        self.wide, self.narrow = layer.linear("feed_forward.w_1"), layer.linear("feed_forward.w_2")
        self.width = self.out.weight.shape[0]

    def __call__(self, x: Tensor, positions: Tensor, bias: Tensor | None) -> Tensor:
        query, key, value = heads(self.qkv(self.norm_attention(x)), 3)
        scores = shifted((query + self.position_bias) @ positions)
        scores = scores if bias is None else scores + bias
        x = x + self.out(attend(query + self.content_bias, key, value, scores))
        return x + self.narrow(functional.silu(self.wide(self.norm_feed(x))))

    def project_positions(self, table: Tensor) -> Tensor:
        """Return [heads, HEAD_SIZE, 2 * length - 1] of a table [2 * length - 1, width]."""
        projected = self.position(table.to(self.position.weight))
        return projected.view(len(table), -1, HEAD_SIZE).permute(1, 2, 0).contiguous()


def position_table(length: int, width: int) -> Tensor:
    """Return sines and cosines of the distances length - 1 … 1 - length: [2 * length - 1, width]."""
    distance = torch.arange(length, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * -(math.log(10_000.0) / width))
    interleave = partial(torch.stack, dim=-1)
    ahead = interleave([torch.sin(distance * rate), torch.cos(distance * rate)]).flatten(1)
    behind = interleave([torch.sin(-distance * rate), torch.cos(-distance * rate)]).flatten(1)
    return torch.cat([ahead.flip(0), behind[1:]])


def shifted(scores: Tensor) -> Tensor:
    """View scores by distance [batch, heads, time, 2 * time - 1] as scores by key [..., time, time].

    Query i's score for key j stands at distance i - j, place time - 1 - i + j: one step to the left
    from each row to the next.
    """
    batch, count, length, distances = scores.shape
    rows = scores.contiguous()
    return rows.as_strided(
        (batch, count, length, length),
        (rows.stride(0), rows.stride(1), distances - 1, 1),
        rows.storage_offset() + length - 1,
    )
