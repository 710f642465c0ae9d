"""The order in which speech is made, seen from the engine."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from encoder import Mp3Encoder, Pcm, PcmEncoder
from segmenter import Segment
from tests.kits.timing import SECOND, until
from tests.kits.workers import CountingEngine
from worker.cache import SpeechFile, StoredSpeech
from worker.engines import Fault, Take, Utterance
from worker.errors import InvalidInputError, ShuttingDownError
from worker.speech import Scheduler
from worker.speech.encoding import PlannedSegment, SpeechEncoder
from worker.speech.pool import LONG_CHARACTERS, LONG_THREADS, PLANNING_THREADS
from worker.speech.scheduler import ENCODING_THREADS
from worker.speech.speech import FinishedSpeech, LiveSpeech


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
    return speech_by(
        (
            PlannedSegment(
                0, Segment(text, 0, len(text), 0), Utterance(number, text), last=number == len(texts) - 1
            )
            for number, text in enumerate(texts)
        ),
        clock,
    )


def speech_by(
    plan: Iterable[PlannedSegment], clock: "Clock", encoder: Mp3Encoder | None = None
) -> LiveSpeech:
    def finish(_: LiveSpeech) -> FinishedSpeech:
        return FinishedSpeech(SpeechFile(StoredSpeech(b"", 0, (), {}), "mp3"), None)

    return LiveSpeech(iter(plan), SpeechEncoder(encoder or Mp3Encoder(), 24_000), finish, clock)


class HeldEncoder(Mp3Encoder):
    """Encodes when the test allows it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.allowed = threading.Event(), threading.Event()

    def push(self, pcm: Pcm) -> bytes:
        self.asked.set()
        assert self.allowed.wait(20)
        return super().push(pcm)


class Clock:
    """A clock that stands still until a test moves it."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def finish(engine: SteppedEngine, speeches: Sequence[LiveSpeech]) -> None:
    ended = threading.Event()
    for speech in speeches:
        speech.listen(lambda: ended.set() if all(s.ended for s in speeches) else None)
    engine.allowed.release(1_000)
    assert ended.wait(20)


def test_a_speech_that_has_delivered_nothing_goes_before_one_that_has() -> None:
    clock, engine = Clock(), SteppedEngine()
    scheduler = Scheduler(engine, clock=clock)
    first, second = speech_of(["aa", "ab", "ac"], clock), speech_of(["ba", "bb"], clock)
    delivered = threading.Event()
    first.listen(delivered.set)
    scheduler.speak(first)
    scheduler.start()
    engine.allowed.release()
    assert delivered.wait(20)
    until(lambda: len(engine.orders) == 2)
    scheduler.speak(second)
    until(lambda: all(scheduler._active[speech].ready for speech in (first, second)))
    finish(engine, [first, second])
    scheduler.close()
    later = [order for order in engine.orders if len(order) > 1]
    assert later[0][0] == "ba"


def test_the_engine_never_has_more_utterances_than_slots() -> None:
    clock, engine = Clock(), SteppedEngine(slots=2)
    scheduler = Scheduler(engine, clock=clock)
    speeches = [speech_of([f"{name}1", f"{name}2"], clock) for name in "abcde"]
    for speech in speeches:
        scheduler.speak(speech)
    scheduler.start()
    finish(engine, speeches)
    scheduler.close()
    assert max(len(order) for order in engine.orders) == 2


def test_the_first_segment_is_spoken_alone_and_the_rest_come_out_in_the_texts_order() -> None:
    clock, engine = Clock(), SteppedEngine(ahead=4)
    long_then_short = ["first", "x" * 50, "y", "zz", "w" * 9]
    speech = speech_of(long_then_short, clock)
    scheduler = Scheduler(engine, clock=clock)
    scheduler.speak(speech)
    scheduler.start()
    finish(engine, [speech])
    scheduler.close()
    sizes = [len(order) for order in engine.orders]
    assert (sizes[0], max(sizes)) == (1, 4)
    ends = [chunk.captions[0].char_end for chunk in speech.chunks]
    assert ends == [len(text) for text in long_then_short]


class PlannedText:
    """A speech's plan that the test controls: it counts what was planned, and may wait, fail or never end."""

    def __init__(self, segments: int = 10**9, *, opens: bool = True, fails_at: int | None = None) -> None:
        self.segments = segments
        self.planned = 0
        self.begun = threading.Event()
        self.open = threading.Event()
        self._fails_at = fails_at
        if opens:
            self.open.set()

    def __iter__(self) -> Iterator[PlannedSegment]:
        for number in range(self.segments):
            self.begun.set()
            assert self.open.wait(20)
            if number == self._fails_at:
                raise RuntimeError("the segmenter broke")
            self.planned += 1
            utterance = Utterance(number, f"n{number}")
            yield PlannedSegment(0, Segment("n", 0, 1, 0), utterance, last=number == self.segments - 1)


