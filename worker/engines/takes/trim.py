"""Where the speech is in a segment, and where only silence is, or the noise that a vocoder makes of it. Pure.

Only the two ends are ever cut: a silence inside is the speaker's. Levels are RMS in dB of full scale.
"""

import numpy as np
from numpy.typing import NDArray

from worker.engines import Pcm

__all__ = ["speech_span", "trimmed"]

Levels = NDArray[np.float64]
"""[2, hops]: of each hop, and of the 45 ms around it."""

HOP_MS = 5  # silence is found in steps of this
KEPT_MS = 30  # of silence beside the speech: onsets and decays are quieter than the threshold
QUIET_DB = -46.0  # below the loudest hop: weaker than any consonant
INAUDIBLE_DB = -66.0  # whatever the loudest hop is

# Noise is an end whose level hardly moves, far below the speech. Of 3,037 places in twelve sentences of
# the preview voice none moves by less than 6 dB over 400 ms; white noise moves by 2, a hissing hum by 5.
SMOOTHED = 9  # hops, 45 ms: over less, noise itself moves
ENDING = 80  # hops, 400 ms
SHIFTS = range(0, 40, 8)  # hops: what stands behind may be quieter, as Turbo's three silence tokens
STEADY_DB = 6.0  # from the tenth percentile to the loudest
BELOW_DB = -25.0  # below the loudest of all; what is louder is speech, however steady
ABOVE_DB = 3.0  # above the loudest of the noise, there is something else


def trimmed(pcm: Pcm, sample_rate: int) -> Pcm:
    """Return the PCM from where its speech begins to where it ends."""
    start, end = speech_span(pcm, sample_rate)
    return pcm[start:end]


def speech_span(pcm: Pcm, sample_rate: int) -> tuple[int, int]:
    """Return where to cut `pcm`, in samples: the silence and the steady noise around its speech go.

    30 ms of it stay on each side, of silence alone 30 ms. Noise that is shorter than 400 ms stays, as
    it cannot be distinguished from speech.
    """
    hop = sample_rate * HOP_MS // 1000
    levels = levels_of(pcm, hop)
    end = end_of_speech(levels)
    start = end - end_of_speech(levels[:, :end][:, ::-1])
    kept = sample_rate * KEPT_MS // 1000
    return max(0, start * hop - kept), min(len(pcm), end * hop + kept)


def end_of_speech(levels: Levels) -> int:
    """Return the number of hops after which nothing but silence or noise follows.

    Noise may change its level: without what was found to be noise, the end is looked at again.
    """
    loudest = levels.max(axis=1, initial=-np.inf)
    quiet = max(INAUDIBLE_DB, loudest[0] + QUIET_DB)
    end, before = levels.shape[1], -1
    while end != before:
        before = end
        audible = levels[0, :end] > quiet
        noise = noise_behind(levels[:, :end], loudest[1] + BELOW_DB)
        if noise is not None:
            audible &= (levels[:, :end] > noise[:, None]).any(axis=0)
        end = last_of(audible) + 1
    return end


def noise_behind(levels: Levels, most: float) -> Levels | None:
    """Return the two levels [2] above which the noise at the end is not alone; None if there is none."""
    for shift in SHIFTS:
        end = levels.shape[1] - shift
        if end < ENDING:
            break
        ending = levels[:, end - ENDING : end]
        loudest: Levels = ending.max(axis=1)
        if loudest[1] < most and loudest[1] - np.percentile(ending[1], 10) < STEADY_DB:
            return np.minimum(loudest + ABOVE_DB, [np.inf, most])
    return None


def levels_of(pcm: Pcm, hop: int) -> Levels:
    """Return the levels of each hop, the last one filled up with zeros."""
    whole = np.zeros(max(SMOOTHED, -(-len(pcm) // hop)) * hop)
    whole[: len(pcm)] = pcm
    powers = np.square(whole).reshape(-1, hop).mean(axis=1)
    smoothed = np.convolve(powers, np.full(SMOOTHED, 1.0 / SMOOTHED), "same")
    levels: Levels = 10.0 * np.log10(np.maximum([powers, smoothed], 1e-20))
    return levels


def last_of(flags: NDArray[np.bool_]) -> int:
    """Return the index of the last True, -1 if there is none."""
    places = np.flatnonzero(flags)
    return int(places[-1]) if len(places) else -1
