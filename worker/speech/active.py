"""The state of a speech that is being made: what is planned, what the engine has, what waits for encoding."""

import logging
from collections import deque
from dataclasses import dataclass, field

from worker.engines import Take
from worker.errors import InvalidInputError
from worker.speech.encoding import Planned, PlannedSegment, SpeechEnd
from worker.speech.speech import LiveSpeech

__all__ = ["UNPLANNABLE", "ActiveSpeech", "ToEncode"]

log = logging.getLogger("worker")
UNSPEAKABLE = "text has nothing to speak: expected at least one letter or digit"
UNPLANNABLE = "text could not be cut into segments to speak"

ToEncode = tuple[PlannedSegment, Take] | tuple[SpeechEnd, None]


@dataclass(slots=True, eq=False)
class ActiveSpeech:
    """A speech that is being made: its planned segments, the engine's, and the takes that wait."""

    speech: LiveSpeech
    arrived: int  # its place in the order of arrival
    ready: deque[PlannedSegment] = field(default_factory=deque)  # planned, not yet in the engine
    planning: bool = False  # whether a thread plans it or will
    planned: bool = False  # whether its last segment is
    waits_for_text: bool = False  # whether nothing can be planned before more text comes
    characters: int = 0  # of its text, that have been in the engine
    in_engine: dict[int, PlannedSegment] = field(default_factory=dict)  # by the engine's id
    next_number: int = 0  # of the segment to encode next
    finished: dict[int, ToEncode] = field(default_factory=dict)  # by number
    to_encode: deque[ToEncode] = field(default_factory=deque)
    encoding: bool = False  # whether a thread is at it

    def urgency(self) -> tuple[float, int]:
        """Return the key to sort by, the most urgent first: when the listener runs dry, then the arrival."""
        return self.speech.dry_at(), self.arrived

    @property
    def opening(self) -> bool:
        """Whether its first segment is not made yet: alone in the engine, that one is ready sooner."""
        return self.next_number == 0

    @property
    def exhausted(self) -> bool:
        """Whether all of it has been in the engine."""
        return self.planned and not self.ready and not self.in_engine

    @property
    def unspoken(self) -> int:
        """How many characters of its text, as far as that is known, have not been in the engine."""
        return 0 if self.planned and not self.ready else max(0, self.speech.length() - self.characters)

    @property
    def is_busy(self) -> bool:
        """Whether the engine has or can have something of it to speak."""
        return bool(self.in_engine) or (bool(self.ready) and not self.speech.is_held_back)

    def next_planned(self) -> "Planned | InvalidInputError":
        """Plan one segment more, for as long as that takes; return why, if the speech cannot be made."""
        try:
            planned = next(self.speech.planned, None)
        except InvalidInputError as error:
            return error
        except Exception:  # a text that breaks the segmenter fails its own job alone
            log.exception("planning failed")
            return InvalidInputError(UNPLANNABLE)
        return InvalidInputError(UNSPEAKABLE) if planned is None else planned

    def wants_plan(self, ahead: int) -> bool:
        """Whether to plan one segment more, so that `ahead` wait; until the first is encoded, only that one.

        The first is waited for: nothing that can be done later takes processor time from it.
        """
        if self.waits_for_text or (self.encoding and not self.speech.chunks):
            return False
        if self.opening:
            return not self.planned and not self.ready and not self.in_engine
        return not self.planned and len(self.ready) < ahead

    def may_enter(self, depth: int) -> bool:
        """Whether its next segment may go into the engine as one of `depth`."""
        if not self.ready or self.speech.is_held_back:
            return False
        return len(self.in_engine) < depth and not (depth > 1 and self.opening)

    def accept(self, utterance: int, take: Take) -> None:
        """Queue a take for encoding, in the segments' order."""
        planned = self.in_engine.pop(utterance)
        self._finish(planned.utterance.id, (planned, take))

    def end(self, end: SpeechEnd) -> None:
        """Queue the end for encoding, after all segments."""
        self.planned = True
        self._finish(end.number, (end, None))

    def _finish(self, number: int, made: ToEncode) -> None:
        self.finished[number] = made
        while self.next_number in self.finished:
            self.to_encode.append(self.finished.pop(self.next_number))
            self.next_number += 1

    def clear(self) -> list[int]:
        """Forget what is planned, made and waiting; return the engine's ids of what is inside."""
        inside = list(self.in_engine)
        self.in_engine.clear()
        self.ready.clear()
        self.to_encode.clear()
        self.planned = True
        return inside
