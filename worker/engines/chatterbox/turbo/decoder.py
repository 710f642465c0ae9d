"""Decoding of speech tokens, for all slots together: each with its own noise, options and end."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.engines.chatterbox.ending import SpeechTokens, TokenLimits
from worker.engines.chatterbox.out_of_memory import uniform
from worker.engines.chatterbox.sampling import SamplingOptions, draw, sample, sample_in_one
from worker.engines.chatterbox.t3 import START
from worker.engines.chatterbox.turbo.slots import Prefix, Slots
from worker.engines.chatterbox.turbo.t3 import T3

__all__ = ["Decoder", "Decoding", "EagerDecoder"]


@dataclass(slots=True, eq=False, kw_only=True)
class Decoding(SpeechTokens):
    """One utterance in a slot, and the tokens made so far."""

    slot: int
    generator: torch.Generator
    options: SamplingOptions
    seen: Tensor  # bool [1, vocabulary], what the repetition penalty is for


class Decoder(ABC):
    """Slots, and the sampling of what comes next in each."""

    def __init__(self, t3: T3, slots: int) -> None:
        self._t3 = t3
        self._free = set(range(slots))

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return bool(self._free)

    @uniform()
    @torch.inference_mode()
    def begin(
        self,
        prefix: Prefix,
        text: Sequence[int],
        generator: torch.Generator,
        limits: TokenLimits,
        sampling: Mapping[str, float],
    ) -> Decoding:
        """Put an utterance into a free slot and sample its first token; leave nothing if that fails."""
        t3, slot = self._t3, min(self._free)  # so that those in use stand side by side
        logits = self._prefill(slot, prefix, torch.tensor(text, dtype=torch.long, device=t3.device))
        seen = torch.zeros(1, t3.vocabulary, dtype=torch.bool, device=t3.device)
        seen[0, START] = True  # upstream's first step penalises this token alone
        options = SamplingOptions.of(sampling, device=t3.device)
        noise = draw(t3.vocabulary, generator)[None].to(t3.device)
        token = int(sample(logits, seen, options, noise))
        seen[0, START] = False
        seen[0, token] = True
        decoding = Decoding(
            limits=limits, tokens=[token], slot=slot, generator=generator, options=options, seen=seen
        )
        self._fill(decoding, prefix.length + len(text) + 1)
        self._free.remove(slot)
        return decoding

    def end(self, decoding: Decoding) -> None:
        """Free the utterance's slot."""
        self._clear(decoding.slot)
        self._free.add(decoding.slot)

    @abstractmethod
    def _prefill(self, slot: int, prefix: Prefix, text: Tensor) -> Tensor:
        """Read an utterance's text tokens, int64 [T], into a slot; return the logits [1, vocabulary]."""

    @abstractmethod
    def _fill(self, decoding: Decoding, length: int) -> None:
        """Keep what the next step reads of an utterance whose prefill took `length` positions."""

    @abstractmethod
    def decode(self, rows: Sequence[Decoding], steps: int) -> None:
        """Decode up to so many tokens more of each row."""

    @abstractmethod
    def _clear(self, slot: int) -> None:
        """Forget what a slot held."""


class EagerDecoder(Decoder):
    """Decodes exactly the rows that are active; for a CPU."""

    def __init__(self, t3: T3, slots: int, positions: int) -> None:
        super().__init__(t3, slots)
        self._slots = Slots(t3, slots, positions)

    @uniform()
    @torch.inference_mode()
    def step(self, rows: Sequence[Decoding]) -> None:
        """Decode one token more of each row; none of them may have ended."""
        last = torch.tensor([row.tokens[-1] for row in rows], device=self._t3.device)
        logits = self._slots.step([row.slot for row in rows], last)
        noise = torch.stack([draw(self._t3.vocabulary, row.generator) for row in rows])
        options = SamplingOptions.joined([row.options for row in rows])
        seen = torch.cat([row.seen for row in rows])
        tokens = sample_in_one(logits, seen, options, noise)[:, 0].tolist()
        for row, token in zip(rows, tokens, strict=True):
            row.tokens.append(token)
            row.seen[0, token] = True

    def decode(self, rows: Sequence[Decoding], steps: int) -> None:
        """Decode up to so many tokens more of each row."""
        rows = sorted(rows, key=lambda row: row.slot)
        for _ in range(steps):
            active = [row for row in rows if not row.ended]
            if active:
                self.step(active)

    def _prefill(self, slot: int, prefix: Prefix, text: Tensor) -> Tensor:
        return self._slots.begin(slot, prefix, text)

    def _fill(self, decoding: Decoding, length: int) -> None:
        pass  # `Slots` has kept it

    def _clear(self, slot: int) -> None:
        self._slots.free(slot)
