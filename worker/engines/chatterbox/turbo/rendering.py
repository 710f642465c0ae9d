"""Utterances inside the engine, and their way from the last token to a waveform, several together."""

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from torch import Tensor

from worker.engines.chatterbox.engine import ActiveUtterance
from worker.engines.chatterbox.out_of_memory import Patience, uniform
from worker.engines.chatterbox.s3gen import S3Gen
from worker.engines.chatterbox.t3 import SILENCE
from worker.engines.chatterbox.turbo.decoder import Decoding
from worker.engines.chatterbox.turbo.voice import TurboVoice

__all__ = ["BatchSize", "Rendering", "TurboUtterance"]

log = logging.getLogger("worker")
FIRST_RETRY, LATEST_RETRY = 16, 512  # batches, after which more rows are tried again
ENDING = (SILENCE, SILENCE, SILENCE)  # as upstream ends every utterance
NEAR = 0.8  # of the first row's length or its inverse: a batch computes all rows as long as the longest


@dataclass(slots=True, eq=False)
class TurboUtterance(ActiveUtterance[TurboVoice, Decoding]):
    """An utterance inside: waiting for a slot, being decoded, or becoming a waveform."""

    rendering: "Rendering | None" = None

    @property
    def decodes(self) -> bool:
        """Whether there are tokens to decode."""
        return self.decoding is not None and not self.decoding.ended

    @property
    def is_decoded(self) -> bool:
        """Whether all its tokens are there."""
        return self.decoding is not None and self.decoding.ended


@dataclass(slots=True, eq=False)
class Rendering:
    """S3Gen's work for rows that become waveforms together: steps of the flow, then the vocoder."""

    rows: list[TurboUtterance]
    steps: Generator[None, None, list[Tensor]]
    generator_states: list[Tensor]  # before it

    @classmethod
    @uniform()
    def of(
        cls, s3gen: S3Gen, decoded: Sequence[TurboUtterance], prompt_seconds: float | None, flow_steps: int
    ) -> "Rendering":
        """Begin with the first of these, and with those of the others that are nearly as long."""
        waiting = [row for row in decoded if row.rendering is None]
        jobs = [row.job(s3gen, prompt_seconds, flow_steps, ENDING) for row in waiting]
        near = [at for at, job in enumerate(jobs) if NEAR <= job.length / jobs[0].length <= 1 / NEAR]
        rows = [waiting[at] for at in near]
        generator_states = [row.generator.get_state() for row in rows]
        rendering = cls(rows, s3gen.stepwise([jobs[at] for at in near]), generator_states)
        for row in rows:
            row.rendering = rendering
        return rendering

    @uniform()
    def advance(self) -> list[Tensor] | None:
        """Take a step of the flow; after the last one make the waveforms and return them."""
        try:
            next(self.steps)
        except StopIteration as end:
            waves: list[Tensor] = end.value
            return waves
        return None

    def undo(self) -> None:
        """Leave the rows as they were before, to be rendered anew."""
        for row, before in zip(self.rows, self.generator_states, strict=True):
            row.generator.set_state(before)
            row.rendering = None


class BatchSize:
    """How many utterances become waveforms together: fewer after a lack of memory, more again later."""

    def __init__(self, most: int) -> None:
        self.most = self.now = most
        self._patience = Patience(FIRST_RETRY, LATEST_RETRY)

    def did_not_fit(self, rows: int) -> None:
        """Note that so many found no memory."""
        self.now = rows // 2
        self._patience.failed()
        log.warning("no memory to make %d waveforms together: %d at most for a while", rows, self.now)

    def fitted(self) -> None:
        """Note a batch that was made."""
        if self.now < self.most and self._patience.is_over():
            self.now = min(2 * self.now, self.most)
            log.info("up to %d waveforms are made together again", self.now)
