"""What T3 is in both models: its tokens, its head, and who makes its matrix products."""

from collections.abc import Callable

from worker.engines.chatterbox.linear import Linear

__all__ = [
    "HEAD",
    "HEAD_SIZE",
    "START",
    "STOP",
    "Make",
]

HEAD = "speech_head"  # the one product whose weight every checkpoint stores as [out, in]
START, STOP = 6561, 6562  # speech tokens that are no speech
HEAD_SIZE = 64

Make = Callable[[str], Linear]
SILENCE = 4299  # the speech token of silence; upstream ends every utterance with three
