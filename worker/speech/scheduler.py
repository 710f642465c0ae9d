"""The thread that owns the engine, and the order in which speech is made.

The speech whose listener runs dry first goes first; one that has delivered nothing comes before
all. Encoding runs in a small pool, so that the engine waits for nobody.
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
ENCODERS = 2
Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class ActiveSpeech:
    """A speech in the making: which of its lines are inside, and what waits to be encoded."""

    speech: LiveSpeech
    arrived: int
    inside: dict[int, PlannedSegment] = field(default_factory=dict)  # engine's id -> line
    exhausted: bool = False
    next_line: int = 0  # number of the line to encode next
    waiting: dict[int, tuple[PlannedSegment, Take]] = field(default_factory=dict)
    encode: deque[tuple[PlannedSegment, Take]] = field(default_factory=deque)
    encoding: bool = False

    def urgency(self) -> tuple[float, int]:
        """Return the key of order: when the listener runs dry, then who came first."""
        return self.speech.dry_at(), self.arrived


class Scheduler:
    """Speaks with one engine in a thread of its own; `speak` and `stop` are for any thread."""

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
        self._jobs: dict[LiveSpeech, ActiveSpeech] = {}
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
        """Start the threads, once; before that nothing runs (the SDK forks before its loop)."""
        if self._pool is not None:
            return
        self._pool = ThreadPoolExecutor(ENCODERS, "encode")
        threading.Thread(target=self._run, name="synthesis", daemon=True).start()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def speak(self, speech: LiveSpeech) -> None:
        """Begin to speak; what comes of it appears in the speech.

        Raises:
            ShuttingDown: The engine is dead or was closed.
        """
        with self._changed:
            if self._dead:
                raise ShuttingDownError("this worker takes no more speech, another will: send the job again")
            self._jobs[speech] = ActiveSpeech(speech, next(self._arrivals))
            self._changed.notify_all()

    def stop(self, speech: LiveSpeech) -> None:
        """Drop what is inside of a speech; the engine has forgotten it before its next step."""
        with self._changed:
            self._forget(speech)
            self._changed.notify_all()

    def call(self, function: Callable[[], Result]) -> "Future[Result]":
        """Call `function` on the engine's thread, between two steps; return its result's future.

        For what must not run beside a step, such as learning a voice. What it raises is its
        caller's trouble, not the engine's death.
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
        """End the threads; what is unfinished fails."""
        self._die(ShuttingDownError("the worker is shutting down: send the job again"), fatal=False)
        if self._pool is not None:
            self._pool.shutdown()

    @property
    def inside(self) -> int:
        """How many utterances are inside the engine."""
        return len(self._by_id)

    @property
    def work(self) -> dict[str, int]:
        """What is being made, and how many utterances have been begun since the start."""
        with self._changed:
            return {"speeches": len(self._jobs), "utterances": len(self._by_id), "begun": self._begun}

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except Exception as error:  # whatever an engine raises, it is its death
            log.exception("the engine died")
            self._die(EngineFailedError(f"the engine stopped: {type(error).__name__}"), fatal=True)

    def _step(self) -> bool:
        """Wait for work, advance the engine once, pass on what came; False at the end."""
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
            self._make(function, future)
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
        return bool(self._dead or self._dropped or self._jobs or self._calls)

    def _rest(self) -> None:
        """While nobody waits, let the engine prepare for later, a bounded piece at a time."""
        engine, more = self.engine, True
        while more and isinstance(engine, RestingEngine) and not self._has_work():
            self._stepping_since = self._clock()
            more = engine.rest()
            self._stepping_since = None

    def _make(self, function: Callable[[], Any], future: "Future[Any]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        self._stepping_since = self._clock() + (CALL_STEPS - 1) * self._hung_seconds
        try:
            future.set_result(function())
        except Exception as error:  # noqa: BLE001 - the caller gets it, whatever it is
            future.set_exception(error)
        finally:
            self._stepping_since = None

    def _order(self) -> list[int]:
        jobs = sorted(self._jobs.values(), key=ActiveSpeech.urgency)
        return [utterance for job in jobs for utterance in sorted(job.inside)]

    def _admit(self) -> None:
        """Fill the engine's slots, the most urgent speech first, one line of each before a second.

        Until its first line is out, a speech has no second one inside: the first comes sooner so.
        """
        jobs = sorted(self._jobs.values(), key=ActiveSpeech.urgency)
        for depth in range(1, self.engine.ahead + 1):
            for job in jobs:
                if len(self._by_id) >= self.engine.slots:
                    return
                beyond = depth > 1 and job.next_line == 0
                if len(job.inside) < depth and not beyond and not job.exhausted:
                    self._admit_next(job)

    def _admit_next(self, job: ActiveSpeech) -> None:
        try:
            line = next(job.speech.lines, None)
        except Exception:  # a text that breaks the segmenter is one job's trouble, not the engine's
            log.exception("planning failed")
            line = None
        if line is None:
            self._forget(job.speech)
            job.speech.fail(InvalidInputError("text could not be cut into segments to speak"))
            return
        job.exhausted = line.last
        utterance = replace(line.utterance, id=next(self._ids), opens=job.next_line == 0)
        if job.speech.admitted_at is None:
            job.speech.admitted_at = self._clock()
        job.inside[utterance.id] = line
        self._by_id[utterance.id] = job
        self._begun += 1
        self.engine.admit(utterance)

    def _accept(self, result: Take | Fault) -> None:
        """Put a block in its place, or fail the speech of a fault; dropped ones are ignored."""
        job = self._by_id.pop(result.utterance, None)
        if job is None:
            return
        line = job.inside.pop(result.utterance)
        if isinstance(result, Fault):
            error = result.error
            known = error if isinstance(error, SpeechError) else EngineFailedError(type(error).__name__)
            self._forget(job.speech)
            job.speech.fail(known)
            return
        job.waiting[line.utterance.id] = (line, result)
        while job.next_line in job.waiting:
            job.encode.append(job.waiting.pop(job.next_line))
            job.next_line += 1
        self._encode(job)
        if job.exhausted and not job.inside:
            self._jobs.pop(job.speech, None)

    def _encode(self, job: ActiveSpeech) -> None:
        if job.encode and not job.encoding and self._pool is not None:
            job.encoding = True
            self._pool.submit(self._drain, job)

    def _drain(self, job: ActiveSpeech) -> None:
        """Encode what waits, in order; at most one thread of the pool does so for a job."""
        while True:
            with self._changed:
                if not job.encode:
                    job.encoding = False
                    return
                line, block = job.encode.popleft()
            try:
                job.speech.take(line, block)
            except Exception as error:  # the encoder refuses NaN and the like: the engine's fault
                log.exception("encoding failed")
                job.speech.fail(
                    EngineFailedError(f"the engine made audio that is none: {type(error).__name__}")
                )
            if job.speech.ended:
                self.stop(job.speech)

    def _forget(self, speech: LiveSpeech) -> None:
        job = self._jobs.pop(speech, None)
        if job is None:
            return
        for utterance in job.inside:
            self._by_id.pop(utterance, None)
            self._dropped.append(utterance)
        job.inside.clear()
        job.encode.clear()
        job.exhausted = True

    def _watch(self) -> None:
        """End the process when one step of the engine does not return."""
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
            speeches = list(self._jobs)
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
