"""A job that was submitted, as an object."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chatterpod.protocol import Chunk
from chatterpod.speech import Speech

if TYPE_CHECKING:
    from chatterpod.client import Client

__all__ = ["Job"]


class Job:
    """One job of a client, by its id."""

    def __init__(self, client: "Client", job_id: str) -> None:
        self.id = job_id
        self._client = client

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def status(self) -> dict[str, Any]:
        """Return the job's state as RunPod gives it."""
        return self._client.status(self.id)

    def cancel(self) -> None:
        """Cancel the job; one that has ended stays as it is."""
        self._client.cancel(self.id)

    def stream(self) -> Iterator[Chunk]:
        """Yield its audio, from where its /stream has got to; raises as `Client.receive`."""
        return self._client.receive(self.id)

    def result(self) -> Speech:
        """Wait for its end; return its speech; raises as `Client.result`."""
        return self._client.result(self.id)
