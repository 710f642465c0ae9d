"""The decoder's attention: to a voice's prefix, shared by rows, and to what is a row's own.

The two parts are joined by their log-sum-exp, as flash attention joins its blocks. All of it is written
for TorchScript, which compiles it as part of a step (`blocks.py`).
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SlotRun", "attend"]


class SlotRun(NamedTuple):
    """Slots side by side, whose rows stand in the same order and are attended to in one call."""

    first: int  # slot
    places: list[int]  # of each slot, where its new keys and values go
    reach: int  # positions, of the longest
    hidden: Tensor | None  # [slots, 1, 1, reach], -inf where a shorter one holds nothing yet; None if none is

    @classmethod
    def of(cls, first: int, places: list[int], dtype: torch.dtype) -> "SlotRun":
        """Return the run of slots from `first` on, whose positions before these places are taken."""
        reach = max(places) + 1
        if min(places) + 1 == reach:
            return cls(first, places, reach, None)
        later = torch.arange(reach) > torch.tensor(places)[:, None]
        hidden = torch.zeros(later.shape, dtype=dtype).masked_fill_(later, -torch.inf)
        return cls(first, places, reach, hidden[:, None, None])


def attend_fused(q: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return what rows [B, heads, 64] find, float32, and the log-sum-exp [B, heads, 1]: in one pass."""
    # Rows take the place of heads. So a row's shape is the same however many there are, and the rows of one
    # head come one after the other, while its keys are still in the processor's cache.
    shape = [-1, len(q), -1, -1]
    found, total = torch._scaled_dot_product_flash_attention_for_cpu(  # noqa: SLF001 - alone gives the log-sum-exp
        q.to(keys.dtype).transpose(0, 1).unsqueeze(2),
        keys.unsqueeze(1).expand(shape),
        values.unsqueeze(1).expand(shape),
    )
    return found.squeeze(2).transpose(0, 1).float(), total.transpose(0, 1)


def attend_in_products(q: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the same by two products of all rows; where the fused kernel is slow."""
    scale = q.shape[-1] ** -0.5  # a power of two, so it is the same before a product as after
    scores = torch.bmm((q * scale).to(keys.dtype).transpose(0, 1), keys.transpose(1, 2)).float()
    # softmax and log-sum-exp in one, divided last: in fewer and shorter passes than one after the other
    top = scores.amax(-1, keepdim=True)
    weights = (scores - top).exp_()
    total = weights.sum(-1, keepdim=True)
    found = torch.bmm(weights.to(values.dtype), values).float() / total
    return found.transpose(0, 1), (top + total.log()).transpose(0, 1)


def attend_shared(q: Tensor, voice: Tensor, fused: bool) -> tuple[Tensor, Tensor]:  # noqa: FBT001 - TorchScript
    """Return what rows [B, heads, 64] find in a voice [2, heads, positions, 64], and the log-sum-exp."""
    keys, values = voice.unbind(0)
    return attend_fused(q, keys, values) if fused else attend_in_products(q, keys, values)


def attend_own(q: Tensor, kv: Tensor, kept: Tensor, runs: list[SlotRun]) -> tuple[Tensor, Tensor]:
    """Keep kv [B, 2, heads, 64]; return what q [B, heads, 64] finds in its slots, and the log-sum-exp.

    What is hidden weighs exactly nothing, and the kernel adds position after position: a row finds the
    same beside a longer one as alone.
    """
    founds: list[Tensor] = []
    totals: list[Tensor] = []
    row = 0
    for run in runs:
        slots = kept.narrow(0, run.first, len(run.places))
        for at, place in enumerate(run.places):
            slots[at].select(2, place).copy_(kv[row + at])
        keys, values = slots.narrow(3, 0, run.reach).unbind(1)
        queries = q.narrow(0, row, len(run.places)).unsqueeze(2).to(kept.dtype)
        found, total = torch._scaled_dot_product_flash_attention_for_cpu(  # noqa: SLF001 - alone gives the log-sum-exp
            queries, keys, values, attn_mask=run.hidden
        )
        founds.append(found.squeeze(2).float())
        totals.append(total)
        row += len(run.places)
    if len(runs) == 1:
        return founds[0], totals[0]
    return torch.cat(founds), torch.cat(totals)


def joined(one: Tensor, one_total: Tensor, other: Tensor, other_total: Tensor) -> Tensor:
    """Return what two parts of a context found [B, heads, 64], weighed by log-sum-exp [B, heads, 1]."""
    return torch.lerp(one, other, (other_total - one_total).sigmoid_())


def attend(
    qkv: Tensor,
    kept: Tensor,
    runs: list[SlotRun],
    voices: list[Tensor],
    rows: list[Tensor],
    fused: bool,  # noqa: FBT001 - TorchScript takes no keywords here
) -> Tensor:
    """Keep a step's keys and values; return what its queries find, [B, heads, 64].

    Args:
        qkv: of B rows, [B, 3, heads, 64].
        kept: of all slots, [slots, 2, heads, positions, 64].
        runs: of the rows' slots.
        voices: that the rows speak with, each [2, heads, positions, 64].
        rows: of each voice, int64; not looked at where there is one voice.
        fused: whether a voice's prefix is attended to by the fused kernel.
    """
    q = qkv.select(1, 0)
    mine, mine_total = attend_own(q, qkv.narrow(1, 1, 2), kept, runs)
    if len(voices) == 1:
        shared, shared_total = attend_shared(q, voices[0], fused)
        return joined(shared, shared_total, mine, mine_total).to(q.dtype)
    out = torch.empty_like(q)
    for voice, those in zip(voices, rows):  # noqa: B905 - TorchScript knows no `strict`
        shared, shared_total = attend_shared(q[those], voice, fused)
        out[those] = joined(shared, shared_total, mine[those], mine_total[those]).to(q.dtype)
    return out
