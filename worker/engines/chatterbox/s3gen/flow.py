"""From speech tokens and a voice to a mel spectrogram."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from worker.engines.chatterbox.s3gen.encoder import Encoder
from worker.engines.chatterbox.s3gen.estimator import Estimator
from worker.engines.chatterbox.s3gen.layers import Padding
from worker.engines.chatterbox.s3gen.weights import Weights

__all__ = ["MELS", "Flow", "FlowRow", "finished"]

MELS = 80
GUIDANCE = 0.7  # upstream's `inference_cfg_rate`
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One row of a batch: what to say, as whom, from which noise."""

    tokens: Tensor  # [tokens] int64
    prompt_tokens: Tensor  # [prompt tokens] int64
    prompt_mel: Tensor  # [2 * prompt tokens, 80]
    speaker: Tensor  # [80]
    noise: Tensor  # [2 * (prompt tokens + tokens), 80] float32, normal; the prompt's frames first

    @property
    def length(self) -> int:
        """Tokens of prompt and speech together."""
        return len(self.prompt_tokens) + len(self.tokens)


class Flow:
    """The encoder and the estimator, run over whole rows: both see past and future.

    A mean flow takes even steps. Any other is guided: each step also asks what the estimator would do
    knowing nothing of tokens, speaker and prompt, and goes further away from that; its steps are short
    at first (`CausalConditionalCFM` of upstream's flow_matching.py).
    """

    def __init__(self, flow: Weights) -> None:
        self.encoder = Encoder(flow)
        self.estimator = Estimator(flow.at("decoder.estimator"))
        self.speaker = flow.linear("spk_embed_affine_layer")
        self.device, self.dtype = flow.device, flow.dtype

    def project_speaker(self, embedding: Tensor) -> Tensor:
        """Return the speaker [80] of an x-vector [1, 192]."""
        return self.speaker(functional.normalize(embedding.to(self.device, self.dtype), dim=1))[0]

    def __call__(self, rows: Sequence[FlowRow], steps: int) -> list[Tensor]:
        """Return each row's mel spectrogram [2 * tokens, 80] in float32, the prompt's left off."""
        return finished(self.stepwise(rows, steps))

    def stepwise(self, rows: Sequence[FlowRow], steps: int) -> Generator[None, None, list[Tensor]]:
        """Yield after each step; return what a call does."""
        lengths = [row.length for row in rows]
        padding = Padding.of(lengths, self.device, self.dtype)
        ids = stacked([torch.cat([row.prompt_tokens, row.tokens]) for row in rows])
        encoded = self.encoder(ids, padding)
        frames = None if padding is None else padding.doubled()
        given = torch.cat([encoded, *self._conditions(rows, encoded)], dim=-1)
        x = stacked([row.noise for row in rows])
        mean = self.estimator.is_mean
        times = [step / steps if mean else eased(step / steps) for step in range(steps + 1)]
        velocity = self.estimator if mean else self._guided
        for start, end in pairwise(times):
            x = x + (end - start) * velocity(x, given, start, end, frames)
            yield
        return [x[at, len(row.prompt_mel) : 2 * row.length] for at, row in enumerate(rows)]

    def _guided(self, x: Tensor, given: Tensor, start: float, end: float, padding: Padding | None) -> Tensor:
        """Return the velocity, moved away from that of nothing given."""
        both = torch.cat([given, torch.zeros_like(given)])
        twice = None if padding is None else padding.twice()
        knowing, blind = self.estimator(torch.cat([x, x]), both, start, end, twice).float().chunk(2)
        return (1.0 + GUIDANCE) * knowing - GUIDANCE * blind

    def _conditions(self, rows: Sequence[FlowRow], encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return the speaker at every frame, and the prompt's mel followed by zeros."""
        speaker = torch.stack([row.speaker for row in rows])[:, None].expand(encoded.shape)
        prompt = torch.zeros_like(encoded)
        for at, row in enumerate(rows):
            prompt[at, : len(row.prompt_mel)] = row.prompt_mel
        return speaker, prompt


def finished(steps: Generator[None, None, Made]) -> Made:
    """Return what a generator of steps returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            made: Made = end.value
            return made


def eased(time: float) -> float:
    """Return upstream's cosine schedule at a time in [0, 1]."""
    return 1 - math.cos(time * 0.5 * math.pi)


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """Return rows of unequal length as one tensor, padded with zeros on the right."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
