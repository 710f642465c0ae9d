"""The watermark is Perth's own: equal to what its package makes, and found by its decoder."""

import io
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from encoder import Mp3Encoder
from worker.engines import Pcm
from worker.engines.chatterbox.watermark import Watermark
from worker.errors import StartError


@pytest.fixture(scope="module")
def perth() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import perth  # noqa: PLC0415  # seconds, and warnings

        return perth.PerthImplicitWatermarker()


@pytest.fixture(scope="module")
def ours() -> Watermark:
    return Watermark.load()


def voice(samples: int, seed: int = 0) -> Pcm:
    """Harmonics of a pitch that moves, in syllables, with breath: enough like speech to be marked."""
    random = np.random.default_rng(seed)
    time = np.arange(samples) / 24_000
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * time + seed)) / 24_000
    tone = sum(np.sin(number * phase) / number for number in range(1, 25))
    syllables = 0.1 + np.clip(np.sin(2 * np.pi * 2.3 * time), 0, 1)
    breath = random.normal(0, 0.05, samples)
    return np.asarray(0.15 * syllables * (tone + breath), dtype=np.float32)


def found(perth: Any, pcm: Pcm) -> float:
    return float(perth.get_watermark(pcm, sample_rate=24_000, round=False).squeeze())


def through_mp3(pcm: Pcm, bit_rate: int) -> Pcm:
    encoder = Mp3Encoder(bit_rate=bit_rate)
    with av.open(io.BytesIO(encoder.push(pcm) + encoder.flush())) as file:
        frames = [frame.to_ndarray()[0] for frame in file.decode(audio=0)]
    return np.asarray(np.concatenate(frames), dtype=np.float32)


@pytest.mark.parametrize("samples", [24_000, 96_000, 240 * 433])
def test_whole_audio_comes_out_as_from_perth(perth: Any, ours: Watermark, samples: int) -> None:
    pcm = voice(samples)
    theirs = perth.apply_watermark(pcm, sample_rate=24_000)
    assert theirs.shape == pcm.shape
    assert np.abs(ours.apply(pcm) - theirs).max() <= 1e-4


def test_where_perth_loses_the_end_ours_keeps_it_and_equals_it_before(perth: Any, ours: Watermark) -> None:
    pcm = voice(50_111)
    theirs, marked = perth.apply_watermark(pcm, sample_rate=24_000), ours.apply(pcm)
    assert len(theirs) < len(pcm) == len(marked)
    assert np.abs(marked[: len(theirs) - 240] - theirs[:-240]).max() <= 1e-4
    assert np.abs(marked[-240:] - pcm[-240:]).max() < 0.05


@pytest.mark.parametrize("samples", [0, 1, 2, 239, 767, 768, 769, 1_000, 24_001])
def test_the_length_is_kept_exactly(ours: Watermark, samples: int) -> None:
    marked = ours.apply(voice(samples))
    assert marked.shape == (samples,)
    assert marked.dtype == np.float32
    assert np.isfinite(marked).all()


def test_perths_decoder_finds_it_in_speech_put_together_from_marked_segments(
    perth: Any, ours: Watermark
) -> None:
    segments = [voice(samples, seed) for seed, samples in enumerate((30_000, 71_234, 55_555, 40_001))]
    pause = np.zeros(7_200, np.float32)

    def joined(parts: list[Pcm]) -> Pcm:
        return np.concatenate([piece for part in parts for piece in (part, pause)])

    assert found(perth, joined(segments)) < 0.2
    assert found(perth, joined([ours.apply(segment) for segment in segments])) > 0.9


def test_perths_decoder_finds_it_in_each_segment_alone(perth: Any, ours: Watermark) -> None:
    for seed in range(3):
        segment = voice(36_000, seed)
        assert found(perth, segment) < 0.2
        assert found(perth, ours.apply(segment)) > 0.9


@pytest.mark.parametrize("bit_rate", [32, 64])
def test_perths_decoder_finds_it_after_our_own_mp3(perth: Any, ours: Watermark, bit_rate: int) -> None:
    pcm = voice(96_000)
    assert found(perth, through_mp3(pcm, bit_rate)) < 0.2
    assert found(perth, through_mp3(ours.apply(pcm), bit_rate)) > 0.9


def test_silence_stays_silent(ours: Watermark) -> None:
    assert np.abs(ours.apply(np.zeros(48_000, np.float32))).max() <= 1e-6


def test_a_segment_that_begins_and_ends_in_silence_still_does(ours: Watermark) -> None:
    """A segment joins the next at what is left in its first and last millisecond: at most -50 dB."""
    pcm = voice(48_000)
    pcm[:1_200] = 0
    pcm[-1_200:] = 0
    marked = ours.apply(pcm)
    assert np.abs(pcm).max() > 0.3
    assert max(np.abs(marked[:24]).max(), np.abs(marked[-24:]).max()) <= 10 ** (-50 / 20)


def test_exported_weights_mark_the_same(ours: Watermark, tmp_path: Path) -> None:
    file = tmp_path / "watermark.safetensors"
    ours.export(file)
    pcm = voice(30_000)
    assert np.array_equal(Watermark.load(file).apply(pcm), ours.apply(pcm))
    assert file.stat().st_size < 11e6


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1), "b": torch.zeros(1)}, file)
    with pytest.raises(StartError, match=r"lack 'encoder\.layers\.0\.conv\.weight'"):
        Watermark.load(file)


def test_marking_imports_neither_perth_nor_librosa() -> None:
    code = (
        "import sys, numpy; from worker.engines.chatterbox.watermark import Watermark; "
        "Watermark.load().apply(numpy.ones(9000, 'f4')); "
        "print([n for n in ('perth', 'librosa', 'scipy', 'numba', 'torchaudio') if n in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
