"""A context: text that comes in pieces, the jobs it becomes, and what was given out of it. No I/O.

The driver asks `next_job` whenever something has changed, and hands the chunks of the oldest job
to `take` and its end to `job_ended`.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from chatterpod import Chunk

from gateway.errors import BadRequest, ContextEnded, TooLarge
from gateway.opening import first_cut
from gateway.timeline import AudioForm, AudioPiece, Heard, Span, Timeline, heard
from segmenter import Segment, Segmenter

__all__ = ["Context", "ContextState", "PlannedJob"]

LANGUAGE = "unsupported_language"  # the worker's code
AT_ONCE = 2  # jobs inside the endpoint: the next is there before the last has ended
JOB_CHARACTERS = {"mp3": 3_000, "pcm": 1_200}  # a PCM job's result is full after about 140 s
CLAUSE_ENDS = frozenset(",;:—–、，；：")
CLAUSE_MS = 150
SENTENCE_MS = 300  # the pause that a worker makes at the end of a text by itself


class ContextState(StrEnum):
    """What a context can be in."""

    OPEN = "open"  # takes text
    CLOSED = "closed"  # takes no more; what came is still spoken
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ContextEvent(StrEnum):
    """What can happen to a context."""

    CLOSE = "close"
    SPOKEN = "spoken"
    CANCEL = "cancel"
    FAIL = "fail"


TRANSITIONS: dict[ContextState, dict[ContextEvent, ContextState]] = {
    ContextState.OPEN: {
        ContextEvent.CLOSE: ContextState.CLOSED,
        ContextEvent.CANCEL: ContextState.CANCELLED,
        ContextEvent.FAIL: ContextState.FAILED,
    },
    ContextState.CLOSED: {
        ContextEvent.CLOSE: ContextState.CLOSED,
        ContextEvent.SPOKEN: ContextState.DONE,
        ContextEvent.CANCEL: ContextState.CANCELLED,
        ContextEvent.FAIL: ContextState.FAILED,
    },
    ContextState.DONE: {},
    ContextState.CANCELLED: {},
    ContextState.FAILED: {},
}


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """What to submit: an input for the worker, and the part of the text that it speaks."""

    number: int
    span: Span
    given: Mapping[str, Any]


@dataclass(slots=True)
class Context:
    """One speech.

    Args:
        options: Fields of the worker's input other than the text, among them `voice` and `language`.
        form: How the audio is coded.
        limit: Characters that the context takes in all.

    Raises:
        BadRequest: The language is none.
    """

    options: Mapping[str, Any]
    form: AudioForm = field(default_factory=AudioForm)
    limit: int = 10_000
    state: ContextState = ContextState.OPEN
    text: str = ""
    timeline: Timeline = field(init=False)
    jobs: int = 0
    _segmenter: Segmenter = field(init=False)
    _offset: int = 0  # where the segmenter's text begins
    _waiting: deque[Segment] = field(default_factory=deque)  # certain, not yet in a job
    _inside: deque[PlannedJob] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.form)
        try:
            self._segmenter = Segmenter(self._language)
        except ValueError:
            raise BadRequest("language is no language's tag, expected one like en", LANGUAGE) from None

    @property
    def _language(self) -> str:
        return str(self.options.get("language", "en"))

    @property
    def active(self) -> bool:
        """Whether audio of it may still be given out."""
        return self.state in {ContextState.OPEN, ContextState.CLOSED}

    @property
    def spoken(self) -> bool:
        """Whether nothing is left to speak of what has come so far."""
        return not self._waiting and not self._inside

    def push(self, text: str) -> None:
        """Take more text, which is being written; raises as `check`.

        Where nothing was spoken yet, the first clause does not wait for the end of its sentence.
        """
        self.check(text)
        self.text += text
        self._wait_for(self._segmenter.push(text))
        if self.jobs or self._waiting:
            return
        cut = first_cut(self.text[self._offset :], self._language)
        if cut is not None:
            self._cut_off(cut)

    def speak(self, text: str) -> None:
        """Take the whole text, and no more; raises as `check`."""
        self.check(text)
        self.text += text
        self._wait_for(self._segmenter.push(text))
        self.close()

    def check(self, text: str) -> None:
        """Say whether more text can be taken.

        Raises:
            ContextEnded: The context takes no more.
            TooLarge: It would have more than `limit` characters.
            BadRequest: The text has a lone surrogate.
        """
        if self.state is not ContextState.OPEN:
            raise ContextEnded(f"the context is {self.state} and takes no more text")
        size = len(self.text) + len(text)
        if size > self.limit:
            raise TooLarge(f"the context would have {size} characters, expected at most {self.limit}")
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise BadRequest("text has a lone surrogate, expected valid Unicode")

    def flush(self) -> None:
        """Speak everything that has come, whole sentence or not."""
        self._wait_for(self._segmenter.flush())
        self._segmenter = Segmenter(self._language)
        self._offset = len(self.text)

    def pause(self) -> None:
        """Speak the sentences that are over if nothing else comes: nothing has come for a while."""
        if self.state is ContextState.OPEN:
            self._wait_for(self._segmenter.flush_sentence())

    def close(self) -> None:
        """There will be no more text."""
        if ContextEvent.CLOSE not in TRANSITIONS[self.state]:
            raise ContextEnded(f"the context is {self.state}")
        self.flush()
        self._apply(ContextEvent.CLOSE)
        self._settle()

    def cancel(self, played_ms: int) -> Heard:
        """Stop; return what was heard by a listener who played that much.

        Raises:
            ContextEnded: It was cancelled, or has failed, before.
        """
        if self.state is not ContextState.DONE:
            if ContextEvent.CANCEL not in TRANSITIONS[self.state]:
                raise ContextEnded(f"the context is {self.state}")
            self._apply(ContextEvent.CANCEL)
        return heard(self.timeline.captions, played_ms, self.text)

    def fail(self) -> None:
        """Note that a job failed: the rest will not be spoken."""
        if ContextEvent.FAIL in TRANSITIONS[self.state]:
            self._apply(ContextEvent.FAIL)

    def next_job(self) -> PlannedJob | None:
        """Return a job to submit now, or None: nothing is certain, or enough is inside."""
        if not self.active or not self._waiting or len(self._inside) >= AT_ONCE:
            return None
        first = last = self._waiting.popleft()
        most = JOB_CHARACTERS[self.form.name]
        while self._waiting and self._waiting[0].char_end - first.char_start <= most:
            last = self._waiting.popleft()
        span = Span(first.char_start, last.char_end)
        job = PlannedJob(self.jobs, span, self._input(span, last.pause_ms))
        self.jobs += 1
        self._inside.append(job)
        return job

    def take(self, chunk: Chunk) -> AudioPiece:
        """Take a chunk of the oldest job; return the piece to hand on."""
        job = self._inside[0]
        more = self.state is ContextState.OPEN or len(self._inside) > 1 or bool(self._waiting)
        return self.timeline.take(chunk, job.span, self.text, more=more)

    def job_ended(self) -> None:
        """Note that the oldest job has given its last chunk."""
        self._inside.popleft()
        self._settle()

    def _cut_off(self, cut: int) -> None:
        """Make the text up to `cut`, of which nothing was given out, a segment of its own."""
        start = self._offset
        self._segmenter = Segmenter(self._language)
        self._wait_for(self._segmenter.push(self.text[start : start + cut]) + self._segmenter.flush())
        if self._waiting and self.text[start : start + cut].rstrip().rstrip("\"'”’)")[-1:] in CLAUSE_ENDS:
            self._waiting[-1] = replace(self._waiting[-1], pause_ms=CLAUSE_MS)
        self._segmenter = Segmenter(self._language)
        self._offset = start + cut
        self._wait_for(self._segmenter.push(self.text[self._offset :]))

    def _input(self, span: Span, pause_ms: int) -> dict[str, Any]:
        text = self.text[span.char_start : span.char_end]
        if pause_ms != SENTENCE_MS and span.char_end < len(self.text):
            text += f" [pause:{pause_ms}ms]"
        # What is spoken before is enough of a lead: later jobs need no short first piece.
        opening = {"opening": "even"} if self.jobs else {}
        coding = {"format": "pcm"} if self.form.name == "pcm" else {"bit_rate": self.form.bit_rate}
        return {"text": text, "stream": True, **coding, **opening, **self.options}

    def _wait_for(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            start, end = self._offset + segment.char_start, self._offset + segment.char_end
            if any(letter.isalnum() for letter in self.text[start:end]):
                self._waiting.append(Segment(segment.text, start, end, segment.pause_ms))

    def _settle(self) -> None:
        if self.state is ContextState.CLOSED and self.spoken:
            self._apply(ContextEvent.SPOKEN)

    def _apply(self, event: ContextEvent) -> None:
        self.state = TRANSITIONS[self.state][event]
        if not self.active:
            self._waiting.clear()
            self._inside.clear()
