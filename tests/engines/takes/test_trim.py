"""What is silence around speech, whatever noise it is made of, and what is speech."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from worker.engines.preview import load_voice
from worker.engines.takes.trim import speech_span, trimmed

RATE = 24_000
Pcm = NDArray[np.float32]
SENTENCES = [
    "The harbour was quiet that morning, and only the gulls had opinions.",
    "She walked along the cliff.",
    "They kept the old clock in the attic.",
    "What a mess this is!",
    "It was the last breath.",  # ends in 150 ms that are weaker than -52 dBFS
]
FEEBLE = SENTENCES[-1]


def tone(seconds: float, peak: float = 0.3) -> Pcm:
    return np.asarray(peak * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE), np.float32)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.float32)


def noise(seconds: float, dbfs: float, seed: int = 0) -> Pcm:
    made = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return np.asarray(made * 10 ** (dbfs / 20), np.float32)


@pytest.fixture(scope="module")
def readings() -> dict[str, Pcm]:
    """The preview voice's sentences, trimmed: it is silent around them."""
    voice = load_voice()
    return {text: trimmed(np.asarray(voice(text, seed=3), np.float32), RATE) for text in SENTENCES}


def test_silence_around_speech_goes_but_for_30_ms_and_silence_inside_stays() -> None:
    spoken = np.concatenate([tone(0.5), silence(0.7), tone(0.5)])
    pcm = np.concatenate([silence(0.8), spoken, silence(1.3)])
    assert len(trimmed(pcm, RATE)) == pytest.approx(len(spoken) + 0.06 * RATE, abs=0.006 * RATE)


def test_a_quiet_onset_is_not_taken_for_silence() -> None:
    hiss = noise(0.1, -48, seed=1)  # an "s", 35 dB under the vowel
    assert len(trimmed(np.concatenate([hiss, tone(1)]), RATE)) == RATE // 10 + RATE


@pytest.mark.parametrize(("seconds", "kept"), [(3, 0.03), (0.01, 0.01), (0, 0)])
def test_silence_alone_becomes_30_ms_of_it(seconds: float, kept: float) -> None:
    assert len(trimmed(silence(seconds), RATE)) == round(kept * RATE)


@pytest.mark.parametrize("dbfs", [-60, -40, -20])
def test_noise_alone_stays_for_the_judge(dbfs: float) -> None:
    assert len(trimmed(noise(2, dbfs), RATE)) == 2 * RATE


def test_speech_that_nothing_stands_around_stays_whole(readings: dict[str, Pcm]) -> None:
    for spoken in readings.values():
        assert speech_span(spoken, RATE) == (0, len(spoken))


@pytest.mark.parametrize("dbfs", [-65, -60, -56, -53, -50, -48])
@pytest.mark.parametrize("before", [0.0, 0.5])
def test_steady_noise_around_speech_goes_and_soft_consonants_that_stand_out_stay(
    dbfs: float, before: float, readings: dict[str, Pcm]
) -> None:
    lost = {}
    for text, spoken in readings.items():
        pcm = np.concatenate([noise(before, dbfs), spoken, noise(2.2, dbfs, seed=1)])
        start, end = speech_span(pcm, RATE)
        assert abs(start / RATE - before) <= 0.06
        lost[text] = before + len(spoken) / RATE - 0.03 - end / RATE
    if dbfs > -56:
        del lost[FEEBLE]  # nothing tells it from such noise
    assert max(abs(seconds) for seconds in lost.values()) <= 0.06


def test_the_short_release_of_a_last_consonant_stays(readings: dict[str, Pcm]) -> None:
    closure = [readings[SENTENCES[0]], noise(0.12, -53)]
    pcm = np.concatenate([*closure, noise(0.005, -44, seed=1), noise(2, -53, seed=2)])
    released = sum(len(part) for part in closure) + 0.005 * RATE
    assert 0 <= speech_span(pcm, RATE)[1] - released <= 0.05 * RATE


def test_noise_that_changes_its_level_or_ends_in_a_quieter_one_goes(readings: dict[str, Pcm]) -> None:
    spoken = readings[SENTENCES[0]]
    for after in ([(1.0, -48), (0.6, -56)], [(1.0, -56), (1.0, -50)], [(1.0, -53), (0.12, -61)]):
        pcm = np.concatenate([spoken, *[noise(*each) for each in after]])
        assert abs(speech_span(pcm, RATE)[1] - len(spoken)) <= 0.06 * RATE


@pytest.mark.parametrize("quieter_db", [20, 28, 34])
def test_a_soft_last_phrase_after_a_pause_is_not_taken_for_noise(
    quieter_db: float, readings: dict[str, Pcm]
) -> None:
    for first, second in pairwise(SENTENCES):
        soft = readings[second] * np.float32(10 ** (-quieter_db / 20))
        pcm = np.concatenate([readings[first], silence(0.5), soft])
        assert len(trimmed(pcm, RATE)) > len(readings[first]) + 0.5 * RATE + 0.7 * len(soft)


def test_a_steady_sound_near_the_loudness_of_speech_stays(readings: dict[str, Pcm]) -> None:
    pcm = np.concatenate([readings[SENTENCES[0]], noise(2, -35)])
    assert len(trimmed(pcm, RATE)) == len(pcm)
