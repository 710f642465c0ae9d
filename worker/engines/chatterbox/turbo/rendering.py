"""Utterances inside the engine, and the way of those with all their tokens to a waveform."""

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.engines import Utterance
from worker.engines.chatterbox.s3gen import SPEECH_IDS, S3Gen, S3Job
from worker.engines.chatterbox.shortage import Patience, uniform
from worker.engines.chatterbox.t3 import SILENCE
from worker.engines.chatterbox.turbo.decoder import Decoding
from worker.engines.chatterbox.turbo.voice import TurboVoice

__all__ = ["Rendering", "Rows", "TurboUtterance"]

log = logging.getLogger("worker")
FIRST_RETRY, LATEST_RETRY = 16, 512  # batches, after which more rows are tried again
NEAR = 0.8  # of the first row's length or its inverse: a batch computes all rows as long as the longest


@dataclass(slots=True, eq=False)
class TurboUtterance:
    """An utterance inside: waiting for a slot, being decoded, or becoming a waveform."""

    utterance: Utterance
    voice: TurboVoice
    text: list[int]
    generator: torch.Generator
    decoding: Decoding | None = None
    rendering: "Rendering | None" = None

    @property
    def waits(self) -> bool:
        """Whether it has no slot yet."""
        return self.decoding is None

    @property
    def decodes(self) -> bool:
        """Whether there are tokens to decode."""
        return self.decoding is not None and not self.decoding.ended

    @property
    def speaks(self) -> bool:
        """Whether all its tokens are there."""
        return self.decoding is not None and self.decoding.ended

    @property
    def spoken(self) -> list[int]:
        """The tokens that S3Gen reads."""
        made = [] if self.decoding is None else self.decoding.spoken
        return [token for token in made if token < SPEECH_IDS]

    def job(self, s3gen: S3Gen, prompt_seconds: float | None, flow_steps: int) -> S3Job:
        """Return what S3Gen has to do."""
        voice = self.voice.s3(s3gen, prompt_seconds)
        tokens = torch.tensor([*self.spoken, SILENCE, SILENCE, SILENCE])
        return S3Job(tokens, voice, self.generator, flow_steps)


@dataclass(slots=True, eq=False)
class Rendering:
    """S3Gen's work for rows that become waveforms together: steps of the flow, then the vocoder."""

    rows: list[TurboUtterance]
    steps: Generator[None, None, list[Tensor]]
    befores: list[Tensor]  # the generators' states

    @classmethod
    @uniform()
    def of(
        cls, s3gen: S3Gen, ready: Sequence[TurboUtterance], prompt_seconds: float | None, flow_steps: int
    ) -> "Rendering":
        """Begin with the first of these, and with those of the others that are nearly as long."""
        begun = [row for row in ready if row.rendering is None]
        jobs = [row.job(s3gen, prompt_seconds, flow_steps) for row in begun]
        near = [at for at, job in enumerate(jobs) if NEAR <= job.length / jobs[0].length <= 1 / NEAR]
        rows = [begun[at] for at in near]
        befores = [row.generator.get_state() for row in rows]
        made = cls(rows, s3gen.stepwise([jobs[at] for at in near]), befores)
        for row in rows:
            row.rendering = made
        return made

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
        for row, before in zip(self.rows, self.befores, strict=True):
            row.generator.set_state(before)
            row.rendering = None


class Rows:
    """How many rows become waveforms together: fewer after a lack of memory, more again after a while."""

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
