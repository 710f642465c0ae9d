"""The clips that are being fetched: each fetch ends with its job, all of them when the process is to end."""

import asyncio
from collections.abc import Awaitable, Callable

from worker.errors import ShuttingDownError, VoiceUnusableError

__all__ = ["Fetch", "OpenFetches", "refuse"]

Fetch = Callable[[str], Awaitable[bytes]]


async def refuse(_: str) -> bytes:
    """Refuse to fetch any clip."""
    raise VoiceUnusableError("this worker does not fetch clips")


class OpenFetches:
    """Calls `fetch`, which returns the file at a URL; for the event loop only."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._tasks: set[asyncio.Task[bytes]] = set()
        self._stopped = False

    async def file_at(self, url: str) -> bytes:
        """Return the file at a URL; raises what `fetch` raises.

        Raises:
            ShuttingDownError: `stop` was called.
        """
        task = asyncio.ensure_future(self._fetch(url))
        self._tasks.add(task)
        if self._stopped:
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            job = asyncio.current_task()
            if job is None or job.cancelling():
                raise
            raise ShuttingDownError("the worker is shutting down: send the job again") from None
        finally:
            self._tasks.discard(task)

    def stop(self) -> None:
        """Break off all fetches, and fetch no more."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()
