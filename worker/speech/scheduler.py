"""The thread that owns the engine, and the order in which speeches are made.

The speech whose listener runs out of audio first goes first; one that has delivered nothing yet goes
before all others. Planning and encoding run in pools of threads, so that the engine waits for neither, and
the lock guards the queue alone: no text is cut, no engine called and nothing encoded while it is held.
"""

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from worker.engines import Engine, Fault, RestingEngine, Take
from worker.errors import EngineFailedError, InvalidInputError, ShuttingDownError, SpeechError
from worker.speech.active import UNPLANNABLE, ActiveSpeech, ToEncode
from worker.speech.calls import EngineCall, EngineCalls
from worker.speech.encoding import SpeechEnd, Waiting
from worker.speech.pool import LONG_CHARACTERS, LONG_THREADS, PLANNING_THREADS, Planners, started_pool
from worker.speech.slots import EngineSlots
from worker.speech.speech import LiveSpeech
from worker.threads import DaemonThreads

__all__ = ["HUNG_SECONDS", "Scheduler"]

log = logging.getLogger("worker")
HUNG_SECONDS = 60.0  # one step of the engine may take no longer
CALL_STEPS = 5  # a call may take as long as this many steps: it may import and load models
ENCODING_THREADS = 2
ENCODED_SECONDS = 5.0  # that the end waits for what is being encoded
Result = TypeVar("Result")


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
        self._slots = EngineSlots(engine, clock)
        self._calls = EngineCalls()
        self._arrivals = itertools.count()
        self._encoders: DaemonThreads | None = None
        self._planners: Planners | None = None
        self._planning: dict[ActiveSpeech, float] = {}  # since when a thread plans a segment of it
        self._dead = False
        self._stepping_since: float | None = None

    def start(self) -> None:
        """Start the threads, once; nothing runs before that, because the SDK forks before its loop."""
        if self._encoders is not None:
            return
        with self._changed:
            self._encoders = started_pool(ENCODING_THREADS, "encode")
            self._planners = Planners()
            for active in self._active.values():
                self._start_planning(active)
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
            active = self._active[speech] = ActiveSpeech(speech, next(self._arrivals))
            self._start_planning(active)

    def stop(self, speech: LiveSpeech) -> None:
        """Stop making a speech; the engine drops its utterances before its next step."""
        with self._changed:
            self._forget(speech)
            self._changed.notify_all()

    def withdraw(self, speech: LiveSpeech) -> bool:
        """Stop a speech of which nothing has been in the engine yet; return whether that was so."""
        with self._changed:
            if speech.admitted_at is not None or speech not in self._active:
                return False
            self._forget(speech)
            return True

    def resume(self, speech: LiveSpeech) -> None:
        """Go on with a speech: more of its text has come, or more of it was read."""
        with self._changed:
            active = self._active.get(speech)
            if active is not None:
                active.waits_for_text = False
                self._start_planning(active)
                self._changed.notify_all()

    def wait(self) -> float:
        """Return in how many seconds about a speech more could begin with a slot of its own."""
        with self._changed:
            return self._slots.wait(self._active.values())

    def call(self, function: Callable[[], Result]) -> "Future[Result]":
        """Call `function` on the engine's thread, between two steps; return the future of its result.

        This is for work that must not run during a step, such as learning a voice. The future gets
        what `function` raises; the engine goes on.
        """
        with self._changed:
            future = self._calls.add(function)
            if self._dead:
                self._fail_calls(ShuttingDownError("the worker is shutting down: send the job again"))
            self._changed.notify_all()
        return future

    def close(self) -> None:
        """End the threads, but one that plans a text for ever; what is not finished fails."""
        self._die(ShuttingDownError("the worker is shutting down: send the job again"), fatal=False)
        if self._planners is not None and self._encoders is not None:
            self._planners.close()
            self._encoders.close(ENCODED_SECONDS)

    @property
    def work(self) -> dict[str, int]:
        """How many speeches and utterances are being made, and how many utterances were ever begun."""
        with self._changed:
            return {"speeches": len(self._active), "utterances": len(self._slots), "begun": self._slots.begun}

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
            dropped = self._slots.take_dropped()
        for utterance in dropped:
            self.engine.drop(utterance)
        while (call := self._next_call()) is not None:
            self._run_call(call)
        with self._changed:
            admitted = self._slots.admit(self._active.values())
            for active, _ in admitted:
                self._start_planning(active)
            order = self._slots.order(self._active.values())
            if not order:
                if not self._slots.dropped and not self._calls:
                    self._changed.wait(timeout=0.05)
                return True
            self._stepping_since = self._clock()
        for _, entering in admitted:
            self.engine.admit(entering)
        results = self.engine.advance(order)
        self._stepping_since = None
        with self._changed:
            for result in results:
                self._accept(result)
        return True

    def _has_work(self) -> bool:
        active = self._active.values()
        return bool(self._dead or self._slots.dropped or self._calls) or any(each.is_busy for each in active)

    def _rest(self) -> None:
        """While there is no work, let the engine prepare for later work, one bounded piece at a time."""
        engine, more = self.engine, True
        while more and isinstance(engine, RestingEngine) and self._is_idle():
            self._stepping_since = self._clock()
            more = engine.rest()
            self._stepping_since = None

    def _is_idle(self) -> bool:
        """Whether nothing is to be spoken, nor being planned."""
        with self._changed:
            return not self._has_work() and all(each.waits_for_text for each in self._active.values())

    def _next_call(self) -> EngineCall | None:
        with self._changed:
            return self._calls.take()

    def _run_call(self, call: EngineCall) -> None:
        if call.start():
            self._stepping_since = self._clock() + (CALL_STEPS - 1) * self._hung_seconds
            call.run()
            self._stepping_since = None

    def _fail_calls(self, error: SpeechError) -> None:
        while (call := self._calls.take()) is not None:
            call.fail(error)

    def _start_planning(self, active: ActiveSpeech) -> None:
        """Have a thread of the pool plan a speech, unless one does or will; the lock is held."""
        if self._planners is None or self._dead or active.planning:
            return
        if active.wants_plan(self.engine.ahead):
            active.planning = True
            self._planners.submit(active.speech.length(), self._plan, active)

    def _plan(self, active: ActiveSpeech) -> None:
        """Plan a speech until enough of it waits; at most one thread of the pool does so for a speech."""
        while active.planning:
            with self._changed:
                if self._active.get(active.speech) is not active:
                    return
                self._planning[active] = self._clock()
            planned = active.next_planned()
            with self._changed:
                del self._planning[active]
                if self._active.get(active.speech) is not active:
                    return  # stopped meanwhile
                if isinstance(planned, InvalidInputError):
                    self._fail(active, planned)
                    return
                if planned is Waiting.TEXT:
                    active.waits_for_text = not active.speech.has_new_text()
                elif isinstance(planned, SpeechEnd):
                    active.end(planned)
                    self._encode(active)
                else:
                    active.ready.append(planned)
                    active.planned = planned.last
                active.planning = active.wants_plan(self.engine.ahead)
                self._changed.notify_all()

    def _accept(self, result: Take | Fault) -> None:
        """Pass a take on to be encoded, or fail its speech; ignore what was dropped."""
        active = self._slots.leave(result.utterance)
        if active is None:
            return
        if isinstance(result, Fault):
            error = result.error
            known = error if isinstance(error, SpeechError) else EngineFailedError(type(error).__name__)
            del active.in_engine[result.utterance]
            self._fail(active, known)
            return
        active.accept(result.utterance, result)
        self._encode(active)
        if not active.exhausted:
            self._start_planning(active)

    def _encode(self, active: ActiveSpeech) -> None:
        """Have a thread of the pool encode what waits, unless one does; forget a speech that is all made."""
        if active.to_encode and not active.encoding and self._encoders is not None and not self._dead:
            active.encoding = True
            self._encoders.submit(self._encode_waiting, active)
        if active.exhausted:
            self._active.pop(active.speech, None)

    def _fail(self, active: ActiveSpeech, error: SpeechError) -> None:
        self._forget(active.speech)
        active.speech.fail(error)

    def _encode_waiting(self, active: ActiveSpeech) -> None:
        """Encode the takes that wait, in order; at most one thread of the pool does so for a speech."""
        while (waiting := self._next_take(active)) is not None:
            try:
                active.speech.encode(*waiting)
            except Exception as error:  # the encoder refuses NaN and the like
                log.exception("encoding failed")
                active.speech.fail(
                    EngineFailedError(f"the engine made audio that cannot be encoded: {type(error).__name__}")
                )
            if active.speech.ended:
                self.stop(active.speech)

    def _next_take(self, active: ActiveSpeech) -> ToEncode | None:
        with self._changed:
            active.encoding = bool(active.to_encode)
            if self._active.get(active.speech) is active:
                self._start_planning(active)
            return active.to_encode.popleft() if active.to_encode else None

    def _forget(self, speech: LiveSpeech) -> None:
        active = self._active.pop(speech, None)
        if active is not None:
            self._slots.drop(active.clear())

    def _watch(self) -> None:
        """Declare the engine dead if a step does not return in time; fail what is planned for too long."""
        while not self._dead:
            time.sleep(min(1.0, self._hung_seconds / 4))
            since = self._stepping_since
            if since is not None and self._clock() - since > self._hung_seconds:
                log.error("the engine did not return from a step within %.0f s", self._hung_seconds)
                self._die(EngineFailedError("the engine hangs"), fatal=True)
            self._fail_overdue_plans()

    def _fail_overdue_plans(self) -> None:
        """Fail each speech that is planned for too long; die if all threads of a kind are at such ones."""
        with self._changed:
            now = self._clock()
            overdue = [active for active, since in self._planning.items() if now - since > self._hung_seconds]
            for active in overdue:
                if self._active.get(active.speech) is active:
                    log.error("a text was not planned within %.0f s", self._hung_seconds)
                    self._fail(active, InvalidInputError(UNPLANNABLE))
        long = sum(active.speech.length() > LONG_CHARACTERS for active in overdue)
        if long >= LONG_THREADS or len(overdue) - long >= PLANNING_THREADS:
            self._die(EngineFailedError("no text can be planned"), fatal=True)

    def _die(self, error: SpeechError, *, fatal: bool) -> None:
        with self._changed:
            if self._dead:
                return
            self._dead = True
            speeches = list(self._active)
            self._fail_calls(error)
            self._changed.notify_all()
        for speech in speeches:
            speech.fail(error)
        if fatal:
            with contextlib.suppress(Exception):
                self._on_death()