@contextmanager
def scheduled(engine: CountingEngine, clock: "Clock", **options: Any) -> Iterator[Scheduler]:
    scheduler = Scheduler(engine, clock=clock, **options)
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.close()


def test_a_text_that_takes_long_to_plan_holds_up_neither_the_lock_nor_another_speech() -> None:
    clock = Clock()
    plans = [PlannedText(1, opens=False) for _ in range(3)]
    with scheduled(CountingEngine(), clock) as scheduler:
        slow = [speech_by(plan, clock) for plan in plans]
        for speech in slow:
            scheduler.speak(speech)
        until(lambda: all(plan.begun.is_set() for plan in plans))
        other = speech_of(["aa", "ab"], clock)
        scheduler.speak(other)
        until(lambda: other.ended)
        assert scheduler.work["speeches"] == 3
        for plan in plans:
            plan.open.set()
        until(lambda: all(speech.ended for speech in slow))
    assert not any(speech.failed for speech in [other, *slow])


@pytest.mark.parametrize("ahead", [1, 3])
def test_only_the_first_segment_is_planned_before_it_is_made_and_then_as_many_as_are_needed(
    ahead: int,
) -> None:
    engine, clock, plan = SteppedEngine(ahead=ahead), Clock(), PlannedText()
    with scheduled(engine, clock) as scheduler:
        speech = speech_by(plan, clock)
        scheduler.speak(speech)
        until(lambda: engine.orders)
        assert plan.planned == 1
        engine.allowed.release(5)
        until(lambda: len(engine.orders) == 6)
        until(lambda: plan.planned == len(engine.admitted) + ahead)
        scheduler.stop(speech)
        engine.allowed.release()
        until(lambda: scheduler.work == {"speeches": 0, "utterances": 0, "begun": len(engine.admitted)})
        assert plan.planned <= len(engine.admitted) + ahead


def test_nothing_more_is_planned_while_the_first_segment_is_encoded() -> None:
    engine, clock, plan, encoder = CountingEngine(), Clock(), PlannedText(3), HeldEncoder()
    with scheduled(engine, clock) as scheduler:
        speech = speech_by(plan, clock, encoder)
        scheduler.speak(speech)
        assert encoder.asked.wait(20)
        other = speech_of(["aa", "ab"], clock)
        scheduler.speak(other)
        until(lambda: other.ended)  # so that the engine's thread has long gone on
        assert plan.planned == 1
        encoder.allowed.set()
        until(lambda: speech.ended)
    assert plan.planned == 3
    assert not speech.failed


def test_a_speech_that_is_stopped_while_it_is_planned_is_planned_no_further() -> None:
    clock, engine, plan = Clock(), SteppedEngine(ahead=3), PlannedText()
    with scheduled(engine, clock) as scheduler:
        speech = speech_by(plan, clock)
        scheduler.speak(speech)
        until(lambda: engine.orders)
        plan.open.clear()
        plan.begun.clear()
        engine.allowed.release()
        assert plan.begun.wait(20)
        scheduler.stop(speech)
        plan.open.set()
        other = speech_of(["aa", "ab"], clock)
        scheduler.speak(other)
        finish(engine, [other])
    assert plan.planned == 2
    assert [utterance.text for utterance in engine.admitted] == ["n0", "aa", "ab"]


@pytest.mark.parametrize("fails_at", [0, 2])
def test_a_text_that_breaks_the_segmenter_fails_its_own_speech_alone(fails_at: int) -> None:
    clock, engine = Clock(), CountingEngine()
    with scheduled(engine, clock) as scheduler:
        broken, other = speech_by(PlannedText(5, fails_at=fails_at), clock), speech_of(["aa", "ab"], clock)
        for speech in (broken, other):
            scheduler.speak(speech)
        until(lambda: broken.ended and other.ended)
        assert not other.failed
        with pytest.raises(InvalidInputError, match="text could not be cut"):
            broken.read(0)
        until(lambda: not scheduler.work["utterances"])


