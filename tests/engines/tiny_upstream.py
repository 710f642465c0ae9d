"""Upstream's tiny models with random weights that are far from their first values, and its own answers.

Importing this imports the chatterbox package: through the fixtures of conftest.py only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from chatterbox.models.s3gen import flow_matching
from torch import Tensor

from bench import upstream

__all__ = ["quiet", "s3_noise", "tiny_s3gen", "tiny_t3", "tiny_voice"]

Voice = dict[str, dict[str, Any]]


def tiny_t3(seed: int = 0) -> Any:
    """Return upstream's T3, two layers of 64 channels."""
    return shaken(lambda: upstream.t3("tiny"), seed)


def tiny_s3gen(seed: int = 0) -> Any:
    """Return upstream's S3Gen around parts of one block each."""
    return shaken(lambda: upstream.s3gen("tiny"), seed)


def tiny_voice(seed: int = 0) -> Voice:
    """Return a random voice as `conds.pt` holds it: 20 prompt tokens for S3Gen, 375 for T3."""
    return upstream.conditionals("tiny", torch.Generator().manual_seed(seed))


def shaken(build: Any, seed: int) -> Any:
    """Build under a seed, and move the zeros and ones that training would have moved."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build()
        with torch.no_grad():
            for value in model.parameters():
                if value.dim() == 1:
                    value.add_(0.1 * torch.randn_like(value))
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Keep upstream's flow from printing and drawing progress bars."""
    before = flow_matching.tqdm
    flow_matching.tqdm = lambda steps, **_: steps
    flow_matching.print = lambda *_: None
    try:
        yield
    finally:
        flow_matching.tqdm = before
        del flow_matching.print


def s3_noise(seed: int, frames: int, prompt_frames: int) -> Tensor:
    """Return the flow noise [1, 80, prompt_frames + frames] that upstream draws under `manual_seed(seed)`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spoken = torch.randn(1, 80, frames)
        noise = torch.randn(1, 80, prompt_frames + frames)
    noise[..., prompt_frames:] = spoken
    return noise
