"""All blocks of T3 in a CPU's step, as one TorchScript function.

From Python a step is more than a thousand small calls, which took as much as a sixth of its time;
TorchScript makes them without Python and without a compiler. The arithmetic is `T3.forward`'s.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from worker.engines.chatterbox.linear import weight_type
from worker.engines.chatterbox.scripting import scripted
from worker.engines.chatterbox.t3 import HEAD_SIZE
from worker.engines.chatterbox.turbo.attention import SlotRun, attend
from worker.engines.chatterbox.turbo.t3 import EPSILON, T3

__all__ = ["Blocks", "compiled"]

Blocks = Callable[[Tensor, Tensor, list[SlotRun], list[Tensor], list[Tensor], bool], Tensor]
"""(rows [B, dim], kv_cache [slots, layers, 2, heads, positions, 64], the rows' runs, the prefixes of their
voices [layers, 2, heads, positions, 64], the rows of each, fused) -> hidden states [B, dim]; see `attend`."""


def compiled(t3: T3) -> Blocks:
    """Return T3's blocks, ready to step."""
    return cast(Blocks, scripted(BlockWeights(t3)))


class BlockWeights(torch.nn.Module):
    """The blocks' weights in lists that TorchScript loops over: four products and two norms a block."""

    def __init__(self, t3: T3) -> None:
        super().__init__()
        products = t3.products[:-1]  # the last is the head
        self.multiply = products[0].multiply
        self.weights = torch.jit.Attribute([each.weight for each in products], list[weight_type(products[0])])  # type: ignore[misc]  # a type found at run time
        self.biases = [each.bias for each in products]
        norms = [norm for block in t3.blocks for norm in (block.before_attention, block.before_mlp)]
        self.gains = [norm.weight for norm in norms]
        self.shifts = [norm.bias for norm in norms]
        self.epsilon, self.head_size = EPSILON, HEAD_SIZE

    def forward(
        self,
        rows: Tensor,
        kv_cache: Tensor,
        runs: list[SlotRun],
        prefixes: list[Tensor],
        sharing: list[Tensor],
        fused: bool,  # noqa: FBT001 - TorchScript takes no keywords here
    ) -> Tensor:
        """Take one position more of each row; see `Blocks`."""
        for block in range(kv_cache.shape[1]):
            qkv = self.product(4 * block, self.norm(2 * block, rows)).view(len(rows), 3, -1, self.head_size)
            layers = [prefix[block] for prefix in prefixes]
            attended = attend(qkv, kv_cache.select(1, block), runs, layers, sharing, fused)
            rows = rows + self.product(4 * block + 1, attended.reshape(rows.shape))
            hidden = self.product(4 * block + 2, self.norm(2 * block + 1, rows))
            rows = rows + self.product(4 * block + 3, functional.gelu(hidden, approximate="tanh"))
        return rows

    def product(self, number: int, x: Tensor) -> Tensor:
        """Return x times a weight, and its bias."""
        product: Tensor = self.multiply(x, self.weights[number], self.biases[number])
        return product

    def norm(self, number: int, x: Tensor) -> Tensor:
        """Return x, normalised over its last dimension."""
        return torch.layer_norm(x, [x.shape[-1]], self.gains[number], self.shifts[number], self.epsilon)
