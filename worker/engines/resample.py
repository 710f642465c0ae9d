"""PCM at another sample rate."""

import math

import numpy as np

from worker.engines import CLIP_RATE, Pcm

__all__ = ["resampled"]


def resampled(pcm: Pcm, rate: int, wanted: int = CLIP_RATE) -> Pcm:
    """Return the PCM at another rate, to the bit as librosa's default (soxr_hq) has it for upstream."""
    if rate == wanted:
        return pcm
    import soxr  # noqa: PLC0415 - only where something is resampled

    size = math.ceil(len(pcm) * (wanted / rate))
    made = soxr.resample(np.ascontiguousarray(pcm, np.float32), rate, wanted, quality="HQ")[:size]
    return np.pad(made, (0, size - len(made)))
