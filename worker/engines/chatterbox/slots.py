"""What the decoder keeps of earlier positions: a voice's prefix, shared, and one slot an utterance.

A slot's positions are allocated once and written by index. On a CPU a row attends to exactly what
is its own, and a voice's prefix is read once for all rows that speak with it; the two are joined by
their log-sum-exp, as flash attention joins its blocks. A row comes out the same alone and beside
others: oneDNN's bfloat16 products do not depend on how many rows there are, and where they would
(float32), rows are computed one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.t3 import HEAD_SIZE, T3, Attend

__all__ = ["Prefix", "Slots"]

flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # noqa: SLF001 - alone gives the log-sum-exp


@dataclass(frozen=True, slots=True, eq=False)
class Prefix:
    """Keys and values of a voice's positions: [layers, 2, heads, positions, 64]."""

    kv: Tensor

    @property
    def length(self) -> int:
        """How many positions there are."""
        return self.kv.shape[3]

    def attend(self, layer: int, q: Tensor) -> tuple[Tensor, Tensor]:
        """Return what rows [B, heads, 64] find here, float32, and the log-sum-exp [B, heads]."""
        keys, values = self.kv[layer]
        queries = (q.to(keys.dtype) * HEAD_SIZE**-0.5).transpose(0, 1)
        scores = torch.bmm(queries, keys.transpose(1, 2)).float()
        found = torch.bmm(scores.softmax(-1).to(values.dtype), values)
        return found.float().transpose(0, 1), scores.logsumexp(-1).t()

    @classmethod
    def of(cls, t3: T3, conditioning: Conditioning) -> "Prefix":
        """Compute a voice's prefix: one pass over its prompt."""
        rows = t3.embed_voice(conditioning)
        kv = torch.empty(t3.layers, 2, t3.heads, len(rows), HEAD_SIZE, dtype=shares(t3), device=t3.device)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            kv[layer, 0], kv[layer, 1] = k.transpose(0, 1), v.transpose(0, 1)
            q, k, v = (part.transpose(0, 1).unsqueeze(0) for part in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)[0].transpose(0, 1)

        t3.forward(rows, attend)
        return cls(kv)


def shares(t3: T3) -> torch.dtype:
    """Return the dtype of a prefix: bfloat16 wherever rows are computed together."""
    return torch.bfloat16 if t3.batches else torch.float32


class Slots:
    """Room for `count` utterances of at most `positions` text and speech tokens each."""

    def __init__(self, t3: T3, count: int, positions: int) -> None:
        self.positions = positions
        self._t3 = t3
        shape = (count, t3.layers, 2, t3.heads, positions, HEAD_SIZE)
        self._kv = torch.empty(shape, dtype=torch.float32, device=t3.device)  # pages are touched on first use
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
        places = torch.tensor([self._prefix(slot).length + self._lengths[slot] for slot in slots])
        rows = t3.embed_speech(tokens, places.to(t3.device))
        logits = t3.logits(t3.forward(rows, self._attend_step(slots)))
        for slot in slots:  # only now: a step that found no memory is done again
            self._lengths[slot] += 1
        return logits

    def free(self, slot: int) -> None:
        """Forget what a slot held."""
        self._prefixes[slot] = None
        self._lengths[slot] = 0

    def _prefix(self, slot: int) -> Prefix:
        prefix = self._prefixes[slot]
        assert prefix is not None, "a free slot was used"  # noqa: S101 - our own fault alone
        return prefix

    def _attend_text(self, slot: int, prefix: Prefix, count: int) -> Attend:
        before = prefix.length
        mask = torch.ones(count, before + count, dtype=torch.bool, device=self._t3.device).tril(before)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            own = self._kv[slot, layer]
            own[0, :, :count], own[1, :, :count] = k.transpose(0, 1), v.transpose(0, 1)
            keys = torch.cat([prefix.kv[layer, 0].float(), own[0, :, :count]], 1)
            values = torch.cat([prefix.kv[layer, 1].float(), own[1, :, :count]], 1)
            queries = q.transpose(0, 1).float()
            found = F.scaled_dot_product_attention(queries[None], keys[None], values[None], attn_mask=mask)
            return found[0].transpose(0, 1).to(q.dtype)

        return attend

    def _attend_step(self, slots: Sequence[int]) -> Attend:
        lengths = [self._lengths[slot] + 1 for slot in slots]
        voices = group([self._prefix(slot) for slot in slots])

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            own = [
                self._attend_own(slot, layer, lengths[row], q[row], k[row], v[row])
                for row, slot in enumerate(slots)
            ]
            out = torch.cat([found for found, _ in own])
            sums = torch.cat([total for _, total in own])
            for prefix, rows in voices:
                before, total = prefix.attend(layer, q[rows])
                mine = torch.sigmoid(sums[rows] - total).unsqueeze(-1)
                out[rows] = torch.lerp(before, out[rows], mine)
            return out.to(q.dtype)

        return attend

    def _attend_own(
        self, slot: int, layer: int, length: int, q: Tensor, k: Tensor, v: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keep one row's k and v, [heads, 64]; return what it finds among its own, and the log-sum-exp."""
        keys, values = self._kv[slot, layer]
        keys[:, length - 1], values[:, length - 1] = k, v
        found, total = flash(q.float()[None, :, None], keys[None, :, :length], values[None, :, :length])
        return found[:, :, 0], total[:, :, 0]


def group(prefixes: Sequence[Prefix]) -> list[tuple[Prefix, list[int]]]:
    """Return each prefix with the rows that speak with it."""
    groups: dict[int, tuple[Prefix, list[int]]] = {}
    for row, prefix in enumerate(prefixes):
        groups.setdefault(id(prefix), (prefix, []))[1].append(row)
    return list(groups.values())
