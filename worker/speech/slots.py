"""The engine's slots: what is inside, what enters next, and when a speech more could begin. No I/O."""

import itertools
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from worker.engines import Engine, Utterance
from worker.speech.active import ActiveSpeech
from worker.speech.admission import SpeakingPace

__all__ = ["EngineSlots"]


class EngineSlots:
    """The utterances inside one engine; whoever uses it holds the scheduler's lock.

    Args:
        engine: Says how many utterances may be inside.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self.begun = 0  # utterances, ever
        self.dropped: list[int] = []  # that the engine has to forget
        self._engine = engine
        self._clock = clock
        self._ids = itertools.count()
        self._inside: dict[int, tuple[ActiveSpeech, float]] = {}  # and since when
        self._pace = SpeakingPace()

    def __len__(self) -> int:
        return len(self._inside)

    def order(self, speeches: Iterable[ActiveSpeech]) -> list[int]:
        """Return what is inside, the most urgent first."""
        by_urgency = sorted(speeches, key=ActiveSpeech.urgency)
        return [utterance for active in by_urgency for utterance in sorted(active.in_engine)]

    def admit(self, speeches: Iterable[ActiveSpeech]) -> list[tuple[ActiveSpeech, Utterance]]:
        """Return what is to enter the engine: the most urgent speech first, one segment each, then a second.

        A speech gets no second slot until its first segment is made: that one is ready sooner alone.
        """
        entering: list[tuple[ActiveSpeech, Utterance]] = []
        by_urgency = sorted(speeches, key=ActiveSpeech.urgency)
        for depth in range(1, self._engine.ahead + 1):
            for active in by_urgency:
                # What is to be dropped is inside until the next step.
                if len(self._inside) + len(self.dropped) >= self._engine.slots:
                    return entering
                if active.may_enter(depth):
                    entering.append((active, self._enter(active)))
        return entering

    def _enter(self, active: ActiveSpeech) -> Utterance:
        planned, now = active.ready.popleft(), self._clock()
        utterance = replace(planned.utterance, id=next(self._ids), opens=active.opening)
        if active.speech.admitted_at is None:
            active.speech.admitted_at = now
        active.in_engine[utterance.id] = planned
        active.characters += planned.characters
        self._inside[utterance.id] = (active, now)
        self.begun += 1
        return utterance

    def leave(self, utterance: int) -> ActiveSpeech | None:
        """Return whose utterance it is that the engine has ended; None if it was dropped."""
        active, entered = self._inside.pop(utterance, (None, 0.0))
        if active is not None:
            self._pace.note(active.in_engine[utterance].characters, self._clock() - entered)
        return active

    def drop(self, utterances: Collection[int]) -> None:
        """Have the engine forget utterances before its next step."""
        for utterance in utterances:
            self._inside.pop(utterance, None)
            self.dropped.append(utterance)

    def take_dropped(self) -> list[int]:
        """Return what the engine has to forget now."""
        dropped, self.dropped = self.dropped, []
        return dropped

    def wait(self, speeches: Iterable[ActiveSpeech]) -> float:
        """Return in how many seconds about a speech beside these would have a slot of its own."""
        return self._pace.wait((each.unspoken for each in speeches), self._engine.slots)
