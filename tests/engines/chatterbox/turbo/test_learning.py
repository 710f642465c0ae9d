"""Voices that Chatterbox learns from clips, on tiny random weights and the real models for cloning."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.kits.clips import wav
from tests.kits.precisions import BF16
from worker.engines import Take, Utterance
from worker.engines.chatterbox.turbo import checkpoint
from worker.engines.chatterbox.turbo.engine import TurboEngine
from worker.engines.takes import JudgedEngine, cloner
from worker.errors import VoiceUnusableError
from worker.voices.clips import read_clip

CLIP = read_clip(wav())


def engine(folder: Path, precision: str = "fp32") -> TurboEngine:
    return TurboEngine(checkpoint.load(folder, torch.device("cpu"), precision), slots=2)


def spoken(speaker: TurboEngine, voice: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    speaker.admit(Utterance(1, "The keeper waited.", voice))
    while not (done := speaker.advance([1])):
        pass
    assert isinstance(done[0], Take)
    return done[0].pcm


def test_a_learned_voice_speaks_and_speaks_the_same_from_its_file(tiny_weights: Path) -> None:
    first, second = engine(tiny_weights), engine(tiny_weights)
    data = first.learn(CLIP.sha256, CLIP)
    second.recall(CLIP.sha256, data)
    assert np.array_equal(spoken(first, CLIP.sha256), spoken(second, CLIP.sha256))
    assert not np.array_equal(spoken(first, CLIP.sha256), spoken(first, "default"))
    for bad in (b"", b"{}", data[:1_000], data[:-9]):
        with pytest.raises(ValueError, match=r"."):
            second.recall(CLIP.sha256, bad)
    with pytest.raises(ValueError, match="of another clip, weights or precision"):
        second.recall("0" * 64, data)


@BF16
def test_a_learned_voice_is_of_the_precision_that_learned_it(tiny_weights: Path) -> None:
    data = engine(tiny_weights).learn(CLIP.sha256, CLIP)
    with pytest.raises(ValueError, match="of another clip, weights or precision"):
        engine(tiny_weights, "bf16").recall(CLIP.sha256, data)


def test_a_voice_that_is_forgotten_speaks_to_the_end_of_what_is_inside(tiny_weights: Path) -> None:
    speaker = engine(tiny_weights)
    speaker.learn(CLIP.sha256, CLIP)
    speaker.admit(Utterance(1, "The keeper waited.", CLIP.sha256))
    speaker.forget(CLIP.sha256)
    while not (done := speaker.advance([1])):
        pass
    assert isinstance(done[0], Take)
    speaker.admit(Utterance(2, "The keeper waited.", CLIP.sha256))
    assert not isinstance(speaker.advance([2])[0], Take)


def test_a_checkpoint_without_the_models_for_cloning_speaks_but_learns_nothing(tiny_checkpoint: Path) -> None:
    speaker = engine(tiny_checkpoint)
    with pytest.raises(VoiceUnusableError, match="this worker cannot learn voices"):
        speaker.learn(CLIP.sha256, CLIP)
    assert len(spoken(speaker, "default"))
    assert cloner(JudgedEngine(speaker)) is speaker
