"""Good readings with silence behind them leave at once, without it: the preview voice, with tails added."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from worker.engines import Fault, Take, Utterance
from worker.engines.preview import load_voice
from worker.engines.takes import JudgedEngine
from worker.engines.tone import ToneEngine

RATE = 24_000
Pcm = NDArray[np.float32]
SENTENCES = [
    "The harbour was quiet that morning, and only the gulls had opinions.",
    "He paid for the buses.",
    "Wait for me at the bridge, said the captain, and do not be late.",
    "She walked along the cliff.",
    "They kept the old clock in the attic.",
]
SECONDS = [0.5, 2.2, 5.0, 10.0]
LEVELS = [-70.0, -60.0, -53.0, -48.0]  # dBFS
PLACES = ["behind it", "under all of it"]


def digital_silence(count: int) -> Pcm:
    return np.zeros(count, np.float32)


@cache
def white(count: int) -> Pcm:
    return np.random.default_rng(count).standard_normal(count).astype(np.float32)


@cache
def humming(count: int) -> Pcm:
    """Return hiss below some 500 Hz, a hum of 100 Hz and a whistle of 4.9 kHz, at an RMS of 1."""
    if not count:
        return white(count)
    hiss = np.convolve(white(count + 99), np.exp(-np.arange(100) / 8.0), "valid")
    at = np.arange(count) / RATE
    made = hiss / hiss.std() + 0.7 * np.sin(2 * np.pi * 100 * at) + 0.5 * np.sin(2 * np.pi * 4_900 * at)
    return np.asarray(made / made.std(), np.float32)


class ReadingEngine(ToneEngine):
    """Says the same each time it is asked, and counts how often that is."""

    name = "reading"

    def __init__(self, pcm: Pcm, *, stopped: bool) -> None:
        super().__init__()
        self.block = Take(1, pcm, stopped=stopped)
        self.takes = 0

    def admit(self, utterance: Utterance) -> None:
        self.takes += 1

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        return [self.block]


def delivered(text: str, pcm: Pcm, *, stopped: bool) -> Take:
    """Return what leaves of a reading; it has to be the first take."""
    engine = ReadingEngine(pcm, stopped=stopped)
    judged = JudgedEngine(engine)
    judged.admit(Utterance(1, text))
    left = judged.advance([1])
    assert engine.takes == 1
    assert isinstance(left[0], Take)
    return left[0]


def heard(pcm: Pcm) -> Pcm:
    """Return a clean reading from 30 ms before its first to its last 5 ms over -46 dB of its loudest ones."""
    levels = np.sqrt(np.square(pcm[: len(pcm) // 120 * 120]).reshape(-1, 120).mean(axis=1))
    places = np.flatnonzero(levels > levels.max() * 10 ** (-46 / 20))
    return pcm[max(0, int(places[0]) * 120 - 720) : (int(places[-1]) + 1) * 120]


@pytest.fixture(scope="module")
def readings() -> dict[str, Pcm]:
    voice = load_voice()
    return {text: heard(np.asarray(voice(text, seed=3), np.float32)) for text in SENTENCES}


def with_tail(spoken: Pcm, tail: Callable[[int], Pcm], dbfs: float, seconds: float, place: str) -> Pcm:
    """Return a reading with a tail that begins where it ends, or that is heard all the time."""
    gain = np.float32(10 ** (dbfs / 20))
    count = round(seconds * RATE)
    if place == "behind it":
        return np.concatenate([spoken, gain * tail(count)])
    whole: Pcm = np.concatenate([spoken, np.zeros(count, np.float32)])
    return whole + gain * tail(len(whole))


KINDS = [(digital_silence, 0.0), *((kind, dbfs) for kind in (white, humming) for dbfs in LEVELS)]


@pytest.mark.parametrize("ended_by", ["the model", "the cap"])
@pytest.mark.parametrize(("tail", "dbfs"), KINDS)
def test_a_good_reading_with_a_tail_is_made_once_and_cut_within_60_ms_of_its_end_without_a_warning(
    tail: Callable[[int], Pcm], dbfs: float, ended_by: str, readings: dict[str, Pcm]
) -> None:
    for place in PLACES:
        for seconds in SECONDS:
            for text, spoken in readings.items():
                pcm = with_tail(spoken, tail, dbfs, seconds, place)
                block = delivered(text, pcm, stopped=ended_by == "the model")
                assert block.warnings == ()
                assert abs(len(block.pcm) - len(spoken)) <= 0.06 * RATE, (place, seconds, text)


@pytest.mark.parametrize(("tail", "dbfs"), KINDS)
def test_a_silence_of_1500_ms_inside_is_left_alone_with_a_tail_and_without(
    tail: Callable[[int], Pcm], dbfs: float, readings: dict[str, Pcm]
) -> None:
    pause = np.float32(10 ** (dbfs / 20)) * tail(round(1.5 * RATE))
    for first, second in pairwise(SENTENCES):
        spoken = np.concatenate([readings[first], pause, readings[second]])
        for seconds in (0.0, 0.5, 5.0):
            pcm = with_tail(spoken, tail, dbfs, seconds, "behind it")
            block = delivered(f"{first} {second}", pcm, stopped=True)
            assert block.warnings == ()
            assert abs(len(block.pcm) - len(spoken)) <= 0.06 * RATE, (seconds, first)
