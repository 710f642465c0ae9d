"""What is done to a segment's speech before any of it is delivered: speed, loudness, fades. Pure."""

from dataclasses import dataclass

import numpy as np
from python_stretch.Signalsmith import Stretch

from worker.engines import Pcm
from worker.engines.takes.loudness import loudness

__all__ = ["Finished", "finish", "level", "stretched"]

TARGET_LUFS = -23.0  # EBU R 128's level for programmes
MOST_DB = 6.0  # of correction, either way
CEILING = 0.98  # no gain lifts a peak above it
FADE_MS = 5


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished segment; `gain` is None if it was too short to have a loudness of its own."""

    pcm: Pcm
    gain: float | None


def finish(pcm: Pcm, *, sample_rate: int, speed: float = 1.0) -> Finished:
    """Return a segment's speech ready to be joined to others.

    `pcm` is float32 [n] in [-1, 1], trimmed. It becomes round(n / speed) samples at the same pitch,
    at -23 LUFS or 6 dB nearer to it, with fades of 5 ms. A segment under 400 ms keeps its level: its
    neighbour's gain suits it.
    """
    spoken = stretched(pcm, sample_rate, speed)
    lufs = loudness(spoken, sample_rate)
    if lufs == float("-inf"):
        return Finished(faded(spoken, sample_rate), None)
    correction = min(MOST_DB, max(-MOST_DB, TARGET_LUFS - lufs))
    gain = 10.0 ** (correction / 20.0)
    return Finished(faded(level(spoken, gain), sample_rate), gain)


def level(pcm: Pcm, gain: float) -> Pcm:
    """Return the PCM times `gain`, or times as much as its peak has room for."""
    peak = float(np.abs(pcm).max(initial=0.0))
    if gain > 1.0 and peak > 0.0:
        gain = max(1.0, min(gain, CEILING / peak))
    return pcm * np.float32(gain)


def stretched(pcm: Pcm, sample_rate: int, speed: float) -> Pcm:
    """Return the PCM at another speed and the same pitch: round(n / speed) samples."""
    wanted = round(len(pcm) / speed)
    if speed == 1.0 or not wanted:
        return pcm[:wanted]
    stretch = Stretch(0)  # its seed: the same speech each time
    stretch.configure(1, sample_rate // 10, sample_rate // 25)  # the library calls this its cheaper preset
    stretch.setTimeFactor(speed)
    made = np.asarray(stretch.process(np.ascontiguousarray(pcm[np.newaxis], np.float32)))[0]
    result = np.zeros(wanted, np.float32)
    result[: len(made)] = made[:wanted]
    return np.clip(result, -1.0, 1.0)


def faded(pcm: Pcm, sample_rate: int) -> Pcm:
    """Return the PCM with 5 ms of fade at both ends, less where it is shorter than two fades."""
    size = min(sample_rate * FADE_MS // 1000, len(pcm) // 2)
    result = np.array(pcm, np.float32)
    if size:
        ramp = np.linspace(0.0, 1.0, size, endpoint=False, dtype=np.float32)
        result[:size] *= ramp
        result[-size:] *= ramp[::-1]
    return result
