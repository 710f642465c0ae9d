"""Where the decoding of an utterance ends: at the model's own stop token, at a cap, or in a silence. Pure.

Chatterbox-Turbo often has no stop token after its speech, and is silent up to whatever cap there is:
of one long measurement 28.8 % of all audio was such silence (github.com/ttlequals0/Audicle, #113).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.engines.chatterbox.t3 import STOP
from worker.engines.takes.judge import plausible_tokens

__all__ = ["SpeechTokens", "TokenLimits", "lingers", "without_lingering"]

MOST_TOKENS = 1_000  # 40 s, where upstream cuts without a word; the models are unsteady long before
# 2 s of 25 tokens a second. A speaker's pause of 1.5 s is 38 tokens, so that a dozen of any run around it
# are speech. How many tokens a real silence is made of was not measured; no speech is made of three.
RUN = 50
FEW = 3  # different tokens in a run
KEPT = 15  # tokens of a run that become a waveform, 0.6 s: enough to be found silent


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """How many speech tokens an utterance may become."""

    most: int
    fewest: int = 0  # before it may end without a stop token
    runs_on: bool = False  # past a stop token, up to `most`: random weights stop at random

    @classmethod
    def of(cls, text: str, most: int, tokens_per_character: float | None) -> "TokenLimits":
        """Return the limits for a text; `tokens_per_character` is random weights' alone, which never stop."""
        if tokens_per_character is not None:
            most = round(tokens_per_character * len(text))
        fewest, _ = plausible_tokens(text)
        return cls(max(1, min(MOST_TOKENS, most)), fewest, runs_on=tokens_per_character is not None)


@dataclass(slots=True, eq=False, kw_only=True)
class SpeechTokens:
    """The speech tokens of an utterance that were decoded so far."""

    limits: TokenLimits
    tokens: list[int] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Whether the model itself ended it."""
        return self.limits.runs_on or (bool(self.tokens) and self.tokens[-1] == STOP)

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to decode."""
        limits = self.limits
        over = not limits.runs_on and (self.stopped or lingers(self.tokens, limits.fewest))
        return over or len(self.tokens) >= limits.most

    @property
    def spoken(self) -> Sequence[int]:
        """The tokens that are to become a waveform."""
        return self.tokens if self.limits.runs_on else without_lingering(self.tokens, self.limits.fewest)


def lingers(tokens: Sequence[int], fewest: int) -> bool:
    """Return whether the last 2 s are the same few tokens, after at least `fewest` others.

    `fewest` is the least that the text may be spoken in: a silence before the speech ends nothing.
    """
    return len(tokens) >= fewest + RUN and len(set(tokens[-RUN:])) <= FEW


def without_lingering(tokens: Sequence[int], fewest: int) -> Sequence[int]:
    """Return what is to become a waveform: of a run at the end only the first 0.6 s."""
    return tokens[: KEPT - RUN] if lingers(tokens, fewest) else tokens
