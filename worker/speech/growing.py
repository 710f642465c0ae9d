"""A text that still comes, and its plan: each utterance as soon as no later text could change it. No I/O.

The plan of a text in any pieces has the same utterances and the same pauses as that of the whole text, unless
a silence had a part of it spoken earlier.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto

from segmenter import Segment, Segmenter, Silence, plan
from segmenter.pauses import TURN_MS
from worker.request import SpeechRequest
from worker.speech.encoding import PlannedSegment, SpeechEnd, Waiting
from worker.speech.planning import Fitting, rest_between, sizes_of, utterance

__all__ = ["GrowingPlan", "GrowingText"]


class TextEnd(Enum):
    """What comes after all text and silences."""

    CLOSED = auto()


class GrowingText:
    """A text while it comes: one thread writes it, others plan it.

    White space around the text does not count, as in a text that comes whole; so what stands at the end is
    held, from its first line break on, until a word follows.
    """

    def __init__(self) -> None:
        self.inputs: deque[str | Silence | TextEnd] = deque()  # what is not planned yet
        self.text = ""  # without the space before it
        self.offset = 0  # of `text` in the text as given, in code points
        self.closed = False
        self._held = ""

    def push(self, text: str) -> None:
        """Add text."""
        if not self.text:
            bare = text.lstrip()
            self.offset += len(text) - len(bare)
            text = bare
        self.text += text
        whole = self._held + text
        spaces = len(whole.rstrip())
        spaces += len(whole[spaces:]) - len(whole[spaces:].lstrip(" "))
        self._held = whole[spaces:]
        if spaces:
            self.inputs.append(whole[:spaces])

    def rest(self, silence: Silence) -> None:
        """Have spoken what is over if no text has come for so long."""
        if self._held:
            self.inputs.append(self._held)
            self._held = ""
        self.inputs.append(silence)

    def close(self) -> None:
        """Add no more text."""
        if not self.closed:
            self.closed = True
            self.text = self.text.rstrip()
            self.inputs.append(TextEnd.CLOSED)


class GrowingPlan:
    """Yields what is to be spoken of a growing text, and `Waiting.TEXT` where more of it has to come first.

    Args:
        request: How to speak; its own text does not count.
        text: The text.
        keys: The engine's keys of the voices, by their names; it may grow with the text.
    """

    def __init__(self, request: SpeechRequest, text: GrowingText, keys: Mapping[str, str]) -> None:
        self._request = request
        self._text = text
        self._keys = keys
        self._segmenter = Segmenter(request.language.strip().lower(), sizes_of(request), request.marks)
        self._fitting = Fitting(request)
        self._cut: list[Segment] = []
        self._is_over = False
        self._rested = False  # whether a silence may have changed the cut
        self._planned: deque[PlannedSegment | SpeechEnd] = deque()
        self._number = 0
        self._last: Segment | None = None  # the last one that was planned, with all of its pause
        self._made_ms = 0  # of that pause, what has been planned
        self._lead_ms = 0

    def __iter__(self) -> "GrowingPlan":
        return self

    def __next__(self) -> PlannedSegment | SpeechEnd | Waiting:
        while not self._planned:
            if self._is_over:
                raise StopIteration
            if not self._text.inputs:
                return Waiting.TEXT
            self._take(self._text.inputs.popleft())
        return self._planned.popleft()

    def is_as_whole(self) -> bool:
        """Whether the closed text was cut as it would have been if it had come at once."""
        request = self._request
        return not self._rested or self._cut == plan(
            self._text.text, request.language.strip().lower(), sizes_of(request), request.marks
        )

    def _take(self, given: str | Silence | TextEnd) -> None:
        if isinstance(given, str):
            cut = self._segmenter.push(given)
        elif isinstance(given, Silence):
            cut = self._segmenter.rest(given)
            self._rested = True
        else:
            cut = self._segmenter.finish()
            self._is_over = True
        self._cut += cut
        for segment in cut:
            for piece, words in self._fitting.fit(segment):
                self._add(piece, words)
        if self._is_over and self._last is not None:
            pause = self._request.last_pause_ms
            left = (self._last.pause_ms if pause is None else pause) - self._made_ms
            self._planned.append(SpeechEnd(self._number, max(0, left)))

    def _add(self, segment: Segment, words: str) -> None:
        """Plan one segment; a silent one gives its pause to the one before it.

        So much of its pause as no later text takes back is planned with it, the rest before the next one.
        """
        last, lead = self._last, max(self._lead_ms, segment.lead_ms)
        if not any(letter.isalnum() for letter in words):
            self._lead_ms = max(lead, 0 if last else segment.pause_ms)
            self._last = last and replace(last, pause_ms=max(last.pause_ms, segment.pause_ms))
            return
        if last is not None:
            lead = max(0, rest_between(last, segment, lead) - self._made_ms)
        self._made_ms = min(segment.pause_ms, TURN_MS) if self._request.last_pause_ms is None else 0
        planned = replace(segment, lead_ms=lead, pause_ms=self._made_ms)
        voice = segment.voice or self._request.voice
        spoken = utterance(self._request, self._number, voice, words, self._keys, segment, last)
        self._planned.append(PlannedSegment(0, planned, spoken, last=False))
        self._last, self._lead_ms = segment, 0
        self._number += 1
