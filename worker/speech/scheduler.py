"""The thread that owns the engine, and the order in which speeches are made.

The speech whose listener runs out of audio first goes first; one that has delivered nothing yet goes
before all others. Encoding runs in a small pool of threads, so that the engine never waits for it.
"""

import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from worker.engines import Engine, Fault, RestingEngine, Take
from worker.errors import EngineFailedError, InvalidInputError, ShuttingDownError, SpeechError
from worker.speech.encoding import PlannedSegment
from worker.speech.speech import LiveSpeech

__all__ = ["HUNG_SECONDS", "Scheduler"]

log = logging.getLogger("worker")
HUNG_SECONDS = 60.0  # one step of the engine may take no longer
CALL_STEPS = 5  # a call may take as long as this many steps: it may import and load models
ENCODING_THREADS = 2
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class ActiveSpeech:
    """A speech that is being made: the utterances that the engine has, and the takes that wait."""

    speech: LiveSpeech
    arrived: int  # its place in the order of arrival
    in_engine: dict[int, PlannedSegment] = field(default_factory=dict)  # by the engine's id
    exhausted: bool = False  # whether its last segment has been admitted
    next_number: int = 0  # of the segment to encode next
    finished: dict[int, tuple[PlannedSegment, Take]] = field(default_factory=dict)  # by number
    to_encode: deque[tuple[PlannedSegment, Take]] = field(default_factory=deque)
    encoding: bool = False  # whether a thread of the pool is at it

    def urgency(self) -> tuple[float, int]:
        """Return the key to sort by, the most urgent first: when the listener runs dry, then the arrival."""
        return self.speech.dry_at(), self.arrived


