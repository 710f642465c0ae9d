"""A context of a WebSocket's connection, and the silences after which its text is spoken."""

import asyncio
import time
from dataclasses import dataclass, field

from gateway.context import Context, ContextState
from gateway.endpoint import ContextSpeech
from segmenter import Silence

__all__ = ["ActiveContext"]

# Seconds without more text: what has ended is spoken, then what may go on (Dr., 3.), then what is open.
SILENCES = ((0.4, Silence.SHORT), (2.5, Silence.MEDIUM), (5.0, Silence.LONG))


@dataclass(slots=True)
class ActiveContext:
    """A context of a connection, and the task that sends its audio."""

    context: Context
    speech: ContextSpeech
    sender: asyncio.Task[None] | None = None
    pause_timer: asyncio.TimerHandle | None = None
    text_at: float = field(default_factory=time.monotonic)  # when the last text came

    def restart_timer(self) -> None:
        """Have what is over spoken if no more text comes for one of `SILENCES`."""
        self.stop_timer()
        self.text_at = time.monotonic()
        self._wait(0)

    def close_if_silent(self) -> None:
        """Close the context if no text comes any more; what it has is still spoken."""
        if self.context.state is ContextState.OPEN and time.monotonic() - self.text_at > SILENCES[-1][0]:
            self.context.close()
            self.speech.update()

    def stop_timer(self) -> None:
        """Stop the timer, if it runs."""
        if self.pause_timer is not None:
            self.pause_timer.cancel()

    def _wait(self, number: int) -> None:
        waited = SILENCES[number - 1][0] if number else 0.0
        wait = SILENCES[number][0] - waited
        self.pause_timer = asyncio.get_running_loop().call_later(wait, self._paused, number)

    def _paused(self, number: int) -> None:
        self.context.pause(SILENCES[number][1])
        self.speech.update()
        if number + 1 < len(SILENCES):
            self._wait(number + 1)
