"""What T3 is in both models: its speech tokens, its head, and what makes its matrix products."""

from collections.abc import Callable

from worker.engines.chatterbox.linear import Linear

__all__ = ["HEAD", "HEAD_SIZE", "SILENCE", "START", "STOP", "Make"]

HEAD = "speech_head"  # the one product whose weight every checkpoint stores as [out, in]
HEAD_SIZE = 64
START, STOP = 6561, 6562  # speech tokens that stand for no sound
SILENCE = 4299  # the speech token of silence

Make = Callable[[str], Linear]  # from a weight's name to its product
