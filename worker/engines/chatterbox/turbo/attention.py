"""The decoder's attention: to a voice's prefix, shared by rows, and to what is a row's own.

The two parts are joined by their log-sum-exp, as flash attention joins its blocks. All of it is written
for TorchScript, which compiles it as part of a step (`blocks.py`).
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["SlotRun", "attend"]


class SlotRun(NamedTuple):
    """Slots side by side, whose rows have the same order and are attended to in one call."""

    first: int  # slot
    positions: list[int]  # of each slot, where its new keys and values go
    context: int  # positions, of the longest
    bias: Tensor | None  # [slots, 1, 1, context], -inf beyond the end of a shorter one; None if all are equal

    @classmethod
    def of(cls, first: int, positions: list[int], dtype: torch.dtype) -> "SlotRun":
        """Return the run of slots from `first` on, in which all before these positions is taken."""
        context = max(positions) + 1
        if min(positions) + 1 == context:
            return cls(first, positions, context, None)
        later = torch.arange(context) > torch.tensor(positions)[:, None]
        bias = torch.zeros(later.shape, dtype=dtype).masked_fill_(later, -torch.inf)
        return cls(first, positions, context, bias[:, None, None])


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


def attend_shared(q: Tensor, prefix: Tensor, fused: bool) -> tuple[Tensor, Tensor]:  # noqa: FBT001 - TorchScript
    """Return what rows [B, heads, 64] find in a prefix [2, heads, positions, 64], and the log-sum-exp."""
    keys, values = prefix.unbind(0)
    return attend_fused(q, keys, values) if fused else attend_in_products(q, keys, values)


def attend_own(q: Tensor, kv: Tensor, kv_cache: Tensor, runs: list[SlotRun]) -> tuple[Tensor, Tensor]:
    """Write kv [B, 2, heads, 64]; return what q [B, heads, 64] finds in its slots, and the log-sum-exp.

    What the bias hides weighs exactly nothing, and the kernel adds position after position: a row finds
    the same beside a longer one as alone.
    """
    founds: list[Tensor] = []
    totals: list[Tensor] = []
    row = 0
    for run in runs:
        slots = kv_cache.narrow(0, run.first, len(run.positions))
        for at, position in enumerate(run.positions):
            slots[at].select(2, position).copy_(kv[row + at])
        keys, values = slots.narrow(3, 0, run.context).unbind(1)
        queries = q.narrow(0, row, len(run.positions)).unsqueeze(2).to(kv_cache.dtype)
        found, total = torch._scaled_dot_product_flash_attention_for_cpu(  # noqa: SLF001 - alone gives the log-sum-exp
            queries, keys, values, attn_mask=run.bias
        )
        founds.append(found.squeeze(2).float())
        totals.append(total)
        row += len(run.positions)
    if len(runs) == 1:
        return founds[0], totals[0]
    return torch.cat(founds), torch.cat(totals)


def joined(one: Tensor, one_total: Tensor, other: Tensor, other_total: Tensor) -> Tensor:
    """Return what two parts of a context found [B, heads, 64], weighed by log-sum-exp [B, heads, 1]."""
    return torch.lerp(one, other, (other_total - one_total).sigmoid_())


def attend(
    qkv: Tensor,
    kv_cache: Tensor,
    runs: list[SlotRun],
    prefixes: list[Tensor],
    rows: list[Tensor],
    fused: bool,  # noqa: FBT001 - TorchScript takes no keywords here
) -> Tensor:
    """Write a step's keys and values; return what its queries find, [B, heads, 64].

    Args:
        qkv: of B rows, [B, 3, heads, 64].
        kv_cache: of all slots, [slots, 2, heads, positions, 64].
        runs: of the rows' slots.
        prefixes: of the voices that the rows speak with, each [2, heads, positions, 64].
        rows: of each prefix, int64; not read if there is one prefix.
        fused: whether a prefix is attended to by the fused kernel.
    """
    q = qkv.select(1, 0)
    own, own_total = attend_own(q, qkv.narrow(1, 1, 2), kv_cache, runs)
    if len(prefixes) == 1:
        shared, shared_total = attend_shared(q, prefixes[0], fused)
        return joined(shared, shared_total, own, own_total).to(q.dtype)
    out = torch.empty_like(q)
    for prefix, its_rows in zip(prefixes, rows):  # noqa: B905 - TorchScript knows no `strict`
        shared, shared_total = attend_shared(q[its_rows], prefix, fused)
        out[its_rows] = joined(shared, shared_total, own[its_rows], own_total[its_rows]).to(q.dtype)
    return out
