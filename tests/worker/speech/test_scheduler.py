"""The order in which speech is made, seen from the engine."""

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from encoder import Mp3Encoder, PcmEncoder
from segmenter import Segment
from tests.kits.workers import CountingEngine
from worker.cache import Publication
from worker.chunks import layout
from worker.engines import Fault, Take, Utterance
from worker.errors import ShuttingDownError
from worker.speech import Scheduler
from worker.speech.encoding import PlannedSegment, SpeechEncoder
from worker.speech.speech import LiveSpeech


class SteppedEngine(CountingEngine):
    """Advances only as often as the test allows, and remembers the order it was given."""

    def __init__(self, slots: int = 8, ahead: int = 1) -> None:
        super().__init__(slots)
        self.ahead = ahead
        self.orders: list[list[str]] = []
        self.allowed = threading.Semaphore(0)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        texts = {utterance.id: utterance.text for utterance in self.admitted}
        self.orders.append([texts[key] for key in order])
        self.allowed.acquire()
        return super().advance(order[:1])


def speech_of(texts: Sequence[str], clock: "Clock") -> LiveSpeech:
    def lines() -> Iterator[PlannedSegment]:
        for number, text in enumerate(texts):
            segment = Segment(text, 0, len(text), 0)
            yield PlannedSegment(0, segment, Utterance(number, text), last=number == len(texts) - 1)

    def publish(_: LiveSpeech) -> Publication:
        return Publication()

    return LiveSpeech(lines(), SpeechEncoder(Mp3Encoder(), layout("mp3", 64), 24_000), publish, clock)


class Clock:
    """A clock that stands still until it is told to move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def finish(engine: SteppedEngine, speeches: Sequence[LiveSpeech]) -> None:
    ended = threading.Event()
    for speech in speeches:
        speech.listen(lambda: ended.set() if all(s.ended for s in speeches) else None)
    engine.allowed.release(1_000)
    assert ended.wait(20)


def test_who_has_heard_nothing_goes_before_who_has() -> None:
    clock, engine = Clock(), SteppedEngine()
    synthesis = Scheduler(engine, clock=clock)
    first, second = speech_of(["aa", "ab", "ac"], clock), speech_of(["ba", "bb"], clock)
    heard = threading.Event()
    first.listen(heard.set)
    synthesis.speak(first)
    synthesis.start()
    engine.allowed.release()
    assert heard.wait(20)
    synthesis.speak(second)
    finish(engine, [first, second])
    synthesis.close()
    later = [order for order in engine.orders if len(order) > 1]
    assert later[0][0] == "ba"


def test_no_more_utterances_are_inside_than_the_engine_has_slots() -> None:
    clock, engine = Clock(), SteppedEngine(slots=2)
    synthesis = Scheduler(engine, clock=clock)
    speeches = [speech_of([f"{name}1", f"{name}2"], clock) for name in "abcde"]
    for speech in speeches:
        synthesis.speak(speech)
    synthesis.start()
    finish(engine, speeches)
    synthesis.close()
    assert max(len(order) for order in engine.orders) == 2


def test_the_first_segment_is_inside_alone_and_the_rest_together_are_put_back_in_order() -> None:
    clock, engine = Clock(), SteppedEngine(ahead=4)
    long_then_short = ["first", "x" * 50, "y", "zz", "w" * 9]
    speech = speech_of(long_then_short, clock)
    synthesis = Scheduler(engine, clock=clock)
    synthesis.speak(speech)
    synthesis.start()
    finish(engine, [speech])
    synthesis.close()
    sizes = [len(order) for order in engine.orders]
    assert (sizes[0], max(sizes)) == (1, 4)
    ends = [part.captions[0].char_end for part in speech.parts]
    assert ends == [len(text) for text in long_then_short]


class IdleEngine(SteppedEngine):
    """Has two pieces to do while nobody waits, and notes after how many steps it did each."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[int] = []
        self.rested = threading.Event()

    def rest(self) -> bool:
        if not self.admitted or len(self.pieces) == 2:
            return False
        self.pieces.append(len(self.orders))
        if len(self.pieces) == 2:
            self.rested.set()
        return len(self.pieces) < 2


def test_an_engine_prepares_for_later_when_nothing_is_inside() -> None:
    engine, clock = IdleEngine(), Clock()
    synthesis = Scheduler(engine, clock=clock)
    speech = speech_of(["One.", "Two."], clock)
    synthesis.speak(speech)
    synthesis.start()
    finish(engine, [speech])
    assert engine.rested.wait(10)
    synthesis.close()
    assert engine.pieces == [len(engine.orders)] * 2  # after the last step


def test_a_step_that_does_not_return_is_the_engines_death() -> None:
    engine, died, clock = SteppedEngine(), threading.Event(), Clock()
    synthesis = Scheduler(engine, clock=clock, on_death=died.set, hung_seconds=0.2)
    speech = speech_of(["never"], clock)
    synthesis.speak(speech)
    synthesis.start()
    ended = threading.Event()
    speech.listen(ended.set)
    while not engine.orders:
        threading.Event().wait(0.01)
    clock.now += 61
    assert died.wait(20)
    assert ended.wait(20)
    assert speech.failed
    engine.allowed.release()
    synthesis.close()


def test_a_call_runs_on_the_engines_thread_between_two_steps() -> None:
    clock, engine = Clock(), SteppedEngine()
    synthesis = Scheduler(engine, clock=clock)
    speech = speech_of(["aa", "ab"], clock)
    synthesis.speak(speech)
    synthesis.start()
    while not engine.orders:
        threading.Event().wait(0.01)
    called = synthesis.call(lambda: (threading.current_thread().name, len(engine.orders)))
    assert not called.done()
    finish(engine, [speech])
    assert called.result(20) == ("synthesis", 1)
    synthesis.close()


def test_what_a_call_raises_is_its_callers_trouble() -> None:
    clock, engine = Clock(), SteppedEngine()
    synthesis = Scheduler(engine, clock=clock)
    synthesis.start()
    failed = synthesis.call(lambda: 1 // 0)
    assert isinstance(failed.exception(20), ZeroDivisionError)
    speech = speech_of(["aa"], clock)
    synthesis.speak(speech)
    finish(engine, [speech])
    assert not speech.failed
    synthesis.close()
    assert isinstance(synthesis.call(lambda: 1).exception(20), ShuttingDownError)


def test_speech_too_short_for_a_loudness_takes_the_gain_of_its_voices_line_before() -> None:
    recorder = SpeechEncoder(PcmEncoder(), layout("pcm", 64), 24_000)
    pcm = np.full(2_400, 0.1, np.float32)

    def peak(voice: str, gain: float | None) -> float:
        line = PlannedSegment(0, Segment("a", 0, 1, 0), Utterance(0, "a", voice), last=False)
        audio = recorder.add(line, Take(0, pcm, gain=gain)).audio
        return float(np.frombuffer(audio, np.int16).max() / 32_767)

    assert peak("ann", None) == pytest.approx(0.1, abs=0.001)
    assert peak("ann", 1.5) == pytest.approx(0.1, abs=0.001)
    assert peak("bob", 0.5) == pytest.approx(0.1, abs=0.001)
    assert peak("ann", None) == pytest.approx(0.15, abs=0.001)
    assert peak("bob", None) == pytest.approx(0.05, abs=0.001)
