"""Perth's implicit watermark: every sample of a take carries a mark that its decoder finds.

The network, its weights and the spectral frame are those of resemble-perth 1.0.1
(`perth_net_implicit`); that package is not imported, since it imports librosa, scipy and numba, which
would stall what is decoded meanwhile.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from worker.engines import Pcm
from worker.engines.resample import resampled
from worker.errors import StartError

__all__ = ["Watermark"]

SAMPLE_RATE = 24_000  # Hz, ours
INNER_RATE = 32_000  # Hz, at which the network looks
WINDOW = 2048
HOP = 320
SHORTEST = WINDOW // 2 + 1  # samples at the inner rate that can be mirrored at both ends
FLOOR = 1e-9  # the least magnitude
FLOOR_DB, HEADROOM_DB = 180.0, 15.0  # the network sees decibels as (dB + 180) / 195
SILENT = 0.05  # frames whose levels add up to less than this part of the loudest frame's are not marked


class Watermark:
    """The marking half of the network; holds no state of any speech."""

    def __init__(self, layers: list[tuple[Tensor, Tensor]]) -> None:
        self._layers = layers  # [out, in, width] and [out] each
        self._window = torch.hann_window(WINDOW, device=layers[0][0].device)

    @classmethod
    def load(cls, file: Path | None = None, device: torch.device | None = None) -> Self:
        """Read the weights that `export` wrote, or those in the installed resemble-perth.

        Raises:
            StartError: There is no such file, or it holds something else.
        """
        device = device or torch.device("cpu")
        stored = load_file(file) if file is not None else installed()
        names = [f"encoder.layers.{number}.conv" for number in range(len(stored) // 2)]
        try:
            pairs = [(stored[f"{name}.weight"], stored[f"{name}.bias"]) for name in names]
        except KeyError as error:
            raise StartError(f"the watermark's weights lack {error}") from error
        return cls([(weight.to(device), bias.to(device)) for weight, bias in pairs])

    def export(self, file: Path) -> None:
        """Write the weights as safetensors (9 MB; the package's file has the decoder too: 37 MB)."""
        tensors = {}
        for number, (weight, bias) in enumerate(self._layers):
            tensors[f"encoder.layers.{number}.conv.weight"] = weight
            tensors[f"encoder.layers.{number}.conv.bias"] = bias
        save_file(tensors, file)

    def apply(self, pcm: Pcm) -> Pcm:
        """Return the same number of samples, marked.

        Args:
            pcm: float32 [n] at 24 kHz, a whole segment: frames reach 32 ms to both sides, so pieces
                cut from one sound would differ from it at the cuts.
        """
        if not len(pcm):
            return pcm
        inner = torch.from_numpy(resampled(pcm, SAMPLE_RATE, INNER_RATE))
        wanted = len(inner)
        if wanted < SHORTEST:
            inner = functional.pad(inner, (0, SHORTEST - wanted))
        marked = self._mark(inner.to(self._window.device)).cpu()[:wanted]
        outer = resampled(marked.numpy(), INNER_RATE, SAMPLE_RATE)[: len(pcm)]
        return np.pad(outer, (0, len(pcm) - len(outer)))

    @torch.inference_mode()
    def _mark(self, signal: Tensor) -> Tensor:
        """Return a signal [n] at the inner rate with the mark added."""
        spectrum = torch.stft(signal, WINDOW, HOP, window=self._window, return_complex=True)
        level = 20 * torch.log10(spectrum.abs().clip(FLOOR))
        level = (level + FLOOR_DB) / (FLOOR_DB + HEADROOM_DB)
        loudness = level.sum(dim=0)
        change = self._network(level) * (loudness > SILENT * loudness.max())
        gain = 10 ** (change * (FLOOR_DB + HEADROOM_DB) / 20)
        spectrum[: len(gain)] *= gain
        return torch.istft(spectrum, WINDOW, HOP, window=self._window, length=len(signal))

    def _network(self, level: Tensor) -> Tensor:
        """Return what to add to the lowest levels [bands, frames]."""
        bands = self._layers[0][0].shape[1]
        x = level[None, :bands]
        for number, (weight, bias) in enumerate(self._layers):
            x = functional.leaky_relu(x) if number else x
            x = functional.conv1d(x, weight, bias, padding=weight.shape[2] // 2)
        return x[0]


def installed() -> dict[str, Tensor]:
    """Return the marking half of the weights in the installed package, which is found, not imported.

    Raises:
        StartError: The package or its weights are not there.
    """
    spec = find_spec("perth")
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = [
        file for folder in folders for file in Path(folder).glob("perth_net/pretrained/implicit/*.pth.tar")
    ]
    if not files:
        raise StartError("the watermark's weights are missing: install resemble-perth, or bake them in")
    model = torch.load(max(files), map_location="cpu", weights_only=True, mmap=True)["model"]
    return {name: tensor for name, tensor in model.items() if name.startswith("encoder.")}
