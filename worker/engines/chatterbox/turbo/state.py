"""All that a decode step in fixed shapes reads and writes, of all slots, as one object."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from worker.engines.chatterbox.sampling import SamplingOptions
from worker.engines.chatterbox.t3 import HEAD_SIZE
from worker.engines.chatterbox.turbo.t3 import T3

__all__ = ["DecodeState", "aligned", "cache_bytes"]

ALIGNED = 8  # positions: a mask of any other size is copied in each layer


@dataclass(slots=True, eq=False)
class DecodeState:
    """Each tensor is allocated once and stays at its address, as CUDA graphs require."""

    kv_cache: Tensor  # [layers, 2, slots, heads, positions, 64]
    tokens: Tensor  # int64 [slots], the last of each
    positions: Tensor  # int64 [slots], where the next keys and values go
    active: Tensor  # bool [slots], which of them a step moves on
    seen: Tensor  # bool [slots, vocabulary], what the repetition penalty is for
    options: SamplingOptions
    noise: Tensor  # float32 [slots, vocabulary], Exp(1)
    lengths: list[int]  # of the slots, in positions, known to the host; 0 for a free slot

    @classmethod
    def allocated(cls, t3: T3, slots: int, positions: int) -> Self:
        """Return the state of free slots of so many positions each."""
        device = t3.device
        shape = (t3.layers, 2, slots, t3.heads, positions, HEAD_SIZE)
        return cls(
            kv_cache=torch.zeros(shape, dtype=t3.dtype, device=device),  # what a mask hides must be a number
            tokens=torch.zeros(slots, dtype=torch.long, device=device),
            positions=torch.zeros(slots, dtype=torch.long, device=device),
            active=torch.zeros(slots, dtype=torch.bool, device=device),
            seen=torch.zeros(slots, t3.vocabulary, dtype=torch.bool, device=device),
            options=SamplingOptions.of(*[{}] * slots, device=device),
            noise=torch.ones(slots, t3.vocabulary, device=device),
            lengths=[0] * slots,
        )

    def fill(self, slot: int, length: int, token: int, seen: Tensor, options: SamplingOptions) -> None:
        """Set a slot to after its prefill: so many positions, and the token that was sampled."""
        self.tokens[slot] = token
        self.positions[slot] = self.lengths[slot] = length
        self.seen[slot] = seen
        for all_slots, given in zip(self.options, options, strict=True):
            all_slots[slot] = given[0]

    def clear(self, slot: int) -> None:
        """Forget what a slot held: were it not a number, a mask would not hide it."""
        self.kv_cache[:, :, slot, :, : self.lengths[slot] + 1] = 0
        self.positions[slot] = self.lengths[slot] = 0

    def saved(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return what steps change, but for keys and values, which are written anew."""
        return self.tokens.clone(), self.positions.clone(), self.seen.clone()

    def restore(self, saved: tuple[Tensor, Tensor, Tensor]) -> None:
        """Set the state back to when it was `saved`."""
        for tensor, before in zip((self.tokens, self.positions, self.seen), saved, strict=True):
            tensor.copy_(before)


def aligned(positions: int) -> int:
    """Return the next number of positions that needs no copy of a mask."""
    return -(-positions // ALIGNED) * ALIGNED


def cache_bytes(t3: T3, slots: int, positions: int, dtype: torch.dtype) -> int:
    """Return the bytes of keys and values that so many slots hold."""
    return t3.layers * 2 * slots * t3.heads * aligned(positions) * HEAD_SIZE * dtype.itemsize