class Scheduler:
    """Drives one engine on a thread of its own; every method may be called from any thread.

    Args:
        engine: The engine; nothing else may call it while the scheduler runs.
        clock: A monotonic clock, in seconds.
        on_death: Called once after the engine has died or hangs, from the thread that noticed.
        hung_seconds: How long one step of the engine may take.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_death: Callable[[], None] = lambda: None,
        hung_seconds: float = HUNG_SECONDS,
    ) -> None:
        self.engine = engine
        self._clock = clock
        self._on_death = on_death
        self._hung_seconds = hung_seconds
        self._changed = threading.Condition()
        self._active: dict[LiveSpeech, ActiveSpeech] = {}
        self._by_id: dict[int, ActiveSpeech] = {}
        self._dropped: list[int] = []
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._ids = itertools.count()
        self._begun = 0
        self._arrivals = itertools.count()
        self._pool: ThreadPoolExecutor | None = None
        self._dead = False
        self._stepping_since: float | None = None

    def start(self) -> None:
        """Start the threads, once; nothing runs before that, because the SDK forks before its loop."""
        if self._pool is not None:
            return
        self._pool = ThreadPoolExecutor(ENCODING_THREADS, "encode")
        threading.Thread(target=self._run, name="engine", daemon=True).start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def speak(self, speech: LiveSpeech) -> None:
        """Begin to make a speech; its chunks, or its error, appear in it.

        Raises:
            ShuttingDownError: The engine is dead, or the scheduler is closed.
        """
        with self._changed:
            if self._dead:
                raise ShuttingDownError(
                    "this worker takes no more speech, another one will: send the job again"
                )
            self._active[speech] = ActiveSpeech(speech, next(self._arrivals))
            self._changed.notify_all()

    def stop(self, speech: LiveSpeech) -> None:
        """Stop making a speech; the engine drops its utterances before its next step."""
        with self._changed:
            self._forget(speech)
            self._changed.notify_all()

    def call(self, function: Callable[[], Result]) -> "Future[Result]":
        """Call `function` on the engine's thread, between two steps; return the future of its result.

        This is for work that must not run during a step, such as learning a voice. The future gets
        what `function` raises; the engine goes on.
        """
        future: Future[Result] = Future()
        with self._changed:
            if self._dead:
                future.set_exception(ShuttingDownError("the worker is shutting down: send the job again"))
            else:
                self._calls.append((function, future))
                self._changed.notify_all()
        return future

    def close(self) -> None:
        """End the threads; speeches and calls that are not finished fail."""
        self._die(ShuttingDownError("the worker is shutting down: send the job again"), fatal=False)
        if self._pool is not None:
            self._pool.shutdown()

    @property
    def work(self) -> dict[str, int]:
        """How many speeches and utterances are being made, and how many utterances were ever begun."""
        with self._changed:
            return {"speeches": len(self._active), "utterances": len(self._by_id), "begun": self._begun}

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except Exception as error:  # whatever an engine raises, it cannot go on
            log.exception("the engine died")
            self._die(EngineFailedError(f"the engine stopped: {type(error).__name__}"), fatal=True)

    def _step(self) -> bool:
        """Wait for work, advance the engine once and pass on its takes; return False at the end."""
        self._rest()
        with self._changed:
            self._changed.wait_for(self._has_work)
            if self._dead:
                return False
            for utterance in self._dropped:
                self.engine.drop(utterance)
            self._dropped.clear()
            calls = list(self._calls)
            self._calls.clear()
        for function, future in calls:
            self._run_call(function, future)
        with self._changed:
            self._admit()
            order = self._order()
            if not order:
                self._changed.wait(timeout=0.05)
                return True
            self._stepping_since = self._clock()
        results = self.engine.advance(order)
        self._stepping_since = None
        with self._changed:
            for result in results:
                self._accept(result)
        return True

    def _has_work(self) -> bool:
        return bool(self._dead or self._dropped or self._active or self._calls)

    def _rest(self) -> None:
        """While there is no work, let the engine prepare for later work, one bounded piece at a time."""
        engine, more = self.engine, True
        while more and isinstance(engine, RestingEngine) and not self._has_work():
            self._stepping_since = self._clock()
            more = engine.rest()
            self._stepping_since = None

    def _run_call(self, function: Callable[[], Any], future: "Future[Any]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        self._stepping_since = self._clock() + (CALL_STEPS - 1) * self._hung_seconds
        try:
            future.set_result(function())
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
            future.set_exception(error)
        finally:
            self._stepping_since = None

    def _order(self) -> list[int]:
        speeches = sorted(self._active.values(), key=ActiveSpeech.urgency)
        return [utterance for active in speeches for utterance in sorted(active.in_engine)]

    def _admit(self) -> None:
        """Fill the engine's slots: the most urgent speech first, one segment of each before a second one.

        A speech gets no second slot until its first segment is encoded: that one is ready sooner alone.
        """
        speeches = sorted(self._active.values(), key=ActiveSpeech.urgency)
        for depth in range(1, self.engine.ahead + 1):
            for active in speeches:
                if len(self._by_id) >= self.engine.slots:
                    return
                opening = depth > 1 and active.next_number == 0
                if len(active.in_engine) < depth and not opening and not active.exhausted:
                    self._admit_next(active)

    def _admit_next(self, active: ActiveSpeech) -> None:
        try:
            planned = next(active.speech.planned_segments, None)
        except Exception:  # a text that breaks the segmenter fails its own job alone
            log.exception("planning failed")
            planned = None
        if planned is None:
            self._forget(active.speech)
            active.speech.fail(
                InvalidInputError("text has nothing to speak: expected at least one letter or digit")
            )
            return
        active.exhausted = planned.last
        utterance = replace(planned.utterance, id=next(self._ids), opens=active.next_number == 0)
        if active.speech.admitted_at is None:
            active.speech.admitted_at = self._clock()
        active.in_engine[utterance.id] = planned
        self._by_id[utterance.id] = active
        self._begun += 1
        self.engine.admit(utterance)

    def _accept(self, result: Take | Fault) -> None:
        """Queue a take for encoding, in the segments' order, or fail its speech; ignore what was dropped."""
        active = self._by_id.pop(result.utterance, None)
        if active is None:
            return
        planned = active.in_engine.pop(result.utterance)
        if isinstance(result, Fault):
            error = result.error
            known = error if isinstance(error, SpeechError) else EngineFailedError(type(error).__name__)
            self._forget(active.speech)
            active.speech.fail(known)
            return
        active.finished[planned.utterance.id] = (planned, result)
        while active.next_number in active.finished:
            active.to_encode.append(active.finished.pop(active.next_number))
            active.next_number += 1
        self._start_encoding(active)
        if active.exhausted and not active.in_engine:
            self._active.pop(active.speech, None)

    def _start_encoding(self, active: ActiveSpeech) -> None:
        if active.to_encode and not active.encoding and self._pool is not None:
            active.encoding = True
            self._pool.submit(self._encode_waiting, active)

    def _encode_waiting(self, active: ActiveSpeech) -> None:
        """Encode the takes that wait, in order; at most one thread of the pool does so for a speech."""
        while True:
            with self._changed:
                if not active.to_encode:
                    active.encoding = False
                    return
                planned, take = active.to_encode.popleft()
            try:
                active.speech.encode(planned, take)
            except Exception as error:  # the encoder refuses NaN and the like
                log.exception("encoding failed")
                active.speech.fail(
                    EngineFailedError(f"the engine made audio that cannot be encoded: {type(error).__name__}")
                )
            if active.speech.ended:
                self.stop(active.speech)

    def _forget(self, speech: LiveSpeech) -> None:
        active = self._active.pop(speech, None)
        if active is None:
            return
        for utterance in active.in_engine:
            self._by_id.pop(utterance, None)
            self._dropped.append(utterance)
        active.in_engine.clear()
        active.to_encode.clear()
        active.exhausted = True

    def _watch(self) -> None:
        """Declare the engine dead if one of its steps does not return in time."""
        while not self._dead:
            time.sleep(min(1.0, self._hung_seconds / 4))
            since = self._stepping_since
            if since is not None and self._clock() - since > self._hung_seconds:
                log.error("the engine did not return from a step within %.0f s", self._hung_seconds)
                self._die(EngineFailedError("the engine hangs"), fatal=True)

    def _die(self, error: SpeechError, *, fatal: bool) -> None:
        with self._changed:
            if self._dead:
                return
            self._dead = True
            speeches = list(self._active)
            calls = list(self._calls)
            self._calls.clear()
            self._changed.notify_all()
        for _, future in calls:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)
        for speech in speeches:
            speech.fail(error)
        if fatal:
            with contextlib.suppress(Exception):
                self._on_death()
