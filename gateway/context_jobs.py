"""The jobs that speak a context through a queue: its text in segments, and these in jobs. No I/O.

Its driver calls `take` and `next_job` whenever something has changed, `place` with the chunks of the oldest
job, and `job_ended` at that job's end.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chatterpod import Chunk

from gateway.context import Context, ContextState, Input, Signal
from gateway.timeline import PlacedChunk, Span
from segmenter import Segment, Segmenter
from segmenter.atoms import PAUSES, is_speakable
from segmenter.marks import visible
from segmenter.pauses import SENTENCE_MS

__all__ = ["ContextJobs", "PlannedJob"]

JOBS_AT_ONCE = 2  # jobs at the endpoint: the next is submitted before the last has ended
JOB_CHARACTERS = {"mp3": 3_000, "pcm": 1_200}  # a PCM job's result is full after about 140 s


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job to submit: the worker's input, and the part of the context's text that it speaks.

    `lead` counts the characters that its text has before that part: a pause.
    """

    number: int
    span: Span
    input: Mapping[str, Any]
    lead: int = 0


class ContextJobs:
    """The jobs of one context, as its text comes."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._segmenter = Segmenter(context.language, marks=context.marks)
        self._lead_ms = 0  # of a pause before what is cut next
        self._pending: deque[Segment] = deque()  # cut, not yet in a job
        self._submitted: deque[PlannedJob] = deque()

    @property
    def idle(self) -> bool:
        """Whether all segments so far have been spoken."""
        return not self._pending and not self._submitted

    def take(self) -> None:
        """Cut what has come to the context since the last call."""
        inputs = self.context.inputs
        while inputs:
            self._add(self._cut(inputs.popleft()))
        self._settle()

    def next_job(self) -> PlannedJob | None:
        """Return a job to submit now; None if no segment waits or `JOBS_AT_ONCE` jobs are submitted."""
        context = self.context
        if not context.active or not self._pending or len(self._submitted) >= JOBS_AT_ONCE:
            return None
        taken = [self._pending.popleft()]
        most = taken[0].char_start + JOB_CHARACTERS[context.audio_format.name]
        while self._pending and (self._pending[0].char_end <= most or not self._is_whole(taken)):
            taken.append(self._pending.popleft())
        lead = f"[pause:{taken[0].lead_ms}ms] " if taken[0].lead_ms else ""
        span = Span(taken[0].char_start, taken[-1].char_end)
        job = PlannedJob(context.jobs, span, self._input(lead, taken), len(lead))
        context.jobs += 1
        self._submitted.append(job)
        return job

    def place(self, chunk: Chunk) -> PlacedChunk:
        """Place a chunk of the oldest job on the context's clock; return it."""
        context, job = self.context, self._submitted[0]
        more = context.state is ContextState.OPEN or len(self._submitted) > 1 or bool(self._pending)
        span = Span(job.span.char_start - job.lead, job.span.char_end)
        return context.timeline.place(chunk, span, context.text, more=more)

    def job_ended(self) -> None:
        """Remove the oldest job, after its last chunk."""
        self._submitted.popleft()
        self._settle()

    def _cut(self, given: Input) -> list[Segment]:
        if isinstance(given, str):
            return self._segmenter.push(given)
        if isinstance(given, Signal):
            return self._segmenter.flush()
        return self._segmenter.rest(given)

    def _is_whole(self, taken: Sequence[Segment]) -> bool:
        """Whether a worker that is given the span of these segments alone sees in it what was cut."""
        text, marks = self.context.text, self.context.marks
        given = visible(text[taken[0].char_start : taken[-1].char_end], marks)
        return letters(PAUSES.sub("", given)) == letters("".join(segment.text for segment in taken))

    def _input(self, lead: str, taken: Sequence[Segment]) -> dict[str, Any]:
        context, first, last = self.context, taken[0], taken[-1]
        text = lead + context.text[first.char_start : last.char_end]
        pause: dict[str, Any] = {}
        if last.pause_ms != SENTENCE_MS and last.char_end < len(context.text):
            pause = {"last_pause_ms": last.pause_ms}
        # Only the first job needs short first segments: later ones are ready before they are played.
        opening = {"opening": "even"} if context.jobs else {}
        given = {**opening, **pause, **context.options, **({"voice": first.voice} if first.voice else {})}
        return {"text": text, "stream": True, **context.coding(), **given}

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
        if self.idle and not self.context.inputs:
            self.context.spoken()


def letters(text: str) -> str:
    """Return a text without its spaces."""
    return "".join(text.split())
