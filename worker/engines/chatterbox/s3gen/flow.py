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
from worker.engines.chatterbox.s3gen.tensors import Weights

__all__ = ["MELS", "Flow", "FlowRow", "result_of"]

MELS = 80
GUIDANCE = 0.7  # upstream's `inference_cfg_rate`
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One row of a batch: its tokens, voice and noise."""

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

    A mean flow takes even steps. Any other takes steps of a cosine schedule with classifier-free guidance:
    the velocity without tokens, speaker and prompt is computed too, and subtracted in part
    (`CausalConditionalCFM` of upstream's flow_matching.py).
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
        return result_of(self.stepwise(rows, steps))

    def stepwise(self, rows: Sequence[FlowRow], steps: int) -> Generator[None, None, list[Tensor]]:
        """Yield after each step; return what a call does."""
        lengths = [row.length for row in rows]
        padding = Padding.of(lengths, self.device, self.dtype)
        ids = stacked([torch.cat([row.prompt_tokens, row.tokens]) for row in rows])
        encoded = self.encoder(ids, padding)
        frames = None if padding is None else padding.doubled()
        conditions = torch.cat([encoded, *self._conditions(rows, encoded)], dim=-1)
        x = stacked([row.noise for row in rows])
        mean = self.estimator.is_mean
        times = [step / steps if mean else cosine_schedule(step / steps) for step in range(steps + 1)]
        velocity = self.estimator if mean else self._guided
        for start, end in pairwise(times):
            x = x + (end - start) * velocity(x, conditions, start, end, frames)
            yield
        return [x[at, len(row.prompt_mel) : 2 * row.length] for at, row in enumerate(rows)]

    def _guided(
        self, x: Tensor, conditions: Tensor, start: float, end: float, padding: Padding | None
    ) -> Tensor:
        """Return the velocity by classifier-free guidance."""
        both = torch.cat([conditions, torch.zeros_like(conditions)])
        twice = None if padding is None else padding.twice()
        velocities = self.estimator(torch.cat([x, x]), both, start, end, twice)
        conditional, unconditional = velocities.float().chunk(2)
        return (1.0 + GUIDANCE) * conditional - GUIDANCE * unconditional

    def _conditions(self, rows: Sequence[FlowRow], encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return the speaker at every frame, and the prompt's mel followed by zeros."""
        speaker = torch.stack([row.speaker for row in rows])[:, None].expand(encoded.shape)
        prompt = torch.zeros_like(encoded)
        for at, row in enumerate(rows):
            prompt[at, : len(row.prompt_mel)] = row.prompt_mel
        return speaker, prompt


def result_of(steps: Generator[None, None, Result]) -> Result:
    """Run a generator of steps to its end; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result


def cosine_schedule(time: float) -> float:
    """Return upstream's cosine schedule at a time in [0, 1]."""
    return 1 - math.cos(time * 0.5 * math.pi)


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """Return rows of unequal length as one tensor, padded with zeros on the right."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
