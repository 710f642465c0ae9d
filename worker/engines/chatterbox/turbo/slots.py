"""The KV cache of a CPU: a voice's prefix, shared by rows, and one slot an utterance.

A slot's positions are allocated once and written by index. A row attends to exactly what
is its own, and a voice's prefix is read once for all rows that speak with it; the two are joined by
their log-sum-exp, as flash attention joins its blocks. A row's result is the same alone and beside
others: oneDNN's bfloat16 products do not depend on how many rows there are, and where they would
(float32), rows are computed one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.device import fuses_bf16
from worker.engines.chatterbox.t3 import HEAD_SIZE
from worker.engines.chatterbox.turbo.attention import SlotRun
from worker.engines.chatterbox.turbo.blocks import compiled
from worker.engines.chatterbox.turbo.t3 import T3, Attend

__all__ = ["Prefix", "Slots"]


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """Keys and values of a voice's positions: [layers, 2, heads, positions, 64]."""

    kv: Tensor

    @property
    def length(self) -> int:
        """How many positions there are."""
        return self.kv.shape[3]

    @classmethod
    def of(cls, t3: T3, conditioning: Conditioning) -> "Prefix":
        """Compute a voice's prefix: one pass over its prompt."""
        rows = t3.embed_voice(conditioning)
        kv = torch.empty(
            t3.layers, 2, t3.heads, len(rows), HEAD_SIZE, dtype=prefix_dtype(t3), device=t3.device
        )

        def attend(layer: int, q: Tensor, own: Tensor) -> Tensor:
            keys, values = own.permute(1, 2, 0, 3)
            kv[layer, 0], kv[layer, 1] = keys, values
            found = F.scaled_dot_product_attention(
                q.transpose(0, 1)[None], keys[None], values[None], is_causal=True
            )
            return found[0].transpose(0, 1)

        t3.forward(rows, attend)
        return cls(kv)


def prefix_dtype(t3: T3) -> torch.dtype:
    """Return the dtype of a prefix: on a CPU bfloat16 wherever rows are computed together."""
    if t3.device.type == "cpu":
        return torch.bfloat16 if t3.batches else torch.float32
    return t3.dtype


class Slots:
    """Room on a CPU for `count` utterances of at most `positions` text and speech tokens each."""

    def __init__(self, t3: T3, count: int, positions: int, *, fused: bool | None = None) -> None:
        """Allocate; `fused` chooses whether to attend in bfloat16, None what is faster here."""
        self.positions = positions
        self._fused = fuses_bf16() and prefix_dtype(t3) == torch.bfloat16 if fused is None else fused
        self._t3 = t3
        self._blocks = compiled(t3)
        # where attending in bfloat16 is slow, single precision is faster for a row's own positions
        dtype = torch.bfloat16 if self._fused else torch.float32
        self._kv_cache = blank((count, t3.layers, 2, t3.heads, positions, HEAD_SIZE), dtype)
        self._prefixes: list[Prefix | None] = [None] * count
        self._lengths = [0] * count

    def begin(self, slot: int, prefix: Prefix, text: Tensor) -> Tensor:
        """Put an utterance into a slot; return the logits of its first token, [1, vocabulary].

        Args:
            slot: a free slot's number.
            prefix: the voice's.
            text: int64 [T], text tokens, fewer than the slot's positions.
        """
        t3 = self._t3
        rows = t3.embed_text(text.to(t3.device), prefix.length)
        self._prefixes[slot] = prefix
        self._lengths[slot] = len(rows)
        hidden = t3.forward(rows, self._attend_text(slot, prefix, len(rows)))
        return t3.logits(hidden[-1:])

    def step(self, slots: Sequence[int], tokens: Tensor) -> Tensor:
        """Take one speech token of each slot, int64 [B]; return the next's logits, [B, vocabulary]."""
        t3 = self._t3
        if not t3.batches and len(slots) > 1:
            return torch.cat([self.step([slot], tokens[row : row + 1]) for row, slot in enumerate(slots)])
        positions = torch.tensor([self._prefix(slot).length + self._lengths[slot] for slot in slots])
        rows = t3.embed_speech(tokens, positions)
        groups = group([self._prefix(slot) for slot in slots])
        hidden = self._blocks(
            rows,
            self._kv_cache,
            [
                SlotRun.of(run[0], [self._lengths[slot] for slot in run], self._kv_cache.dtype)
                for run in runs(slots)
            ],
            [prefix.kv for prefix, _ in groups],
            [torch.tensor(sharing) for _, sharing in groups],
            self._fused,
        )
        logits = t3.logits(hidden)
        for slot in slots:  # only now: a step that found no memory is done again
            self._lengths[slot] += 1
        return logits

    def free(self, slot: int) -> None:
        """Forget what a slot held: were it not a number, the mask would not hide it."""
        self._kv_cache[slot, :, :, :, : self._lengths[slot]] = 0
        self._prefixes[slot] = None
        self._lengths[slot] = 0

    def _prefix(self, slot: int) -> Prefix:
        prefix = self._prefixes[slot]
        assert prefix is not None, "a free slot was used"  # noqa: S101 - our own fault alone
        return prefix

    def _attend_text(self, slot: int, prefix: Prefix, count: int) -> Attend:
        before = prefix.length
        mask = torch.ones(count, before + count, dtype=torch.bool, device=self._t3.device).tril(before)

        def attend(layer: int, q: Tensor, kv: Tensor) -> Tensor:
            own = self._kv_cache[slot, layer]
            own[:, :, :count] = kv.permute(1, 2, 0, 3)
            keys = torch.cat([prefix.kv[layer, 0].float(), own[0, :, :count].float()], 1)
            values = torch.cat([prefix.kv[layer, 1].float(), own[1, :, :count].float()], 1)
            queries = q.transpose(0, 1).float()
            found = F.scaled_dot_product_attention(queries[None], keys[None], values[None], attn_mask=mask)
            return found[0].transpose(0, 1).to(q.dtype)

        return attend


def blank(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return zeros whose memory is taken when it is first written: what a mask hides must be a number."""
    width = torch.empty(0, dtype=dtype).element_size()
    return torch.from_numpy(np.zeros(shape, f"i{width}")).view(dtype)


def runs(slots: Sequence[int]) -> list[list[int]]:
    """Return the slots, those side by side together."""
    found: list[list[int]] = []
    for slot in slots:
        if found and slot == found[-1][-1] + 1:
            found[-1].append(slot)
        else:
            found.append([slot])
    return found


def group(prefixes: Sequence[Prefix]) -> list[tuple[Prefix, list[int]]]:
    """Return each prefix with the rows that speak with it."""
    groups: dict[int, tuple[Prefix, list[int]]] = {}
    for row, prefix in enumerate(prefixes):
        groups.setdefault(id(prefix), (prefix, []))[1].append(row)
    return list(groups.values())
