"""Whether speech is plausible for its text: what upstream's model does wrong now and then. Pure.

The bounds are wide: a fault that they let pass is heard once, a false alarm costs three takes.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from worker.engines import Pcm

__all__ = ["Reading", "Verdict", "best", "most_tokens", "plausible_tokens", "verdict"]

TOKENS_A_SECOND = 25
FRAME = 1_024  # samples, 43 ms at 24 kHz
STRIDE = 2_048  # samples from one measured frame to the next
SILENT = 10.0 ** (-55.0 / 20.0)  # RMS of a frame; below it nothing is audible
# Shares of the loudest frame's RMS: a vocoder's silence is not digital silence, nor a noise that goes on.
SILENT_SHARE = 10.0 ** (-30.0 / 20.0)
FAINT_SHARE = 10.0 ** (-25.0 / 20.0)
LONGEST_GAP = 3.0  # seconds of silence inside one segment; pauses are added outside
FLAT = 0.25  # spectral flatness: speech's vowels are under 0.05, white noise is at 0.56
LONGEST_NOISE = 1.5  # seconds; no consonant lasts that long
STEADY_DB = 1.0  # spread of the level: speech moves by 6 dB and more
LONGEST_STEADY = 2.0  # seconds
FULL_SCALE = 0.985  # the vocoder itself clamps at 0.99
CLIPPED = 0.005  # share of samples at full scale
JUMP = 1.2  # second difference of a click; speech at full scale stays under 0.8
SOUND = 50  # tokens that a tag such as [laugh] may take, beside those for its letters
PAUSES = ".,;:!?\u2026\u2014-\n"
# The badness of each problem, for when all takes failed: a click is less bad than silence.
WEIGHTS = {
    "clicks": 1.0,
    "clipped": 2.0,
    "a silence inside": 3.0,
    "too short for its text": 6.0,
    "too long for its text": 6.0,
    "no stop token": 8.0,
    "noise": 20.0,
    "a steady sound": 20.0,
    "silence": 50.0,
    "NaN samples": 1000.0,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One take of a segment: float32 [n] as the model made it, trimmed, and not changed otherwise."""

    text: str
    pcm: Pcm
    stopped: bool = True  # whether the speech had ended when the decoding did


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a take; nothing where it is plausible."""

    problems: tuple[str, ...] = ()

    @property
    def plausible(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def badness(self) -> float:
        """How bad it is, 0 for plausible."""
        return sum(WEIGHTS[problem] for problem in self.problems)


def verdict(take: Reading, sample_rate: int = 24_000) -> Verdict:
    """Judge one take by its length and its sound."""
    pcm = take.pcm
    if not np.isfinite(pcm).all():
        return Verdict(("NaN samples",))
    fewest, most = plausible_tokens(take.text)
    tokens = round(len(pcm) / sample_rate * TOKENS_A_SECOND)
    tests = {
        "no stop token": not take.stopped,
        "too short for its text": tokens < fewest,
        "too long for its text": tokens > most,
    }
    ends = tuple(problem for problem, found in tests.items() if found)
    return Verdict((*ends, *audible_problems(pcm, sample_rate)))


def best(verdicts: Sequence[Verdict]) -> int:
    """Return the number of the least bad verdict, the earliest of equals."""
    return min(range(len(verdicts)), key=lambda number: verdicts[number].badness)


def plausible_tokens(text: str) -> tuple[int, int]:
    """Return the fewest and the most speech tokens that `text` may become.

    English takes about 1.6 a character. The bounds hold for speech from a third of that pace to
    more than double; digits are words, a CJK character is a syllable, a tag is a sound of its own.
    """
    spoken = [weight(letter) for letter in text]
    fewest = sum(low for low, _ in spoken)
    most = sum(high for _, high in spoken)
    return max(1, round(0.6 * fewest - 10)), round(3.2 * most + 50 + SOUND * text.count("["))


def most_tokens(text: str) -> int:
    """Return after how many speech tokens English speech of `text` is cut, if the model does not end it.

    It is less than what is plausible: most speech takes 1.6 a character, and all that a model makes
    behind its speech costs as much as speech. A pause counts as the character that it is written as.
    """
    spoken = sum(1.0 if letter in PAUSES else max(1.0, weight(letter)[1]) for letter in text)
    return round(30 + 2.6 * spoken + SOUND * text.count("["))


def weight(letter: str) -> tuple[float, float]:
    """Return how many English letters a character speaks as, at least and at most."""
    if letter.isdigit():
        return 1.0, 9.0
    if ord(letter) >= 0x2E80:
        return 2.0, 5.0
    if unicodedata.category(letter)[0] == "S":
        return 0.0, 9.0
    if letter in PAUSES:
        return 0.0, 4.0
    return (1.0, 1.0) if letter.isalpha() else (0.0, 1.0)


def audible_problems(pcm: Pcm, sample_rate: int) -> tuple[str, ...]:
    """Return what is wrong with the sound itself."""
    starts = np.arange(0, max(1, len(pcm) - FRAME + 1), STRIDE)
    padded = pcm if len(pcm) >= FRAME else np.pad(pcm, (0, FRAME - len(pcm)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[starts]
    levels = np.sqrt(np.square(frames).mean(axis=1))
    loudest = float(levels.max())
    if loudest <= SILENT:
        return ("silence",)
    audible = levels > max(SILENT, loudest * SILENT_SHARE)
    strong = levels > max(SILENT, loudest * FAINT_SHARE)
    frames_a_second = sample_rate / STRIDE
    inside = audible[audible.argmax() : len(audible) - audible[::-1].argmax()]
    tests = {
        "a silence inside": longest(~inside) > LONGEST_GAP * frames_a_second,
        "noise": longest(strong & (flatness(frames) > FLAT)) > LONGEST_NOISE * frames_a_second,
        "a steady sound": is_steady(levels, strong, round(LONGEST_STEADY * frames_a_second)),
        "clipped": np.count_nonzero(np.abs(pcm) >= FULL_SCALE) > CLIPPED * len(pcm),
        "clicks": np.abs(np.diff(pcm, 2)).max(initial=0.0) > JUMP,
    }
    return tuple(problem for problem, found in tests.items() if found)


def flatness(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return each frame's spectral flatness: geometric over arithmetic mean of its power, 0 to 1."""
    power = np.square(np.abs(np.fft.rfft(frames * WINDOW, axis=1))) + 1e-12
    flat: NDArray[np.float64] = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    return flat


WINDOW = np.hanning(FRAME).astype(np.float32)


def is_steady(levels: NDArray[np.float32], strong: NDArray[np.bool_], size: int) -> bool:
    """Whether a strong sound hardly moves its level over `size` frames: a model that is stuck on it."""
    if len(levels) < size:
        return False
    decibels = 20.0 * np.log10(np.maximum(levels, 1e-9))
    moves = np.lib.stride_tricks.sliding_window_view(decibels, size).std(axis=1)
    throughout = np.lib.stride_tricks.sliding_window_view(strong, size).all(axis=1)
    return bool((throughout & (moves < STEADY_DB)).any())


def longest(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
