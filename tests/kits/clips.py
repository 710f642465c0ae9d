"""Clips made on the spot: what stands for a person's voice in the tests, and what must not pass."""

import io
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

__all__ = ["audio_file", "voice_like", "wav"]

RATE = 24_000


def voice_like(seconds: float = 6.0, pitch: float = 120.0, rate: int = RATE) -> NDArray[np.float32]:
    """Syllables at `pitch` Hz, 0.4 at their peak."""
    at = np.arange(round(seconds * rate)) / rate
    wave = np.sin(2 * np.pi * pitch * at) + 0.5 * np.sin(4 * np.pi * pitch * at)
    return np.asarray(0.27 * wave * np.maximum(np.sin(2 * np.pi * 2.5 * at), 0.02), np.float32)


def audio_file(pcm: NDArray[Any], rate: int = RATE, form: str = "WAV", subtype: str | None = None) -> bytes:
    """Return the PCM, [n] or [n, channels], as a file of that format."""
    file = io.BytesIO()
    soundfile.write(file, pcm, rate, format=form, subtype=subtype)
    return file.getvalue()


def wav(pitch: float = 120.0, seconds: float = 6.0) -> bytes:
    """Return a good clip; another pitch is another clip."""
    return audio_file(voice_like(seconds, pitch))
