"""Sampling of speech tokens: upstream's processors in upstream's order, fused, for all rows at once.

temperature, top-k, top-p, and the repetition penalty last (`inference_turbo` of upstream's t3.py).
`torch.multinomial(p, 1)` is `argmax(p / q)` for q ~ Exp(1) over the whole vocabulary; with the
noise given from outside, a row depends on nothing but its own generator.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from worker.engines.chatterbox.scripting import scripted

__all__ = ["OPTIONS", "SamplingOptions", "draw", "sample", "sample_in_one"]

OPTIONS: Mapping[str, float] = {
    "temperature": 0.8,
    "top_k": 1000,
    "top_p": 0.95,
    "repetition_penalty": 1.2,
}


class SamplingOptions(NamedTuple):
    """Options of all rows; each tensor is [B, 1]."""

    temperature: Tensor
    top_k: Tensor  # int64
    tail: Tensor  # 1 - top_p, subtracted in double precision as upstream does
    repetition_penalty: Tensor

    @classmethod
    def of(cls, *rows: Mapping[str, float], device: torch.device | str = "cpu") -> "SamplingOptions":
        """Return the options of rows, each with upstream's defaults where it names none."""

        def column(name: str) -> list[list[float]]:
            return [[row.get(name, OPTIONS[name])] for row in rows]

        tails = [[1 - top_p] for (top_p,) in column("top_p")]
        return cls(
            torch.tensor(column("temperature"), dtype=torch.float32, device=device),
            torch.tensor(column("top_k"), dtype=torch.int64, device=device),
            torch.tensor(tails, dtype=torch.float32, device=device),
            torch.tensor(column("repetition_penalty"), dtype=torch.float32, device=device),
        )

    @classmethod
    def joined(cls, rows: Sequence["SamplingOptions"]) -> "SamplingOptions":
        """Return the options of several as those of all their rows."""
        if len(rows) == 1:
            return rows[0]
        return cls(*(torch.cat([getattr(row, name) for row in rows]) for name in cls._fields))


def draw(vocabulary: int, generator: torch.Generator) -> Tensor:
    """Return one row's noise, Exp(1), float32 [vocabulary]."""
    return torch.empty(vocabulary, device=generator.device).exponential_(1, generator=generator)


def sample(logits: Tensor, seen: Tensor, options: SamplingOptions, noise: Tensor, most: int = 1000) -> Tensor:
    """Return the next token of each row, int64 [B, 1].

    Args:
        logits: float32 [B, V].
        seen: bool [B, V], the tokens that the repetition penalty is for.
        options: of the B rows; no `top_k` may be over `most`.
        noise: float32 [B, V], Exp(1).
        most: how many of the largest logits are looked at.
    """
    values, tokens = torch.topk(logits, min(most, logits.shape[-1]), dim=-1)  # descending
    values = values / options.temperature
    ranks = torch.arange(values.shape[-1], device=values.device)
    values = values.masked_fill(ranks >= options.top_k, -torch.inf)
    # summed as upstream does, smallest first
    summed = torch.softmax(values, -1).flip(-1).cumsum(-1).flip(-1)
    dropped = (summed <= options.tail) & (options.tail > 0)
    dropped[:, 0] = False
    values = values.masked_fill(dropped, -torch.inf)
    penalty = torch.where(
        values < 0, values * options.repetition_penalty, values / options.repetition_penalty
    )
    values = torch.where(seen.gather(-1, tokens), penalty, values)
    chances = torch.softmax(values, -1)
    best = (chances / noise.gather(-1, tokens)).argmax(-1, keepdim=True)
    return tokens.gather(-1, best)


sample_in_one = scripted(sample)  # of a CPU: one call from Python instead of thirty
