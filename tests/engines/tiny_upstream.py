"""Upstream's tiny models with random weights that are far from their first values, and its own answers.

Importing this imports the chatterbox package: through the fixtures of conftest.py only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from chatterbox.models.s3gen import flow_matching
from torch import Tensor

from bench import upstream

__all__ = [
    "flow_noise",
    "quiet",
    "source_noise",
    "tiny_s3gen",
    "tiny_t3",
    "tiny_voice",
    "upstream_mel",
    "upstream_wave",
]

Voice = dict[str, dict[str, Any]]


def tiny_t3(seed: int = 0) -> Any:
    """Return upstream's T3, two layers of 64 channels."""
    return shaken(lambda: upstream.t3("tiny"), seed)


def tiny_s3gen(seed: int = 0) -> Any:
    """Return upstream's S3Gen around parts of one block each, with a voiced pitch that moves."""
    model = shaken(lambda: upstream.s3gen("tiny"), seed)
    with torch.no_grad():
        pitch = model.mel2wav.f0_predictor.classifier
        pitch.weight.mul_(2000)
        pitch.bias.fill_(30)
    return model


def tiny_voice(seed: int = 0) -> Voice:
    """Return a random voice as `conds.pt` holds it: 20 prompt tokens for S3Gen, 375 for T3."""
    return upstream.conditionals("tiny", torch.Generator().manual_seed(seed))


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


def upstream_mel(model: Any, tokens: Tensor, voice: Voice, seed: int, steps: int = 2) -> Tensor:
    """Return upstream's mel spectrogram [2 * tokens, 80] under `manual_seed(seed)`."""
    with torch.random.fork_rng(devices=[]), quiet(), torch.inference_mode():
        torch.manual_seed(seed)
        # a copy: upstream turns the ids into floats in place
        mel: Tensor = model.flow_inference(
            tokens[None], ref_dict=dict(voice["gen"]), n_cfm_timesteps=steps, finalize=True
        )
    return mel[0].T.clone()


def upstream_wave(model: Any, mel: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return upstream's waveform [samples] and source signal of a mel, under `manual_seed(seed)`."""
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        wave, signal = model.hift_inference(mel.T[None])
    return wave[0].clone(), signal[0, 0].clone()


def flow_noise(seed: int, frames: int, prompt_frames: int) -> tuple[Tensor, Tensor]:
    """Return the noise that `upstream_mel` draws: for the speech's frames and for the prompt's, [n, 80]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spoken = torch.randn(1, 80, frames)
        prompt = torch.randn(1, 80, prompt_frames + frames)[..., :prompt_frames]
    return spoken[0].T, prompt[0].T


def source_noise(seed: int, samples: int, harmonics: int = 9) -> tuple[Tensor, Tensor]:
    """Return what `upstream_wave` draws: phases [harmonics, 1] and noise [harmonics, samples]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        phase = torch.rand(1, harmonics, 1) * (torch.pi - -torch.pi) + -torch.pi  # as its Uniform does
        noise = torch.randn(1, harmonics, samples)
    phase[:, 0] = 0
    return phase[0], noise[0]
