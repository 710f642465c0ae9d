"""What is done to a segment's speech before it leaves: speed, loudness, fades."""

import numpy as np
import pyloudnorm
import pytest
from numpy.typing import NDArray

from worker.engines.takes.finish import finish, level, stretched
from worker.engines.takes.loudness import loudness

RATE = 24_000
Pcm = NDArray[np.float32]


def tone(seconds: float, peak: float = 0.3, frequency: float = 220.0) -> Pcm:
    at = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(peak * np.sin(2 * np.pi * frequency * at), np.float32)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE), np.float32)


def syllables(seconds: float, peak: float = 0.3) -> Pcm:
    """Four beats a second of a rich tone: near enough to speech for a meter."""
    at = np.arange(round(seconds * RATE)) / RATE
    rich = sum(np.sin(2 * np.pi * 140 * n * at) / n for n in range(1, 12))
    wave = rich * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * at))
    return np.asarray(peak * wave / np.abs(wave).max(), np.float32)


def pitch(pcm: Pcm) -> float:
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(spectrum.argmax() * RATE / len(pcm))


@pytest.mark.parametrize("speed", [0.5, 0.77, 0.9, 1.0, 1.01, 1.333, 2.0])
@pytest.mark.parametrize("samples", [0, 1, 100, 2_879, 24_001, 100_003])
def test_speed_divides_the_length_to_the_sample(speed: float, samples: int) -> None:
    assert len(stretched(tone(5)[:samples], RATE, speed)) == round(samples / speed)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_speed_keeps_the_pitch_and_the_level(speed: float) -> None:
    changed = stretched(tone(3), RATE, speed)
    assert pitch(changed) == pytest.approx(220, abs=1)
    assert np.square(changed).mean() == pytest.approx(0.045, rel=0.1)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_moves_what_is_heard_in_proportion(speed: float) -> None:
    beep = np.concatenate([silence(1), tone(0.1), silence(1)])
    changed = np.square(stretched(beep, RATE, speed))
    middle = float((np.arange(len(changed)) * changed).sum() / changed.sum() / RATE)
    assert middle == pytest.approx(1.05 / speed, abs=0.01)


def test_the_same_speech_at_the_same_speed_is_the_same_to_the_bit() -> None:
    pcm = syllables(2)
    assert np.array_equal(stretched(pcm, RATE, 1.3), stretched(pcm, RATE, 1.3))


@pytest.mark.parametrize("peak", [0.15, 0.2, 0.4])
def test_segments_within_6_db_come_to_23_lufs(peak: float) -> None:
    finished = finish(syllables(4, peak), sample_rate=RATE)
    assert loudness(finished.pcm, RATE) == pytest.approx(-23.0, abs=0.05)


@pytest.mark.parametrize(("peak", "correction"), [(0.01, 6.0), (0.95, -6.0)])
def test_segments_farther_off_are_moved_by_6_db_and_no_more(peak: float, correction: float) -> None:
    pcm = syllables(4, peak)
    finished = finish(pcm, sample_rate=RATE)
    assert finished.gain is not None
    assert 20 * np.log10(finished.gain) == pytest.approx(correction, abs=0.01)
    assert loudness(finished.pcm, RATE) - loudness(pcm, RATE) == pytest.approx(correction, abs=0.05)


def test_no_gain_lifts_a_peak_over_the_ceiling() -> None:
    pcm = syllables(4, 0.05)
    pcm[RATE] = 0.9
    finished = finish(pcm, sample_rate=RATE)
    assert 0.9 <= np.abs(finished.pcm).max() <= 0.981
    assert np.abs(level(tone(1, 0.99), 2.0)).max() == pytest.approx(0.99, abs=0.001)


def test_speech_under_400_ms_keeps_its_level_and_says_so() -> None:
    finished = finish(tone(0.3, 0.05), sample_rate=RATE)
    assert finished.gain is None
    assert np.abs(finished.pcm).max() == pytest.approx(0.05, abs=0.001)


def test_segments_begin_and_end_in_a_fade_of_5_ms() -> None:
    finished = finish(tone(1) + np.float32(0.1), sample_rate=RATE).pcm
    assert finished[0] == finished[-1] == 0.0
    assert np.abs(np.diff(finished[:120])).max() < 0.05
    assert np.abs(finished[200:400]).max() > 0.3 * np.abs(finished).max()


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_loudness_is_what_an_independent_meter_reads(rate: int) -> None:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(rate * 4).astype(np.float32)
    pcm = 0.1 * noise * np.repeat([1.0, 0.02, 0.7, 0.0], rate).astype(np.float32)
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    assert loudness(pcm, rate) == pytest.approx(meter.integrated_loudness(pcm), abs=0.01)


def test_a_full_scale_sine_of_997_hz_reads_minus_3_01_lufs() -> None:
    """EBU Tech 3341: the calibration of every BS.1770 meter."""
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * 48_000) / 48_000).astype(np.float32)
    assert loudness(sine, 48_000) == pytest.approx(-3.01, abs=0.02)
