"""The decoder's attention: to a voice's prefix, shared by rows, and to what is a row's own.

The two parts are joined by their log-sum-exp, as flash attention joins its blocks. The step of a CPU
is compiled by TorchScript, which needs no compiler: at one row, calling the operations one by one
from Python costs as much as a third of reading the weights.
"""

import torch
from torch import Tensor

__all__ = ["Kept", "Shared", "attend_shared", "attend_step", "joined"]

Kept = tuple[Tensor, Tensor, Tensor]
"""Of one slot and layer: new's place [1, 2, heads, 64], keys and values with it [1, heads, positions, 64]."""
Shared = tuple[Tensor, Tensor]
"""Of one voice and layer: keys and values [heads, positions, 64]."""


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


def joined(one: Tensor, one_total: Tensor, other: Tensor, other_total: Tensor) -> Tensor:
    """Return what two parts of a context found [B, heads, 64], weighed by log-sum-exp [B, heads, 1]."""
    return torch.lerp(one, other, (other_total - one_total).sigmoid_())


def attend_shared(q: Tensor, shared: Shared, fused: bool) -> tuple[Tensor, Tensor]:  # noqa: FBT001 - TorchScript
    """Return what rows [B, heads, 64] find in a voice's prefix, and the log-sum-exp [B, heads, 1]."""
    keys, values = shared
    return attend_fused(q, keys, values) if fused else attend_in_products(q, keys, values)


def attend_own(q: Tensor, kv: Tensor, kept: Kept) -> tuple[Tensor, Tensor]:
    """Keep one row's kv [1, 2, heads, 64]; return what its q [1, heads, 64] finds, and the log-sum-exp."""
    new, keys, values = kept
    new.copy_(kv)
    found, total = torch._scaled_dot_product_flash_attention_for_cpu(q.unsqueeze(2), keys, values)  # noqa: SLF001 - alone gives the log-sum-exp
    return found.squeeze(2), total


def step_attention(
    q: Tensor,
    kv: Tensor,
    own: list[Kept],
    voices: list[Shared],
    rows: list[Tensor],
    fused: bool,  # noqa: FBT001 - TorchScript takes no keywords here
) -> Tensor:
    """Keep kv [B, 2, heads, 64], a row each; return what q [B, heads, 64] finds.

    Args:
        q: of B rows.
        kv: of B rows.
        own: of B slots.
        voices: that the rows speak with.
        rows: of each voice, int64; not looked at where there is one voice.
        fused: whether a voice's prefix is attended to by the fused kernel.
    """
    queries = q.float()
    founds: list[Tensor] = []
    totals: list[Tensor] = []
    for row, kept in enumerate(own):
        found, total = attend_own(queries.narrow(0, row, 1), kv.narrow(0, row, 1), kept)
        founds.append(found)
        totals.append(total)
    mine = founds[0] if len(own) == 1 else torch.cat(founds)
    mine_total = totals[0] if len(own) == 1 else torch.cat(totals)
    if len(voices) == 1:
        shared, shared_total = attend_shared(q, voices[0], fused)
        return joined(shared, shared_total, mine, mine_total).to(q.dtype)
    out = torch.empty_like(q)
    for voice, those in zip(voices, rows):  # noqa: B905 - TorchScript knows no `strict`
        shared, shared_total = attend_shared(q[those], voice, fused)
        out[those] = joined(shared, shared_total, mine[those], mine_total[those]).to(q.dtype)
    return out


attend_step = torch.jit.script(step_attention)
