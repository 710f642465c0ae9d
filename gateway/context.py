"""A context: text that comes in parts, the jobs that speak it, and its audio so far. No I/O.

Its driver calls `next_job` whenever something has changed, `place` with the chunks of the oldest job, and
`job_ended` at that job's end.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from chatterpod import Chunk

from gateway.errors import BadRequest, ContextEnded, TooLarge
from gateway.timeline import AudioFormat, PlacedChunk, PlayedText, Span, Timeline, played_text
from segmenter import MarkRules, Segment, Segmenter, Silence
from segmenter.atoms import PAUSES, is_speakable
from segmenter.marks import visible
from segmenter.pauses import SENTENCE_MS

__all__ = ["LANGUAGE", "Context", "ContextState", "PlannedJob"]

LANGUAGE = "unsupported_language"  # the worker's code
JOBS_AT_ONCE = 2  # jobs at the endpoint: the next is submitted before the last has ended
JOB_CHARACTERS = {"mp3": 3_000, "pcm": 1_200}  # a PCM job's result is full after about 140 s


class ContextState(StrEnum):
    """The states of a context."""

    OPEN = "open"  # takes text
    CLOSED = "closed"  # takes no more text; what it has is still spoken
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
    """A job to submit: the worker's input, and the part of the context's text that it speaks.

    `lead` counts the characters that its text has before that part: a pause.
    """

    number: int
    span: Span
    input: Mapping[str, Any]
    lead: int = 0


@dataclass(slots=True)
class Context:
    """One speech whose text may still come.

    Args:
        options: Fields of the worker's input beside the text, such as `voice` and `language`.
        audio_format: How the audio is coded.
        limit: The most characters of the context's whole text.

    Raises:
        BadRequest: The language is not a language tag.
    """

    options: Mapping[str, Any]
    audio_format: AudioFormat = field(default_factory=AudioFormat)
    limit: int = 10_000
    state: ContextState = ContextState.OPEN
    text: str = ""
    timeline: Timeline = field(init=False)
    jobs: int = 0
    _segmenter: Segmenter = field(init=False)
    _lead_ms: int = 0  # of a pause before what is cut next
    _pending: deque[Segment] = field(default_factory=deque)  # cut, not yet in a job
    _submitted: deque[PlannedJob] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.audio_format)
        try:
            self._segmenter = Segmenter(self._language, marks=self._marks)
        except ValueError:
            raise BadRequest("language is not a language tag, expected one such as en", LANGUAGE) from None

    @property
    def _language(self) -> str:
        return str(self.options.get("language", "en"))

    @property
    def _marks(self) -> MarkRules:
        given = self.options.get
        return MarkRules.of(given("read", ()), str(given("markup", "auto")), given("pronounce", ()))

    @property
    def active(self) -> bool:
        """Whether more audio may come."""
        return self.state in {ContextState.OPEN, ContextState.CLOSED}

    @property
    def idle(self) -> bool:
        """Whether all segments so far have been spoken."""
        return not self._pending and not self._submitted

    def push(self, text: str) -> None:
        """Add text that is still being written; raises as `check`."""
        self.check(text)
        self.text += text
        self._add(self._segmenter.push(text))

    def speak(self, text: str) -> None:
        """Add the whole text and close the context; raises as `check`."""
        self.check(text)
        self.text += text
        self._add(self._segmenter.push(text))
        self.close()

    def check(self, text: str) -> None:
        """Check whether text can be added.

        Raises:
            ContextEnded: The context takes no more text.
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
        """Have all text so far spoken, also an incomplete sentence."""
        self._add(self._segmenter.flush())

    def pause(self, silence: Silence) -> None:
        """Have spoken what is over if no text has come for so long."""
        if self.state is ContextState.OPEN:
            self._add(self._segmenter.rest(silence))

    def close(self) -> None:
        """Take no more text; what there is is still spoken."""
        if ContextEvent.CLOSE not in TRANSITIONS[self.state]:
            raise ContextEnded(f"the context is {self.state}")
        self.flush()
        self._apply(ContextEvent.CLOSE)
        self._settle()

    def cancel(self, played_ms: int) -> PlayedText:
        """Stop; return the text that a listener has heard who has played `played_ms`.

        Raises:
            ContextEnded: It was cancelled or failed before.
        """
        if self.state is not ContextState.DONE:
            if ContextEvent.CANCEL not in TRANSITIONS[self.state]:
                raise ContextEnded(f"the context is {self.state}")
            self._apply(ContextEvent.CANCEL)
        return played_text(self.timeline.captions, played_ms, self.text)

    def fail(self) -> None:
        """End the context because a job failed."""
        if ContextEvent.FAIL in TRANSITIONS[self.state]:
            self._apply(ContextEvent.FAIL)

    def next_job(self) -> PlannedJob | None:
        """Return a job to submit now; None if no segment waits or `JOBS_AT_ONCE` jobs are submitted."""
        if not self.active or not self._pending or len(self._submitted) >= JOBS_AT_ONCE:
            return None
        taken = [self._pending.popleft()]
        most = taken[0].char_start + JOB_CHARACTERS[self.audio_format.name]
        while self._pending and (self._pending[0].char_end <= most or not self._is_whole(taken)):
            taken.append(self._pending.popleft())
        lead = f"[pause:{taken[0].lead_ms}ms] " if taken[0].lead_ms else ""
        span = Span(taken[0].char_start, taken[-1].char_end)
        job = PlannedJob(self.jobs, span, self._input(lead, taken), len(lead))
        self.jobs += 1
        self._submitted.append(job)
        return job

    def place(self, chunk: Chunk) -> PlacedChunk:
        """Place a chunk of the oldest job on the context's clock; return it."""
        job = self._submitted[0]
        more = self.state is ContextState.OPEN or len(self._submitted) > 1 or bool(self._pending)
        span = Span(job.span.char_start - job.lead, job.span.char_end)
        return self.timeline.place(chunk, span, self.text, more=more)

    def job_ended(self) -> None:
        """Remove the oldest job, after its last chunk."""
        self._submitted.popleft()
        self._settle()

    def _is_whole(self, taken: Sequence[Segment]) -> bool:
        """Whether a worker that is given the span of these segments alone sees in it what was cut."""
        given = visible(self.text[taken[0].char_start : taken[-1].char_end], self._marks)
        return letters(PAUSES.sub("", given)) == letters("".join(segment.text for segment in taken))

    def _input(self, lead: str, taken: Sequence[Segment]) -> dict[str, Any]:
        first, last = taken[0], taken[-1]
        text = lead + self.text[first.char_start : last.char_end]
        pause: dict[str, Any] = {}
        if last.pause_ms != SENTENCE_MS and last.char_end < len(self.text):
            pause = {"last_pause_ms": last.pause_ms}
        # Only the first job needs short first segments: later ones are ready before they are played.
        opening = {"opening": "even"} if self.jobs else {}
        coding = (
            {"format": "pcm"} if self.audio_format.name == "pcm" else {"bit_rate": self.audio_format.bit_rate}
        )
        voice = {"voice": first.voice} if first.voice else {}
        return {"text": text, "stream": True, **coding, **opening, **pause, **self.options, **voice}

    def _add(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            lead = max(segment.lead_ms, self._lead_ms)
            if is_speakable(segment.text) or "[" in segment.text:
                self._pending.append(replace(segment, lead_ms=lead))
                self._lead_ms = 0
            elif self._pending:  # a rule, an empty link: its pause goes to what stands before it
                last = self._pending[-1]
                self._pending[-1] = replace(last, pause_ms=max(last.pause_ms, segment.pause_ms))
            else:
                self._lead_ms = max(lead, segment.pause_ms)

    def _settle(self) -> None:
        if self.state is ContextState.CLOSED and self.idle:
            self._apply(ContextEvent.SPOKEN)

    def _apply(self, event: ContextEvent) -> None:
        self.state = TRANSITIONS[self.state][event]
        if not self.active:
            self._pending.clear()
            self._submitted.clear()


def letters(text: str) -> str:
    """Return a text without its spaces."""
    return "".join(text.split())
