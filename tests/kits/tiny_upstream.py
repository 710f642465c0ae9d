"""Upstream's tiny models with random weights that are far from their first values, and its own answers.

Importing this imports the chatterbox package: through the fixtures of conftest.py only.
"""

from collections.abc import Callable
from typing import Any

import torch

from bench import upstream
from bench.upstream import Voice, flow_noise, mel_of, source_noise, wave_of

__all__ = [
    "flow_noise", "mel_of", "nano_t3", "source_noise", "tiny_llama", "tiny_s3gen", "tiny_t3", "tiny_voice",
    "upstream", "wave_of",
]  # fmt: skip


def tiny_t3(seed: int = 0) -> Any:
    """Return upstream's T3, two layers of 128 channels."""
    return shaken(lambda: upstream.t3("tiny"), seed)


def nano_t3(seed: int = 0) -> Any:
    """Return upstream's T3 of Nano's real size, twelve layers of 768 channels, with few text tokens."""
    return shaken(lambda: upstream.t3("full", "nano", text_ids=400), seed)


def tiny_llama(seed: int = 0) -> Any:
    """Return upstream's multilingual T3, fourteen layers of 64 channels."""
    return shaken(lambda: upstream.llama("tiny"), seed)


def tiny_s3gen(seed: int = 0, *, meanflow: bool = True) -> Any:
    """Return upstream's S3Gen around parts of one block each, with a voiced pitch that moves."""
    model = shaken(lambda: upstream.s3gen("tiny", meanflow=meanflow), seed)
    with torch.no_grad():
        pitch = model.mel2wav.f0_predictor.classifier
        pitch.weight.mul_(2000)
        pitch.bias.fill_(30)
    return model


def tiny_voice(seed: int = 0, t3_prompt: int | None = None) -> Voice:
    """Return a random voice as `conds.pt` holds it: 20 prompt tokens for S3Gen, 375 for Turbo's T3."""
    return upstream.conditionals("tiny", torch.Generator().manual_seed(seed), t3_prompt)


def shaken(build: Callable[[], Any], seed: int) -> Any:
    """Build under a seed, and move what begins as zeros, ones or the identity and training would move."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build()
        with torch.no_grad():
            for name, value in model.named_parameters():
                if value.dim() == 1 or name.endswith("time_embed_mixer.weight"):
                    value.add_(0.1 * torch.randn_like(value))
    return model
