"""float32 PCM to 16-bit samples, and those as a format of their own."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["EncoderError", "Pcm", "PcmEncoder", "to_int16"]

Pcm = NDArray[np.float32]  # [n], in [-1, 1]


class EncoderError(ValueError):
    """The PCM cannot be encoded: the engine that made it is at fault."""


def to_int16(pcm: Pcm) -> NDArray[np.int16]:
    """Return the samples as little-endian int16 [n], clipped and rounded, never wrapped.

    Raises:
        TypeError: `pcm` is not float32 [n].
        EncoderError: A sample is NaN.
    """
    if pcm.dtype != np.float32 or pcm.ndim != 1:
        raise TypeError(f"pcm is {pcm.dtype} {list(pcm.shape)}, expected float32 [n]")
    scaled = np.clip(pcm, -1.0, 1.0) * np.float32(32767)
    if np.isnan(scaled).any():
        raise EncoderError(f"pcm has {int(np.isnan(scaled).sum())} samples that are NaN")
    rounded: NDArray[np.int16] = np.rint(scaled).astype("<i2")
    return rounded


class PcmEncoder:
    """The format `pcm`: s16le, mono, without delay."""

    def __init__(self) -> None:
        self.samples = 0  # pushed so far

    def push(self, pcm: Pcm) -> bytes:
        """Return the samples as bytes; raises as `to_int16` does."""
        data = to_int16(pcm).tobytes()
        self.samples += len(pcm)
        return data

    def flush(self) -> bytes:
        """Return the rest: there is none."""
        return b""
