"""What the gateway speaks through: an endpoint, and the speeches that it makes. No I/O.

`gateway.queue_endpoint` is the implementation for RunPod's queue. Routes know these protocols only.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from gateway.context import Context
from gateway.timeline import PlacedChunk

__all__ = ["ContextSpeech", "Endpoint"]


class ContextSpeech(Protocol):
    """One context being spoken. Its creator calls `stop` at the end, also after an error."""

    @property
    def context(self) -> Context:
        """The text, its state, and the captions so far."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the worker has warned of so far; complete when `chunks` has ended."""

    def update(self) -> None:
        """Begin to speak what is new in the context; to be called after each change of it."""

    def chunks(self) -> AsyncGenerator[PlacedChunk, None]:
        """Yield the context's audio, in order, until it is done or cancelled.

        Raises:
            GatewayError: The endpoint failed; the context has failed then.
        """

    def stop(self) -> None:
        """Make no more of it, whatever is queued or under way."""


class Endpoint(Protocol):
    """Where speech is made. All methods but `speech` and `close` raise GatewayError if that fails."""

    def speech(self, context: Context) -> ContextSpeech:
        """Return the speech of a context, which the caller has to stop."""

    async def warm(self) -> None:
        """Start a worker, if none runs."""

    async def voices(self) -> list[str]:
        """Return the names of the worker's voices."""

    async def add_voice(self, name: str, clip: bytes) -> Mapping[str, Any]:
        """Learn a voice from the file of a recording; return its `name`, `seconds` and `replaced`."""

    async def remove_voice(self, name: str) -> None:
        """Remove a voice that was added."""

    def figures(self) -> Mapping[str, float]:
        """Return what its worker has and does now, by name; nothing if that is not known here."""

    async def close(self) -> None:
        """Close the connections."""
