"""Where in the text the speech is, by three heads' attention: the end is held back before, and forced after.

What upstream's `AlignmentStreamAnalyzer` does to the logits, step by step, in constant time and memory
a step: of upstream's matrix only sums over its rows matter. What it only logs is left out, and so are
its hooks, which pile up on the model with every utterance.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["HEADS", "Alignment"]

HEADS = ((12, 15), (13, 11), (9, 2))  # (layer, head) that follow the text
BACKWARD, FORWARD = -4, 7  # a larger move of the position is not followed
TAIL = 3  # text tokens at the end; the last ones are punctuation and STOP
LONG_TAIL = 5.0  # attention that the tail may get after the text is done: 200 ms
REPEATING = 5.0  # attention that earlier text may get then
BEFORE_TAIL = 5
LARGE = 2.0**15  # stands for infinity in every dtype


@dataclass(slots=True)
class Alignment:
    """One utterance's; `length` counts its text tokens, those around it included."""

    length: int
    stop: int  # the speech token that ends
    position: int = 0  # of the speech, in the text
    complete: bool = False
    _steps: int = 0
    _tail: Tensor | None = None  # [3], attention after completion
    _repeated: float = 0.0
    _last_tokens: list[int] = field(default_factory=list)

    def step(self, logits: Tensor, attention: Tensor, last: int) -> Tensor:
        """Return what the next token is chosen by.

        Args:
            logits: float32 [1, vocabulary].
            attention: float32 [n, length] on the CPU, the heads' mean: a row for each position that is
                new (two at the first step).
            last: the token before, START at first.
        """
        seen = attention.clone()
        seen[:, self._steps + 1 :] = 0
        position = int(seen[-1].argmax())
        if BACKWARD < position - self.position < FORWARD:
            self.position = position
        self._account(seen)
        self._last_tokens = [*self._last_tokens[-7:], last]
        self._steps += 1
        if position < self.length - TAIL and self.length > BEFORE_TAIL:
            logits = logits.index_fill(-1, torch.tensor(self.stop, device=logits.device), -LARGE)
        if self._must_end():
            forced = torch.full_like(logits, -LARGE)
            forced[..., self.stop] = LARGE
            return forced
        return logits

    def _account(self, seen: Tensor) -> None:
        """Add up the attention after the text was spoken."""
        if self.complete:
            tail = seen[:, -TAIL:].sum(0)
            self._tail = tail if self._tail is None else self._tail + tail
            if self.length > BEFORE_TAIL:
                self._repeated += float(seen[:, :-BEFORE_TAIL].max(1).values.sum())
        self.complete = self.complete or self.position >= self.length - TAIL

    def _must_end(self) -> bool:
        """Return whether the speech lingers, goes back, or repeats one token."""
        lingers = self._tail is not None and float(self._tail.max()) >= LONG_TAIL
        stuck = len(self._last_tokens) >= 3 and self._last_tokens[-1] == self._last_tokens[-2]
        return lingers or self._repeated > REPEATING or stuck
