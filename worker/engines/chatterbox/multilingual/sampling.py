"""Sampling of speech tokens: upstream's processors in upstream's order, for one row.

The repetition penalty first, then temperature, min-p and top-p (`inference` of upstream's t3.py).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["OPTIONS", "sample"]

OPTIONS: Mapping[str, float] = {
    "temperature": 0.8,
    "top_p": 1.0,
    "min_p": 0.05,
    "repetition_penalty": 1.2,
    "exaggeration": 0.5,
    "cfg_weight": 0.5,
}


def sample(logits: Tensor, seen: Tensor, options: Mapping[str, float], noise: Tensor) -> int:
    """Return the next token.

    Args:
        logits: float32 [vocabulary].
        seen: bool [vocabulary], the tokens that the repetition penalty is for.
        options: all of `OPTIONS`.
        noise: float32 [vocabulary], Exp(1): `torch.multinomial(p, 1)` is `argmax(p / noise)`.
    """
    penalty = options["repetition_penalty"]
    logits = torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
    if options["temperature"] != 1.0:
        logits = logits / options["temperature"]
    chances = torch.softmax(logits, -1)
    small = chances < options["min_p"] * chances.max()
    small[logits.argmax()] = False
    logits = logits.masked_fill(small, -torch.inf)
    if options["top_p"] < 1.0:
        ordered, order = torch.sort(logits)
        dropped = torch.softmax(ordered, -1).cumsum(-1) <= 1 - options["top_p"]
        dropped[-1] = False
        logits = logits.masked_fill(torch.zeros_like(dropped).scatter(0, order, dropped), -torch.inf)
    return int((torch.softmax(logits, -1) / noise).argmax())