@pytest.mark.timing
def test_a_plan_that_does_not_return_fails_its_own_speech_and_the_last_thread_ends_the_worker() -> None:
    clock, died = Clock(), threading.Event()
    plans = [PlannedText(opens=False) for _ in range(PLANNING_THREADS)]
    speeches = [speech_by(plan, clock) for plan in plans]
    with scheduled(CountingEngine(), clock, on_death=died.set, hung_seconds=0.2) as scheduler:
        for speech in speeches[1:]:
            scheduler.speak(speech)
        until(lambda: all(plan.begun.is_set() for plan in plans[1:]))
        clock.now += 61
        until(lambda: all(speech.failed for speech in speeches[1:]))
        other = speech_of(["aa"], clock)
        scheduler.speak(other)
        until(lambda: other.ended)
        assert not other.failed
        assert not died.is_set()
        scheduler.speak(speeches[0])
        until(plans[0].begun.is_set)
        clock.now += 61
        assert died.wait(20)
        for plan in plans:
            plan.open.set()


@pytest.mark.timing
def test_a_text_that_waits_for_a_thread_is_not_overdue_and_a_thread_that_comes_back_is_not_lost() -> None:
    clock, died = Clock(), threading.Event()
    plans = [PlannedText(1, opens=False) for _ in range(PLANNING_THREADS + 2)]
    *first, waiting, later = (speech_by(plan, clock) for plan in plans)
    with scheduled(CountingEngine(), clock, on_death=died.set, hung_seconds=0.2) as scheduler:
        for speech in first:
            scheduler.speak(speech)
        until(lambda: all(plan.begun.is_set() for plan in plans[:PLANNING_THREADS]))
        scheduler.speak(waiting)
        clock.now += 0.15
        plans[0].open.set()
        until(plans[-2].begun.is_set)
        clock.now += 0.15
        until(lambda: all(speech.failed for speech in first[1:]))
        for plan in plans[:-1]:
            plan.open.set()
        until(lambda: first[0].ended and waiting.ended)
        assert not first[0].failed
        assert not waiting.failed
        scheduler.speak(later)
        until(plans[-1].begun.is_set)
        clock.now += 1
        until(lambda: later.failed)
        time.sleep(0.2 * SECOND)  # the watchdog looks four times in that
        assert not died.is_set()
        plans[-1].open.set()


