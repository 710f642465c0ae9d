"""What drives the vocoder: harmonics of the pitch where there is voice, noise where there is none.

Order of operations as in upstream's `f0_predictor.py` and `hifigan.py` (neural source filter,
https://arxiv.org/abs/1904.12088). Single precision throughout: the phase adds up over the utterance.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from worker.engines.chatterbox.s3gen.tensors import Weights

__all__ = ["SAMPLE_RATE", "Source"]

SAMPLE_RATE = 24_000  # Hz
SINE_AMPLITUDE = 0.1
VOICED_NOISE = 0.003  # standard deviation beside the harmonics
VOICED_ABOVE = 10.0  # Hz


class Source:
    """A mel spectrogram [frames, 80] to a signal [samples], given its random parts."""

    def __init__(self, mel2wav: Weights, samples_per_frame: int) -> None:
        full = mel2wav.in_full_precision()
        predictor = full.at("f0_predictor")
        count = len(predictor.children("condnet"))
        layers = [f"condnet.{2 * number}" for number in range(count)]  # an ELU has the odd numbers
        self.convs = [(predictor.weight(layer), predictor.bias(layer)) for layer in layers]
        self.classify = predictor.linear("classifier")
        self.mix = full.linear("m_source.l_linear")
        self.samples_per_frame = samples_per_frame

    @property
    def harmonics(self) -> int:
        """How many sines there are, the pitch itself counted."""
        return self.mix.weight.shape[1]

    def pitch(self, mel: Tensor) -> Tensor:
        """Return the pitch [frames] in Hz."""
        x = mel.float().T[None]
        for weight, bias in self.convs:
            x = functional.elu(functional.conv1d(x, weight, bias, padding=1))
        return self.classify(x.transpose(1, 2)).abs()[0, :, 0]

    def __call__(self, mel: Tensor, phase: Tensor, noise: Tensor) -> Tensor:
        """Return the signal.

        Args:
            mel: [frames, 80].
            phase: [harmonics, 1], where each sine begins, in radians; the first is zero.
            noise: [harmonics, samples], normal.
        """
        pitch = self.pitch(mel).repeat_interleave(self.samples_per_frame)
        numbers = torch.arange(1, self.harmonics + 1, device=mel.device)[:, None]
        cycles = torch.cumsum(pitch * numbers / SAMPLE_RATE, dim=-1) % 1
        sines = SINE_AMPLITUDE * torch.sin(2 * math.pi * cycles + phase)
        voiced = (pitch > VOICED_ABOVE).float()
        loudness = voiced * VOICED_NOISE + (1 - voiced) * SINE_AMPLITUDE / 3
        return torch.tanh(self.mix((sines * voiced + loudness * noise).T))[:, 0]
