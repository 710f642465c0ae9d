"""HiFT: a mel spectrogram and a source signal to a waveform.

Order of operations as in upstream's `hifigan.py` (https://arxiv.org/abs/2309.09493). Here tensors are
[batch, channels, 1, time]: all of it is convolutions, and two-dimensional ones can keep the channels
last in memory, which is faster in half precision and slower in single.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from worker.engines.chatterbox.s3gen.source import Source
from worker.engines.chatterbox.s3gen.tensors import Weights

__all__ = ["Vocoder"]

DILATIONS = (1, 3, 5)
SLOPE = 0.1
LOUDEST = 0.99
LARGEST_MAGNITUDE = 1e2
WINDOW = 192  # frames, on a CPU
SHORT = 64  # what is shorter, the last window, and all speech on a GPU are of a multiple of it
PLANNED = {"cpu": WINDOW, "cuda": 512}  # frames up to which convolutions are planned beforehand


class Vocoder:
    """[frames, 80] to [480 * frames] samples in [-0.99, 0.99]."""

    def __init__(self, mel2wav: Weights) -> None:
        self.dtype, self.device = mel2wav.dtype, mel2wav.device
        self.first = Conv.of(mel2wav, "conv_pre")
        self.stages = [
            VocoderStage(mel2wav, number, last=number == count - 1)
            for count in [len(mel2wav.children("ups"))]
            for number in range(count)
        ]
        self.last = Conv.of(mel2wav.in_full_precision(), "conv_post")
        self.window_size = len(self.last.weight) - 2  # magnitudes and phases of half a window and one
        self.hop = self.window_size // 4
        self.window = torch.hann_window(self.window_size, device=mel2wav.device)
        samples_per_frame = self.hop
        for stage in self.stages:
            samples_per_frame *= stage.rate
        self.source = Source(mel2wav, samples_per_frame)
        self.columns = samples_per_frame // self.hop  # of the short-time spectrum, a frame
        self.reach = self.frames_seen()
        self._planned: set[int] = set()  # lengths in frames

    def __call__(self, mels: Sequence[Tensor], signals: Sequence[Tensor]) -> list[Tensor]:
        """Return each row's waveform in float32; `signals` are what `source` made of the same mels."""
        spectra = [self.analyse(signal) for signal in signals]
        if self.device.type == "cpu" and len(mels) == 1:
            made = [self.windowed(mels[0], spectra[0])]
        else:
            least = 0 if self.device.type == "cpu" else rounded(max(len(mel) for mel in mels))
            made = list(self.spoken(mels, spectra, least))
        return [self.synthesise(row[:, : self.hops(mel)]) for row, mel in zip(made, mels, strict=True)]

    def spoken(self, mels: Sequence[Tensor], spectra: Sequence[Tensor], least: int = 0) -> Tensor:
        """Return the spectrum [rows, 18, hops] to synthesise each row from, computed as `least` frames."""
        frames = [len(mel) for mel in mels]
        longest = max(least, *frames)
        self._planned.add(longest)
        lengths = torch.tensor(frames, device=self.device) if min(frames) < longest else None
        x = self.channels_first([mel.to(self.dtype) for mel in mels], longest)
        source = self.channels_first(spectra, longest * self.columns + 1)
        x, keep = self.first(x), RowMask.of(longest, lengths)
        for stage in self.stages:
            x, keep = stage(x, source, keep)
        return self.last(keep(functional.leaky_relu(x).float()))[:, :, 0]

    def windowed(self, mel: Tensor, spectrum: Tensor) -> Tensor:
        """Return what `spoken` does of one row, in windows of few lengths that overlap by what they see.

        oneDNN plans each convolution anew for every length, which takes longer than computing it (`plan`).
        """
        frames, columns = len(mel), self.columns
        if frames <= WINDOW:
            return self.spoken([mel], [spectrum], rounded(frames))[0]
        pieces, done = [], 0
        while done < frames:
            begin = max(0, done - self.reach)
            size = min(WINDOW, rounded(frames - begin))  # the last need not be longer than what is left
            begin = min(begin, frames - size)
            end = begin + size
            source = spectrum[begin * columns : end * columns + 1]
            made = self.spoken([mel[begin:end]], [source])[0, :, (done - begin) * columns :]
            done = frames if end == frames else end - self.reach
            pieces.append(made if done == frames else made[:, : -self.reach * columns - 1])
        return torch.cat(pieces, 1)

    def plan(self) -> bool:
        """Let the convolutions of one length more be planned; False when all are."""
        lengths = range(PLANNED[self.device.type], 0, -SHORT)
        missing = [length for length in lengths if length not in self._planned]
        if missing:
            mel = torch.zeros(missing[0], self.first.weight.shape[1], device=self.device)
            spectrum = torch.zeros(self.hops(mel), self.window_size + 2, device=self.device, dtype=self.dtype)
            self.spoken([mel], [spectrum])
        return bool(missing)

    def channels_first(self, rows: Sequence[Tensor], length: int) -> Tensor:
        """Return rows of [time, channels] as one [batch, channels, 1, length], in the faster layout."""
        x = pad_sequence(list(rows), batch_first=True)
        x = functional.pad(x, (0, 0, 0, length - x.shape[1])).transpose(1, 2)[:, :, None]
        return x.contiguous(memory_format=layout(self.dtype))

    def frames_seen(self) -> int:
        """Return how many frames to each side a column of the spectrum depends on, or a few more."""
        seen = self.last.padding
        rate, by_source = self.columns, 0  # positions a frame; frames seen through the source
        for stage in reversed(self.stages):
            seen += stage.reach
            by_source = max(by_source, -(-(seen + stage.source_reach) // rate))
            seen, rate = -(-seen // stage.rate) + 1, rate // stage.rate
        return max(seen + self.first.padding, by_source)

    def hops(self, mel: Tensor) -> int:
        """Return the columns of the short-time spectrum of a mel's waveform."""
        return len(mel) * self.columns + 1

    def analyse(self, signal: Tensor) -> Tensor:
        """Return a signal's short-time spectrum [hops, 18]: real parts, then imaginary parts."""
        spectrum = torch.stft(signal, self.window_size, self.hop, window=self.window, return_complex=True)
        return torch.cat([spectrum.real, spectrum.imag]).T.to(self.dtype)

    def synthesise(self, spectrum: Tensor) -> Tensor:
        """Return the waveform of [18, hops]: logarithms of magnitudes, then what the phases are sines of."""
        half = self.window_size // 2 + 1
        magnitude = torch.exp(spectrum[:half]).clip(max=LARGEST_MAGNITUDE)
        phase = torch.sin(spectrum[half:])
        both = torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))
        wave = torch.istft(both, self.window_size, self.hop, window=self.window)
        return wave.clamp(-LOUDEST, LOUDEST)


def layout(dtype: torch.dtype) -> torch.memory_format:
    """Return the order in memory that convolutions of this dtype are faster in."""
    return torch.contiguous_format if dtype == torch.float32 else torch.channels_last


def rounded(frames: int) -> int:
    """Return the length as which so many frames are computed: one of few, so that each is planned once."""
    return -(-frames // SHORT) * SHORT


def flat(weight: Tensor) -> Tensor:
    """Return a weight [out, in, width] for tensors of height one, in the faster layout."""
    return weight[:, :, None].contiguous(memory_format=layout(weight.dtype))


@dataclass(frozen=True, slots=True)
class RowMask:
    """Zeros behind the end of each row of a ragged batch: these convolutions see both sides."""

    size: int  # of the longest row, at the present rate
    lengths: Tensor | None  # [batch], likewise; None where all rows are full
    mask: Tensor | None  # [batch, 1, 1, size]

    @classmethod
    def of(cls, size: int, lengths: Tensor | None) -> "RowMask":
        """Return what keeps rows of these lengths."""
        if lengths is None:
            return cls(size, None, None)
        return cls(
            size, lengths, (torch.arange(size, device=lengths.device) < lengths[:, None])[:, None, None]
        )

    def __call__(self, x: Tensor) -> Tensor:
        return x if self.mask is None else x * self.mask

    def after(self, rate: int, extra: int) -> "RowMask":
        """Return the same rows `rate` times as long, and `extra`."""
        lengths = None if self.lengths is None else self.lengths * rate + extra
        return RowMask.of(self.size * rate + extra, lengths)


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution that keeps the length, or one that shortens it `stride` times."""

    weight: Tensor  # [out, in, 1, width]
    bias: Tensor | None
    padding: int
    stride: int = 1
    dilation: int = 1

    @classmethod
    def of(cls, weights: Weights, layer: str, dilation: int = 1) -> "Conv":
        """Return the convolution of this name that keeps the length."""
        weight = weights.weight(layer)
        padding = (weight.shape[2] - 1) * dilation // 2
        return cls(flat(weight), weights.bias(layer), padding, dilation=dilation)

    @classmethod
    def shortening(cls, weights: Weights, layer: str) -> "Conv":
        """Return the convolution of this name whose windows overlap by half (or of width one)."""
        weight = weights.weight(layer)
        stride = max(1, weight.shape[2] // 2)
        return cls(flat(weight), weights.bias(layer), stride // 2, stride=stride)

    def __call__(self, x: Tensor) -> Tensor:
        return functional.conv2d(
            x, self.weight, self.bias, (1, self.stride), (0, self.padding), (1, self.dilation)
        )


class VocoderStage:
    """Stretch in time, add the source at this rate, and let three widths of residual blocks look."""

    def __init__(self, mel2wav: Weights, number: int, *, last: bool) -> None:
        layer = f"ups.{number}"
        self.up, self.bias = flat(mel2wav.weight(layer)), mel2wav.bias(layer)  # [in, out, 1, width]
        self.rate = self.up.shape[-1] // 2  # upstream's widths are twice the rate, or that and one
        self.last = last
        self.source = Conv.shortening(mel2wav, f"source_downs.{number}")
        self.source_block = Residual(mel2wav.at(f"source_resblocks.{number}"))
        blocks = mel2wav.children("resblocks")
        widths = len(blocks) // len(mel2wav.children("ups"))
        self.blocks = [Residual(block) for block in blocks[number * widths : (number + 1) * widths]]
        # positions to each side, at most: by what comes from the stage before, and more by the source
        self.reach = max(block.reach for block in self.blocks) + 1
        self.source_reach = self.source_block.reach + 2

    def __call__(self, x: Tensor, spectra: Tensor, keep: RowMask) -> tuple[Tensor, RowMask]:
        """Return the next stage's input and its rows' ends."""
        x = keep(functional.leaky_relu(x, SLOPE))
        cut = (self.up.shape[-1] - self.rate) // 2
        x = functional.conv_transpose2d(x, self.up, self.bias, (1, self.rate), (0, cut))
        if self.last:
            x = torch.cat([x[..., 1:2], x], dim=-1)  # one sample of reflection
        keep = keep.after(self.rate, 1 if self.last else 0)
        x = x + self.source_block(self.source(spectra), keep)
        total = self.blocks[0](x, keep)
        for block in self.blocks[1:]:
            total = total.add_(block(x, keep))
        return total.div_(len(self.blocks)), keep


class Residual:
    """Pairs of a widening and a plain convolution behind Snakes, each pair on top of its input."""

    def __init__(self, block: Weights) -> None:
        self.pairs = [
            (
                Snake.of(block, f"activations1.{number}"),
                Conv.of(block, f"convs1.{number}", dilation),
                Snake.of(block, f"activations2.{number}"),
                Conv.of(block, f"convs2.{number}"),
            )
            for number, dilation in enumerate(DILATIONS)
        ]
        self.reach = sum(wide.padding + plain.padding for _, wide, _, plain in self.pairs)

    def __call__(self, x: Tensor, keep: RowMask) -> Tensor:
        for first, wide, second, plain in self.pairs:
            x = x + plain(second(keep(wide(first(keep(x))))))
        return x


@dataclass(frozen=True, slots=True)
class Snake:
    """x + sin²(alpha · x) / alpha, alpha per channel (https://arxiv.org/abs/2006.08195); keeps zeros."""

    alpha: Tensor  # [channels, 1, 1]
    inverse: Tensor

    @classmethod
    def of(cls, weights: Weights, layer: str) -> "Snake":
        """Return the activation of this name."""
        alpha = weights.tensor(f"{layer}.alpha")[:, None, None]
        return cls(alpha, 1.0 / (alpha + 1e-9))

    def __call__(self, x: Tensor) -> Tensor:
        return (x * self.alpha).sin_().square_().mul_(self.inverse).add_(x)
