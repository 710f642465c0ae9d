"""What was read of jobs and not yet given on: bounded for each job, and for the process."""

import asyncio
from collections.abc import Callable

from chatterpod import Chunk

from gateway.errors import GatewayError

__all__ = ["JobAudio", "ReadAhead"]

JOB_BYTES = 500_000  # a job is read no further while it has more: a minute of MP3, ten seconds of samples
PROCESS_BYTES = 64_000_000  # while all have more, only those are read whose listener waits
CHUNKS = 8  # of one job
LOOK_S = 0.25


class ReadAhead:
    """The bytes that all jobs of a process have read ahead."""

    def __init__(self) -> None:
        self.size = 0


class JobAudio:
    """One job's chunks, from its reader to its listener: an error or None is the last.

    Args:
        ahead: What all jobs have read.
        is_next: Whether the listener waits for this job, not for one before it.
    """

    def __init__(self, ahead: ReadAhead, is_next: Callable[[], bool]) -> None:
        self._ahead = ahead
        self._is_next = is_next
        self._chunks: asyncio.Queue[Chunk | GatewayError | None] = asyncio.Queue(CHUNKS)
        self._size = 0
        self._given = 0  # bytes of the chunk that `get` returned last: they are being sent
        self._less = asyncio.Event()

    async def room(self) -> None:
        """Wait until the job may be read on."""
        while self._size > JOB_BYTES:
            self._less.clear()
            await self._less.wait()
        while self._ahead.size > PROCESS_BYTES and (self._size or not self._is_next()):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)  # seldom so: an event for each of hundreds would cost more

    async def put(self, chunk: Chunk | GatewayError | None) -> None:
        """Add what was read; wait while `CHUNKS` are there."""
        if isinstance(chunk, Chunk):
            self._count(len(chunk.audio))
        await self._chunks.put(chunk)

    async def get(self) -> Chunk | GatewayError | None:
        """Return the next chunk, once there is one; the one before it has been given on."""
        self._count(-self._given)
        self._given = 0
        chunk = await self._chunks.get()
        self._given = len(chunk.audio) if isinstance(chunk, Chunk) else 0
        return chunk

    def drop(self) -> None:
        """Count what is left as given on: nobody listens any more."""
        self._count(-self._size)
        self._given = 0

    def _count(self, size: int) -> None:
        self._size += size
        self._ahead.size += size
        if size < 0:
            self._less.set()
