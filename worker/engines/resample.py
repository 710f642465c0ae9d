"""PCM at another sample rate."""

import math

import numpy as np

from worker.engines import CLIP_RATE, Pcm

__all__ = ["resampled"]


def resampled(pcm: Pcm, rate: int, wanted: int = CLIP_RATE) -> Pcm:
    """Return the PCM at another rate, to the bit as librosa's default (soxr_hq) has it for upstream."""
    import soxr  # noqa: PLC0415 - likewise

    if rate == wanted:
        return pcm
    size = math.ceil(len(pcm) * (wanted / rate))
    made = soxr.resample(pcm, rate, wanted, quality="HQ")[:size]
    result = np.zeros(size, np.float32)
    result[: len(made)] = made
    return result
