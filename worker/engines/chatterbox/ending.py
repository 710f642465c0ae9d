"""Where decoding ends that the model does not end itself: it says the same few tokens on and on. Pure.

Chatterbox-Turbo often has no stop token after its speech, and is silent up to whatever cap there is:
of one long measurement 28.8 % of all audio was such silence (github.com/ttlequals0/Audicle, #113).
"""

from collections.abc import Sequence

__all__ = ["lingers", "without_lingering"]

# 2 s of 25 tokens a second. A speaker's pause of 1.5 s is 38 tokens, so that a dozen of any run around it
# are speech. How many tokens a real silence is made of was not measured; no speech is made of three.
RUN = 50
FEW = 3  # different tokens in a run
KEPT = 15  # tokens of a run that become a waveform, 0.6 s: enough to hear that it is silence


def lingers(tokens: Sequence[int], fewest: int) -> bool:
    """Whether the last 2 s are the same few tokens, after at least `fewest` others.

    `fewest` is the least that the text may be spoken in: a silence before the speech ends nothing.
    """
    return len(tokens) >= fewest + RUN and len(set(tokens[-RUN:])) <= FEW


def without_lingering(tokens: Sequence[int], fewest: int) -> Sequence[int]:
    """Return what is to become a waveform: of a run at the end only the first 0.6 s."""
    return tokens[: KEPT - RUN] if lingers(tokens, fewest) else tokens
