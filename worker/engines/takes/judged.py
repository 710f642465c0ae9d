"""An engine around another: each take is trimmed, judged, spoken again if it failed, and finished.

A take is finished (speed, loudness, fades, then the watermark) before any of it is delivered.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from worker.engines import (
    CloningEngine,
    Engine,
    Fault,
    Pcm,
    ReportingEngine,
    RestingEngine,
    Take,
    Utterance,
)
from worker.engines.takes.finish import finish
from worker.engines.takes.judge import Reading, Verdict, best, verdict
from worker.engines.takes.trim import speech_span
from worker.errors import EngineFailedError, StartError

__all__ = ["JudgedEngine", "cloner"]

log = logging.getLogger("worker")
MOST_TAKES = 3
# Seconds after the speech: more than the 0.12 s that Turbo always adds, and than most pauses.
ENDED_BY_SILENCE = 0.4
SAMPLE_RATE = 24_000  # Hz; all that comes after an engine is made for it


@dataclass(slots=True)
class UtteranceTakes:
    """An utterance inside, and the takes of it so far with what is wrong with each."""

    utterance: Utterance
    takes: list[Take] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


class JudgedEngine:
    """Speaks as `engine` does, always at its own pace, and changes the speed of each take afterwards.

    With `judged`, implausible speech is spoken again with the next seed, at most twice; then the
    best take is returned with a warning. `mark` is applied last to each take (a watermark).

    Raises:
        StartError: The engine's sample rate is not 24 kHz: its speech would have another pace.
    """

    def __init__(
        self, engine: Engine, *, judged: bool = True, mark: Callable[[Pcm], Pcm] = lambda pcm: pcm
    ) -> None:
        if engine.sample_rate != SAMPLE_RATE:
            raise StartError(
                f"the {engine.name} engine speaks at {engine.sample_rate} Hz, expected {SAMPLE_RATE} Hz"
            )
        self.engine = engine
        self.name = engine.name
        self.device = engine.device
        self.sample_rate = engine.sample_rate
        self.slots = engine.slots
        self.ahead = engine.ahead
        self.languages = engine.languages
        self.lacking = engine.lacking
        self.voices = engine.voices
        self.options = engine.options
        self.tags = engine.tags
        self.clones = engine.clones
        self._judges = judged
        self._mark = mark
        self._active: dict[int, UtteranceTakes] = {}

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more."""
        self._active[utterance.id] = UtteranceTakes(utterance)
        self.engine.admit(replace(utterance, speed=1.0))

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Do one bounded step of the engine; judge and finish its takes."""
        done = (self._judged(result) for result in self.engine.advance(order))
        return [result for result in done if result is not None]

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        self._active.pop(utterance, None)
        self.engine.drop(utterance)

    def rest(self) -> bool:
        """Let the engine use a time when no listener waits."""
        return isinstance(self.engine, RestingEngine) and self.engine.rest()

    def status(self) -> Mapping[str, int | str]:
        """Return the engine's figures and short lines about its state."""
        return self.engine.status() if isinstance(self.engine, ReportingEngine) else {}

    def _judged(self, result: Take | Fault) -> Take | Fault | None:
        """Return the finished take, or None if the utterance is spoken again."""
        if isinstance(result, Fault):
            self._active.pop(result.utterance, None)
            return result
        spoken = self._active[result.utterance]
        take = without_silence(result, self.sample_rate)
        spoken.takes.append(take)
        spoken.verdicts.append(self._verdict(spoken.utterance, take))
        if spoken.verdicts[-1].plausible or len(spoken.takes) == MOST_TAKES:
            del self._active[result.utterance]
            return self._finished(spoken)
        log.info("a segment is spoken again: %s", ", ".join(spoken.verdicts[-1].problems))
        seed = (spoken.utterance.seed + len(spoken.takes)) % 2**63
        self.engine.admit(replace(spoken.utterance, speed=1.0, seed=seed))
        return None

    def _verdict(self, utterance: Utterance, take: Take) -> Verdict:
        if not self._judges:
            return Verdict()
        return verdict(Reading(utterance.text, take.pcm, stopped=take.stopped), self.sample_rate)

    def _finished(self, spoken: UtteranceTakes) -> Take | Fault:
        chosen = best(spoken.verdicts)
        take, problems = spoken.takes[chosen], spoken.verdicts[chosen].problems
        if not np.isfinite(take.pcm).all():
            return Fault(take.utterance, EngineFailedError("the engine returned NaN samples"))
        warnings = take.warnings
        if problems:
            warnings += (f"a segment may sound wrong after {MOST_TAKES} tries: {', '.join(problems)}",)
        finished = finish(take.pcm, sample_rate=self.sample_rate, speed=spoken.utterance.speed)
        return replace(take, pcm=self._mark(finished.pcm), warnings=warnings, gain=finished.gain)


def without_silence(take: Take, sample_rate: int) -> Take:
    """Return a take without the silence around its speech; if silence follows it, the speech had ended.

    A model that does not stop, and is silent up to the cap, has spoken its text.
    """
    if not np.isfinite(take.pcm).all():
        return take
    start, end = speech_span(take.pcm, sample_rate)
    silent = (len(take.pcm) - end) / sample_rate
    return replace(take, pcm=take.pcm[start:end], stopped=take.stopped or silent >= ENDED_BY_SILENCE)


def cloner(engine: Engine) -> CloningEngine | None:
    """Return the engine that learns voices for `engine`, or None where there is none."""
    inner = engine.engine if isinstance(engine, JudgedEngine) else engine
    return inner if inner.clones and isinstance(inner, CloningEngine) else None
