"""Decoding of speech tokens, for all slots together: each with its own draws, options and end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from worker.engines.chatterbox.ending import lingers, without_lingering
from worker.engines.chatterbox.sampling import SamplingOptions, draw, sample_in_one
from worker.engines.chatterbox.shortage import uniform
from worker.engines.chatterbox.t3 import START, STOP
from worker.engines.chatterbox.turbo.slots import Prefix, Slots
from worker.engines.chatterbox.turbo.t3 import T3

__all__ = ["Decoder", "Decoding"]


@dataclass(slots=True, eq=False)
class Decoding:
    """One utterance in a slot, and the tokens made so far."""

    slot: int
    generator: torch.Generator
    most: int  # tokens; upstream cuts at 1,000 and says nothing
    runs_on: bool  # past a stop token, up to `most`: random weights stop at random
    options: SamplingOptions
    seen: Tensor  # bool [1, vocabulary], what the repetition penalty is for
    tokens: list[int] = field(default_factory=list)
    fewest: int = 0  # tokens before it may end without a stop token

    @property
    def stopped(self) -> bool:
        """Whether the model itself ended it."""
        return self.runs_on or (bool(self.tokens) and self.tokens[-1] == STOP)

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to decode."""
        over = not self.runs_on and (self.stopped or lingers(self.tokens, self.fewest))
        return over or len(self.tokens) >= self.most

    @property
    def spoken(self) -> Sequence[int]:
        """The tokens that are to become a waveform."""
        return self.tokens if self.runs_on else without_lingering(self.tokens, self.fewest)


class Decoder:
    """Slots, and the sampling of what comes next in each; for a CPU."""

    def __init__(self, t3: T3, slots: int, positions: int) -> None:
        self._t3 = t3
        self._slots = Slots(t3, slots, positions)
        self._free = set(range(slots))

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return bool(self._free)

    @property
    def positions(self) -> int:
        """How many text and speech tokens a slot holds."""
        return self._slots.positions

    @uniform()
    @torch.inference_mode()
    def begin(
        self,
        prefix: Prefix,
        text: Sequence[int],
        generator: torch.Generator,
        *,
        most: int,
        runs_on: bool,
        sampling: Mapping[str, float],
        fewest: int = 0,
    ) -> Decoding:
        """Put an utterance into a free slot and sample its first token; leave nothing if that fails."""
        slot = min(self._free)  # so that those in use stand side by side
        logits = self._slots.begin(slot, prefix, torch.tensor(text, dtype=torch.long))
        self._free.remove(slot)
        seen = torch.zeros(1, self._t3.vocabulary, dtype=torch.bool, device=self._t3.device)
        seen[0, START] = True  # upstream's first step penalises this token alone
        options = SamplingOptions.of(sampling, device=self._t3.device)
        decoding = Decoding(slot, generator, most, runs_on, options, seen, fewest=fewest)
        self._sample([decoding], logits)
        seen[0, START] = START in decoding.tokens
        return decoding

    @uniform()
    @torch.inference_mode()
    def step(self, rows: Sequence[Decoding]) -> None:
        """Decode one token more of each row; none of them may have ended."""
        last = torch.tensor([row.tokens[-1] for row in rows], device=self._t3.device)
        self._sample(rows, self._slots.step([row.slot for row in rows], last))

    def decode(self, rows: Sequence[Decoding], steps: int) -> None:
        """Decode up to so many tokens more of each row."""
        rows = sorted(rows, key=lambda row: row.slot)
        for _ in range(steps):
            going = [row for row in rows if not row.ended]
            if going:
                self.step(going)

    def end(self, decoding: Decoding) -> None:
        """Free the utterance's slot."""
        self._slots.free(decoding.slot)
        self._free.add(decoding.slot)

    def _sample(self, rows: Sequence[Decoding], logits: Tensor) -> None:
        draws = torch.stack([draw(self._t3.vocabulary, row.generator) for row in rows])
        options = SamplingOptions.joined([row.options for row in rows])
        seen = torch.cat([row.seen for row in rows])
        tokens = sample_in_one(logits, seen, options, draws)[:, 0].tolist()
        for row, token in zip(rows, tokens, strict=True):
            row.tokens.append(token)
            row.seen[0, token] = True
