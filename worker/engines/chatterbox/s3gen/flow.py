"""From speech tokens and a voice to a mel spectrogram."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from worker.engines.chatterbox.s3gen.encoder import Encoder
from worker.engines.chatterbox.s3gen.estimator import Estimator
from worker.engines.chatterbox.s3gen.layers import Padding
from worker.engines.chatterbox.s3gen.weights import Weights

__all__ = ["MELS", "Flow", "Spoken"]

MELS = 80


@dataclass(frozen=True, slots=True)
class Spoken:
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
    """The encoder and the estimator, run over whole rows: both see past and future."""

    def __init__(self, flow: Weights) -> None:
        self.encoder = Encoder(flow)
        self.estimator = Estimator(flow.at("decoder.estimator"))
        self.speaker = flow.linear("spk_embed_affine_layer")
        self.device, self.dtype = flow.device, flow.dtype

    def project_speaker(self, embedding: Tensor) -> Tensor:
        """Return the speaker [80] of an x-vector [1, 192]."""
        return self.speaker(functional.normalize(embedding.to(self.device, self.dtype), dim=1))[0]

    def __call__(self, rows: Sequence[Spoken], steps: int) -> list[Tensor]:
        """Return each row's mel spectrogram [2 * tokens, 80] in float32, the prompt's left off."""
        lengths = [row.length for row in rows]
        padding = Padding.of(lengths, self.device, self.dtype)
        ids = stacked([torch.cat([row.prompt_tokens, row.tokens]) for row in rows])
        encoded = self.encoder(ids, padding)
        frames = None if padding is None else padding.doubled()
        given = torch.cat([encoded, *self._conditions(rows, encoded)], dim=-1)
        x = stacked([row.noise for row in rows])
        for step in range(steps):
            start, end = step / steps, (step + 1) / steps
            x = x + (end - start) * self.estimator(x, given, start, end, frames)
        return [x[at, len(row.prompt_mel) : 2 * row.length] for at, row in enumerate(rows)]

    def _conditions(self, rows: Sequence[Spoken], encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return the speaker at every frame, and the prompt's mel followed by zeros."""
        speaker = torch.stack([row.speaker for row in rows])[:, None].expand(encoded.shape)
        prompt = torch.zeros_like(encoded)
        for at, row in enumerate(rows):
            prompt[at, : len(row.prompt_mel)] = row.prompt_mel
        return speaker, prompt


def stacked(rows: Sequence[Tensor]) -> Tensor:
    """Return rows of unequal length as one tensor, padded with zeros on the right."""
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
