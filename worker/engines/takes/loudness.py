"""Loudness of speech after ITU-R BS.1770-4: K-weighting, blocks of 400 ms, two gates; numpy only."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from worker.engines import Pcm

__all__ = ["BLOCK_MS", "loudness"]

BLOCK_MS = 400  # shorter speech has no loudness
OVERLAP = 4  # blocks begin every quarter of a block
ABSOLUTE_GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU, below the mean of what passes the absolute gate
RING_SECONDS = 0.5  # the high-pass filter's tail is below 1e-9 by then
FFT_STEP = 16_384  # lengths are multiples of it: no large prime factor, few lengths to keep


def loudness(pcm: Pcm, sample_rate: int) -> float:
    """Return the integrated loudness of mono float32 [n] in LUFS; -inf for silence or under 400 ms."""
    block = sample_rate * BLOCK_MS // 1000
    if len(pcm) < block:
        return float("-inf")
    energies = block_energies(weighted(pcm, sample_rate), block)
    loud = energies[in_lufs(energies) > ABSOLUTE_GATE]
    if not len(loud):
        return float("-inf")
    gate = float(in_lufs(loud.mean())) + RELATIVE_GATE
    return float(in_lufs(loud[in_lufs(loud) > gate].mean()))


def in_lufs(energy: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    """Return a mean square of K-weighted PCM as LUFS."""
    lufs: NDArray[np.float64] = -0.691 + 10.0 * np.log10(np.maximum(energy, 1e-20))
    return lufs


def block_energies(pcm: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Return the mean square of each whole block, one beginning every quarter of a block."""
    step = block // OVERLAP
    total = np.concatenate([[0.0], np.cumsum(pcm * pcm)])
    starts = np.arange(0, len(pcm) - block + 1, step)
    energies: NDArray[np.float64] = np.maximum(total[starts + block] - total[starts], 0.0) / block
    return energies


def weighted(pcm: Pcm, sample_rate: int) -> NDArray[np.float64]:
    """Return K-weighted PCM, filtered by its spectrum; the padding takes the filters' ringing."""
    size = -(-(len(pcm) + int(RING_SECONDS * sample_rate)) // FFT_STEP) * FFT_STEP
    spectrum = np.fft.rfft(pcm, size) * k_weighting(size, sample_rate)
    return np.fft.irfft(spectrum, size)[: len(pcm)]


@lru_cache(maxsize=4)
def k_weighting(size: int, sample_rate: int) -> NDArray[np.complex128]:
    """Return the filter's response at the `size // 2 + 1` frequencies of a real FFT.

    The two biquads of BS.1770 at any sample rate: a shelf for the head, then a high-pass filter
    (the analogue prototypes of Mansbridge, Finn and Reiss, AES 132, 2012).
    """
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    shelf = response(*high_shelf(1681.9744509555319, 3.99984385397, 0.7071752369554193, sample_rate), delay)
    passed = response(*high_pass(38.13547087613982, 0.5003270373253953, sample_rate), delay)
    return shelf * passed


Coefficients = tuple[float, float, float]


def high_shelf(
    frequency: float, gain_db: float, q: float, sample_rate: int
) -> tuple[Coefficients, Coefficients]:
    """Return numerator and denominator of the shelf (bilinear transform)."""
    k = np.tan(np.pi * frequency / sample_rate)
    high = 10.0 ** (gain_db / 20.0)
    band = high**0.4996667741545416
    scale = 1.0 + k / q + k * k
    numerator = ((high + band * k / q + k * k), 2.0 * (k * k - high), (high - band * k / q + k * k))
    denominator = (scale, 2.0 * (k * k - 1.0), 1.0 - k / q + k * k)
    return numerator, denominator


def high_pass(frequency: float, q: float, sample_rate: int) -> tuple[Coefficients, Coefficients]:
    """Return numerator and denominator of the high-pass filter, its gain as BS.1770 has it."""
    k = np.tan(np.pi * frequency / sample_rate)
    scale = 1.0 + k / q + k * k
    return (1.0, -2.0, 1.0), (1.0, 2.0 * (k * k - 1.0) / scale, (1.0 - k / q + k * k) / scale)


def response(
    numerator: Coefficients, denominator: Coefficients, delay: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Return a biquad's frequency response; `delay` is z⁻¹ at each frequency."""
    above = numerator[0] + delay * (numerator[1] + delay * numerator[2])
    below = denominator[0] + delay * (denominator[1] + delay * denominator[2])
    return np.asarray(above / below, np.complex128)
