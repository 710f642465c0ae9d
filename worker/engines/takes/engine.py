"""An engine around another: each take is trimmed, judged, spoken again if it failed, and finished.

A take is finished (speed, loudness, fades, then the watermark) before any of it leaves.
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
# seconds behind the speech: more than the 0.12 s that Turbo adds to whatever it said, and most pauses
ENDED_BY_SILENCE = 0.4
SAMPLE_RATE = 24_000  # Hz; all that comes after an engine is made for it


@dataclass(slots=True)
class UtteranceTakes:
    """An utterance inside, and the takes of it so far with what is wrong with each."""

    utterance: Utterance
    takes: list[Take] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)


class JudgedEngine:
    """Speaks as `engine` does, always at its own pace, and changes the speed of what it made.

    With `guarded`, implausible speech is spoken again with the next seed, at most twice; then the
    best take leaves with a warning. `mark` is done last to each segment (a watermark).

    Raises:
        StartError: The engine speaks at another rate than 24 kHz, which would be heard as another pace.
    """

    def __init__(
        self, engine: Engine, *, guarded: bool = True, mark: Callable[[Pcm], Pcm] = lambda pcm: pcm
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
        self._guarded = guarded
        self._mark = mark
        self._inside: dict[int, UtteranceTakes] = {}

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more."""
        self._inside[utterance.id] = UtteranceTakes(utterance)
        self.engine.admit(replace(utterance, speed=1.0))

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Do one bounded step of the engine; judge and finish what came of it."""
        done = (self._judged(result) for result in self.engine.advance(order))
        return [result for result in done if result is not None]

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        self._inside.pop(utterance, None)
        self.engine.drop(utterance)

    def rest(self) -> bool:
        """Let the engine use a time when nobody waits."""
        return isinstance(self.engine, RestingEngine) and self.engine.rest()

    def status(self) -> Mapping[str, int | str]:
        """Return what the engine says of its state."""
        return self.engine.status() if isinstance(self.engine, ReportingEngine) else {}

    def _judged(self, result: Take | Fault) -> Take | Fault | None:
        """Return what leaves, or None where the utterance went back to be spoken again."""
        if isinstance(result, Fault):
            self._inside.pop(result.utterance, None)
            return result
        tries = self._inside[result.utterance]
        take = without_silence(result, self.sample_rate)
        tries.takes.append(take)
        tries.verdicts.append(self._verdict(tries.utterance, take))
        if tries.verdicts[-1].plausible or len(tries.takes) == MOST_TAKES:
            del self._inside[result.utterance]
            return self._finished(tries)
        log.info("a segment is spoken again: %s", ", ".join(tries.verdicts[-1].problems))
        seed = (tries.utterance.seed + len(tries.takes)) % 2**63
        self.engine.admit(replace(tries.utterance, speed=1.0, seed=seed))
        return None

    def _verdict(self, utterance: Utterance, block: Take) -> Verdict:
        if not self._guarded:
            return Verdict()
        return verdict(Reading(utterance.text, block.pcm, stopped=block.stopped), self.sample_rate)

    def _finished(self, tries: UtteranceTakes) -> Take | Fault:
        chosen = best(tries.verdicts)
        take, problems = tries.takes[chosen], tries.verdicts[chosen].problems
        if not np.isfinite(take.pcm).all():
            return Fault(take.utterance, EngineFailedError("the engine made audio that is not numbers: NaN"))
        warnings = take.warnings
        if problems:
            warnings += (f"a segment may sound wrong after {MOST_TAKES} tries: {', '.join(problems)}",)
        finished = finish(take.pcm, sample_rate=self.sample_rate, speed=tries.utterance.speed)
        return replace(take, pcm=self._mark(finished.pcm), warnings=warnings, gain=finished.gain)


def without_silence(block: Take, sample_rate: int) -> Take:
    """Return a take without the silence around its speech; where that follows it, the speech had ended.

    A model that does not stop, and is silent up to the cap, has said what it had to say.
    """
    if not np.isfinite(block.pcm).all():
        return block
    start, end = speech_span(block.pcm, sample_rate)
    silent = (len(block.pcm) - end) / sample_rate
    return replace(block, pcm=block.pcm[start:end], stopped=block.stopped or silent >= ENDED_BY_SILENCE)


def cloner(engine: Engine) -> CloningEngine | None:
    """Return the engine that learns voices for `engine`, or None where there is none."""
    inner = engine.engine if isinstance(engine, JudgedEngine) else engine
    return inner if inner.clones and isinstance(inner, CloningEngine) else None
