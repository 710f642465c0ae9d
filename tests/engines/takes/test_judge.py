"""Speech that went wrong is told from speech that did not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from worker.engines.takes.judge import Reading, Verdict, best, most_tokens, plausible_tokens, verdict

RATE = 24_000
Pcm = NDArray[np.float32]
TEXT = "The harbour was quiet that morning, and only the gulls had opinions."


def speech(seconds: float = 4.4) -> Pcm:
    """Voiced syllables with a hiss between them, as speech has."""
    rng = np.random.default_rng(3)
    at = np.arange(round(seconds * RATE)) / RATE
    voiced = sum(np.sin(2 * np.pi * 120 * n * at) / n for n in range(1, 20)) / 3
    beat = np.sin(2 * np.pi * 2.5 * at)
    hiss = 0.05 * rng.standard_normal(len(at))
    return np.where(beat > -0.5, 0.5 * voiced * np.maximum(beat, 0.05), hiss).astype(np.float32)


def planted(start: float, sound: Pcm) -> Pcm:
    pcm = speech(8)
    at = round(start * RATE)
    return np.concatenate([pcm[:at], sound, pcm[at:]])


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.float32)


NOISE = (0.1 * np.random.default_rng(4).standard_normal(6 * RATE)).astype(np.float32)
HUM = (0.2 * np.sin(2 * np.pi * 150 * np.arange(4 * RATE) / RATE)).astype(np.float32)


def clicking() -> Pcm:
    pcm = speech()
    pcm[30_000] = 0.95
    return pcm


FAULTS: list[tuple[str, Reading]] = [
    ("no stop token", Reading(TEXT, speech(), stopped=False)),
    ("too long for its text", Reading(TEXT, speech(12))),
    ("too long for its text", Reading("Yes.", speech(8))),
    ("too short for its text", Reading(TEXT * 3, speech(1.2))),
    ("silence", Reading(TEXT, np.zeros(4 * RATE, np.float32))),
    ("silence", Reading(TEXT, np.full(4 * RATE, 1e-3, np.float32))),
    ("silence", Reading(TEXT, np.zeros(0, np.float32))),
    ("a silence inside", Reading(TEXT * 2, planted(2, silence(4)))),
    ("a silence inside", Reading(TEXT * 2, planted(2, np.float32(0.03) * NOISE[: 4 * RATE]))),
    ("noise", Reading(TEXT, NOISE)),
    ("noise", Reading(TEXT * 2, planted(5, NOISE[: 2 * RATE]))),
    ("a steady sound", Reading(TEXT * 2, planted(6, HUM))),
    ("clipped", Reading(TEXT, np.clip(8 * speech(), -1, 1))),
    ("clipped", Reading(TEXT, np.clip(8 * speech(), -0.99, 0.99))),
    ("clicks", Reading(TEXT, clicking())),
    ("NaN samples", Reading(TEXT, np.full(RATE, np.nan, np.float32))),
    ("NaN samples", Reading(TEXT, np.full(RATE, np.inf, np.float32))),
]


@pytest.mark.parametrize(("problem", "take"), FAULTS)
def test_every_planted_fault_is_caught(problem: str, take: Reading) -> None:
    assert problem in verdict(take, RATE).problems


@pytest.mark.parametrize("seconds", [0.5, 2.8, 4.4, 6.5])
def test_speech_is_let_pass(seconds: float) -> None:
    text = TEXT[: round(seconds * 14)]
    assert verdict(Reading(text, speech(seconds)), RATE).plausible


@pytest.mark.parametrize("gain", [0.1, 1.0, 1.8])
def test_quiet_and_loud_speech_pass(gain: float) -> None:
    assert verdict(Reading(TEXT, np.clip(speech() * np.float32(gain), -1, 1)), RATE).plausible


@pytest.mark.parametrize("kind", [silence(2.8), np.float32(0.03) * NOISE[: round(2.8 * RATE)]])
def test_a_pause_inside_passes_whether_digital_silence_or_a_vocoders(kind: Pcm) -> None:
    assert verdict(Reading(TEXT * 2, planted(2, kind)), RATE).plausible


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Ah!", 15),
        ("No.", 9),
        ("[laugh]", 60),
        ("In 1984, $3,452.99 was 27% of 1,234,567,890.", 334),
        ("Oh no. " * 30, 900),
        ("日本語を話します。", 60),
        (TEXT, 68),
        (TEXT, 200),
    ],
)
def test_lengths_that_such_texts_are_spoken_in_are_plausible(text: str, tokens: int) -> None:
    fewest, most = plausible_tokens(text)
    assert fewest <= tokens <= most


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("Yes.", 40),
        (TEXT, 207),
        ("[laugh]", 98),
        ("In 1984, $3,452.99 was 27% of 1,234,567,890.", 623),
    ],
)
def test_english_is_cut_after_30_tokens_and_2_6_for_each_letter_that_a_text_is_spoken_as(
    text: str, most: int
) -> None:
    assert most_tokens(text) == most


def test_the_best_of_bad_takes_is_the_one_a_listener_forgives_soonest() -> None:
    verdicts = [Verdict(("silence",)), Verdict(("clicks",)), Verdict(("no stop token", "noise"))]
    assert best(verdicts) == 1
    assert best([Verdict(("clicks",)), Verdict(("clicks",))]) == 0
