"""The text of a job while it comes: written by whoever serves the client, read by the job."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from segmenter import Silence

__all__ = ["IncomingText"]


class IncomingText:
    """A text that comes in parts; for the event loop only."""

    def __init__(self) -> None:
        self.text = ""  # all of it so far, as given
        self.closed = False
        self.withdrawn = False  # whether it was whole before any of it was spoken, so that it is a plain text
        self._inputs: deque[str | Silence] = deque()
        self._changed = asyncio.Event()

    def push(self, text: str) -> None:
        """Add text."""
        self.text += text
        self._inputs.append(text)
        self._changed.set()

    def rest(self, silence: Silence) -> None:
        """Have spoken what is over: no text has come for so long."""
        self._inputs.append(silence)
        self._changed.set()

    def close(self) -> None:
        """Add no more text."""
        self.closed = True
        self._changed.set()

    async def begun(self) -> None:
        """Wait until there is a letter, or no more text will come."""
        while not self.closed and not self.text.strip():
            self._changed.clear()
            await self._changed.wait()

    async def inputs(self) -> AsyncGenerator[str | Silence, None]:
        """Yield what comes, in order, until no more will."""
        while True:
            while self._inputs:
                yield self._inputs.popleft()
            if self.closed:
                return
            self._changed.clear()
            await self._changed.wait()