class WatchedEngine(CountingEngine):
    """Asks, in each call, whether another thread gets the scheduler's lock."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler: Scheduler | None = None

    def admit(self, utterance: Utterance) -> None:
        self.ask()
        super().admit(utterance)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        self.ask()
        return super().advance(order)

    def drop(self, utterance: int) -> None:
        self.ask()
        super().drop(utterance)

    def ask(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            assert self.scheduler is not None
            pool.submit(lambda: self.scheduler and self.scheduler.work).result(20)


def test_the_lock_is_free_while_the_engine_is_called() -> None:
    clock, engine = Clock(), WatchedEngine()
    with scheduled(engine, clock) as engine.scheduler:
        stopped, other = speech_of(["ba"] * 10**4, clock), speech_of(["aa", "ab"], clock)
        engine.scheduler.speak(stopped)
        until(lambda: stopped.chunks)
        engine.scheduler.stop(stopped)
        engine.scheduler.speak(other)
        until(lambda: other.ended)
        until(lambda: not engine.scheduler.work["speeches"])  # type: ignore[union-attr]
    assert not other.failed


def test_every_thread_runs_before_the_first_speech_asks_for_one_under_the_lock() -> None:
    scheduler, before = Scheduler(SteppedEngine(), clock=Clock()), set(threading.enumerate())
    scheduler.start()
    begun = [each.name.split("_")[0] for each in threading.enumerate() if each not in before]
    scheduler.close()
    expected = {"plan": PLANNING_THREADS, "planlong": LONG_THREADS, "encode": ENCODING_THREADS}
    assert {name: begun.count(name) for name in expected} == expected


def test_a_short_text_is_planned_while_all_threads_for_long_ones_are_taken() -> None:
    clock = Clock()
    plans = [PlannedText(1, opens=False) for _ in range(12)]
    long = [speech_by(plan, clock) for plan in plans]
    with scheduled(CountingEngine(), clock) as scheduler:
        for speech in long:
            speech.length = lambda: LONG_CHARACTERS + 1
            scheduler.speak(speech)
        until(lambda: sum(plan.begun.is_set() for plan in plans) == LONG_THREADS)
        short = speech_of(["Hello."], clock)
        scheduler.speak(short)
        until(lambda: short.ended)
        assert not short.failed
        for plan in plans:
            plan.open.set()
        until(lambda: all(speech.ended for speech in long))


def test_the_end_does_not_wait_for_a_text_that_is_planned_for_ever() -> None:
    clock, begun, free = Clock(), threading.Event(), threading.Event()

    def for_ever() -> Iterator[PlannedSegment]:
        begun.set()
        assert free.wait(60)
        yield from ()

    scheduler = Scheduler(SteppedEngine(), clock=clock)
    scheduler.start()
    speech = speech_by(for_ever(), clock)
    scheduler.speak(speech)
    assert begun.wait(20)
    scheduler.close()
    assert speech.failed
    assert not free.is_set()
    free.set()


class IdleEngine(SteppedEngine):
    """Has two pieces of work for idle times, and records after how many steps it did each."""

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


def test_an_engine_prepares_for_later_while_it_has_no_utterance() -> None:
    engine, clock = IdleEngine(), Clock()
    scheduler = Scheduler(engine, clock=clock)
    speech = speech_of(["One.", "Two."], clock)
    scheduler.speak(speech)
    scheduler.start()
    finish(engine, [speech])
    assert engine.rested.wait(10)
    scheduler.close()
    assert engine.pieces == [len(engine.orders)] * 2  # after the last step


@pytest.mark.timing
def test_an_engine_whose_step_does_not_return_is_declared_dead() -> None:
    engine, died, clock = SteppedEngine(), threading.Event(), Clock()
    scheduler = Scheduler(engine, clock=clock, on_death=died.set, hung_seconds=0.2)
    speech = speech_of(["never"], clock)
    scheduler.speak(speech)
    scheduler.start()
    ended = threading.Event()
    speech.listen(ended.set)
    while not engine.orders:
        threading.Event().wait(0.01)
    clock.now += 61
    assert died.wait(20)
    assert ended.wait(20)
    assert speech.failed
    engine.allowed.release()
    scheduler.close()


def test_a_call_runs_on_the_engines_thread_between_two_steps() -> None:
    clock, engine = Clock(), SteppedEngine()
    scheduler = Scheduler(engine, clock=clock)
    speech = speech_of(["aa", "ab"], clock)
    scheduler.speak(speech)
    scheduler.start()
    while not engine.orders:
        threading.Event().wait(0.01)
    called = scheduler.call(lambda: (threading.current_thread().name, len(engine.orders)))
    assert not called.done()
    finish(engine, [speech])
    assert called.result(20) == ("engine", 1)
    scheduler.close()


def test_what_a_call_raises_reaches_its_caller_alone() -> None:
    clock, engine = Clock(), SteppedEngine()
    scheduler = Scheduler(engine, clock=clock)
    scheduler.start()
    failed = scheduler.call(lambda: 1 // 0)
    assert isinstance(failed.exception(20), ZeroDivisionError)
    speech = speech_of(["aa"], clock)
    scheduler.speak(speech)
    finish(engine, [speech])
    assert not speech.failed
    scheduler.close()
    assert isinstance(scheduler.call(lambda: 1).exception(20), ShuttingDownError)


def test_a_take_too_short_to_measure_gets_the_gain_of_its_voices_take_before() -> None:
    encoder = SpeechEncoder(PcmEncoder(), 24_000)
    pcm = np.full(2_400, 0.1, np.float32)

    def peak(voice: str, gain: float | None) -> float:
        planned = PlannedSegment(0, Segment("a", 0, 1, 0), Utterance(0, "a", voice), last=False)
        audio = encoder.add(planned, Take(0, pcm, gain=gain)).audio
        return float(np.frombuffer(audio, np.int16).max() / 32_767)

    assert peak("ann", None) == pytest.approx(0.1, abs=0.001)
    assert peak("ann", 1.5) == pytest.approx(0.1, abs=0.001)
    assert peak("bob", 0.5) == pytest.approx(0.1, abs=0.001)
    assert peak("ann", None) == pytest.approx(0.15, abs=0.001)
    assert peak("bob", None) == pytest.approx(0.05, abs=0.001)
