"""An engine that fails now and then, inside a `JudgedEngine`."""

from collections.abc import Sequence

import numpy as np
import pytest

from worker.engines import Fault, Take, Utterance
from worker.engines.preview import PreviewEngine
from worker.engines.takes import JudgedEngine, cloner
from worker.engines.takes.trim import trimmed
from worker.engines.tone import ToneEngine
from worker.errors import EngineFailedError

RATE = 24_000
TEXT = "The harbour was quiet that morning, and only the gulls had opinions."


class ScriptedEngine(ToneEngine):
    """Gives out what the script says for each try, and remembers the seeds it was asked for."""

    name = "scripted"

    def __init__(self, *script: Take) -> None:
        super().__init__()
        self.script = list(script)
        self.asked: list[Utterance] = []
        self.dropped: list[int] = []

    def admit(self, utterance: Utterance) -> None:
        self.asked.append(utterance)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        return [self.script.pop(0)]

    def drop(self, utterance: int) -> None:
        self.dropped.append(utterance)


def speech(seconds: float = 4.4) -> Take:
    at = np.arange(round(seconds * RATE)) / RATE
    wave = np.sin(2 * np.pi * 130 * at) * np.maximum(np.sin(2 * np.pi * 2.5 * at), 0.02)
    return Take(7, (0.4 * wave).astype(np.float32))


RAMBLING = Take(7, speech(12).pcm, stopped=False)
SILENT = Take(7, np.zeros(RATE, np.float32))
BROKEN = Take(7, np.full(RATE, np.nan, np.float32))


def spoken(
    engine: ScriptedEngine, speed: float = 1.0, *, judges: bool = True
) -> tuple[Take | Fault, JudgedEngine]:
    judged = JudgedEngine(engine, judged=judges)
    judged.admit(Utterance(7, TEXT, speed=speed, seed=40))
    while not (done := judged.advance([7])):
        pass
    return done[0], judged


def test_good_speech_is_spoken_once() -> None:
    engine = ScriptedEngine(speech())
    block, _ = spoken(engine)
    assert isinstance(block, Take)
    assert block.warnings == ()
    assert [utterance.seed for utterance in engine.asked] == [40]


@pytest.mark.parametrize("fault", [RAMBLING, SILENT, BROKEN])
def test_a_failed_take_is_spoken_again_with_the_next_seed_and_no_warning_is_given(fault: Take) -> None:
    engine = ScriptedEngine(fault, speech())
    block, _ = spoken(engine)
    assert isinstance(block, Take)
    assert block.warnings == ()
    assert [utterance.seed for utterance in engine.asked] == [40, 41]
    assert len(block.pcm) == pytest.approx(len(speech().pcm), abs=0.5 * RATE)


def test_a_take_that_the_cap_cuts_while_it_speaks_is_spoken_again_though_its_length_is_plausible() -> None:
    cut = Take(7, speech().pcm, stopped=False)
    engine = ScriptedEngine(cut, speech())
    block, _ = spoken(engine)
    assert isinstance(block, Take)
    assert block.warnings == ()
    assert [utterance.seed for utterance in engine.asked] == [40, 41]


def test_after_three_failures_the_best_take_leaves_with_a_warning() -> None:
    engine = ScriptedEngine(SILENT, RAMBLING, BROKEN)
    block, _ = spoken(engine)
    assert isinstance(block, Take)
    assert block.warnings == (
        "a segment may sound wrong after 3 tries: no stop token, too long for its text",
    )
    assert [utterance.seed for utterance in engine.asked] == [40, 41, 42]
    assert len(block.pcm) > 11 * RATE


def test_three_takes_without_numbers_are_a_fault() -> None:
    fault, _ = spoken(ScriptedEngine(BROKEN, BROKEN, BROKEN))
    assert isinstance(fault, Fault)
    assert isinstance(fault.error, EngineFailedError)


def test_without_the_guard_what_comes_is_taken() -> None:
    block, _ = spoken(ScriptedEngine(RAMBLING), judges=False)
    assert isinstance(block, Take)
    assert block.warnings == ()


@pytest.mark.parametrize("speed", [0.5, 1.25, 2.0])
def test_the_engine_speaks_at_its_own_pace_and_the_speech_is_stretched(speed: float) -> None:
    engine = ScriptedEngine(speech())
    block, _ = spoken(engine, speed)
    assert isinstance(block, Take)
    assert engine.asked[0].speed == 1.0
    assert len(block.pcm) == round(len(trimmed(speech().pcm, RATE)) / speed)


def test_an_utterance_dropped_between_two_takes_is_dropped_inside() -> None:
    engine = ScriptedEngine(SILENT)
    judged = JudgedEngine(engine)
    judged.admit(Utterance(7, TEXT))
    assert judged.advance([7]) == []
    judged.drop(7)
    assert engine.dropped == [7]


def test_the_mark_is_made_last_on_finished_speech() -> None:
    marked: list[int] = []

    def mark(
        pcm: np.ndarray[tuple[int], np.dtype[np.float32]],
    ) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        marked.append(len(pcm))
        return pcm + np.float32(0.001)

    judged = JudgedEngine(ScriptedEngine(speech()), mark=mark)
    judged.admit(Utterance(7, TEXT, speed=2.0))
    [block] = judged.advance([7])
    assert isinstance(block, Take)
    assert marked == [len(block.pcm)]
    assert block.pcm[0] == np.float32(0.001)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.5, 2.0])
def test_the_preview_voice_keeps_the_law_of_speed(speed: float) -> None:
    judged = JudgedEngine(PreviewEngine(), judged=False)
    lengths = []
    for number, pace in enumerate([1.0, speed]):
        judged.admit(Utterance(number, TEXT, speed=pace))
        [block] = judged.advance([number])
        assert isinstance(block, Take)
        lengths.append(len(block.pcm))
    assert abs(lengths[1] - lengths[0] / speed) <= 1


class Learner(ToneEngine):
    """The tone, with voices to learn."""

    clones = True


def test_voices_are_learned_by_the_engine_inside() -> None:
    engine = Learner()
    assert cloner(JudgedEngine(engine)) is engine
    assert cloner(engine) is engine
    assert cloner(JudgedEngine(PreviewEngine())) is None


class ReportingScript(ScriptedEngine):
    """A scripted engine with a state of its own to report."""

    def status(self) -> dict[str, int | str]:
        return {"rows": 4}


def test_the_status_of_the_engine_inside_is_passed_on() -> None:
    assert JudgedEngine(ReportingScript()).status() == {"rows": 4}
    assert JudgedEngine(ScriptedEngine()).status() == {}
