"""The memory for voices in use: jobs whose voices do not fit beside those of others wait their turn."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager

from worker.errors import EngineFailedError, VoiceUnusableError

__all__ = ["VoiceRoom"]

WAIT_SECONDS = 30.0  # that a job waits for room, before it fails


class VoiceRoom:
    """Counts the jobs that use each voice, for the event loop only.

    Args:
        sizes: In bytes, of the voices that are ready, by key.
        memory_bytes: For all voices in use; one alone may be larger.
    """

    def __init__(self, sizes: Mapping[str, int], memory_bytes: int) -> None:
        self._sizes = sizes
        self._memory_bytes = memory_bytes
        self._users: Counter[str] = Counter()
        self._largest = 0  # of those seen: what one that is not ready yet is taken for
        self._turn = asyncio.Lock()
        self._left = asyncio.Event()

    @property
    def in_use(self) -> AbstractSet[str]:
        """The keys of the voices that jobs use."""
        return self._users.keys()

    @asynccontextmanager
    async def holding(self, keys: AbstractSet[str]) -> AsyncIterator[None]:
        """Use voices until the end of the block, once they fit beside those that others use.

        Raises:
            EngineFailedError: They did not within half a minute.
        """
        if not keys <= self.in_use:
            try:
                async with asyncio.timeout(WAIT_SECONDS), self._turn:
                    await self._until_they_fit(keys)
            except TimeoutError:
                message = "the voices of other jobs fill the memory for voices: send the job again"
                raise EngineFailedError(message) from None
        self._users.update(keys)
        try:
            yield
        finally:
            self._users.subtract(keys)
            self._users = +self._users
            self._left.set()

    def check(self, keys: AbstractSet[str]) -> None:
        """Refuse a job whose own voices, as far as they are ready, are more than the memory holds.

        Raises:
            VoiceUnusableError: With the figures.
        """
        own = self._total(keys & self._sizes.keys())
        if len(keys) > 1 and own > self._memory_bytes:
            raise VoiceUnusableError(
                f"the job's voices need more than the {self._memory_bytes / 1e6:g} MB that this worker has "
                "for voices: use fewer in one job"
            )

    async def _until_they_fit(self, keys: AbstractSet[str]) -> None:
        while (others := self.in_use - keys) and self._total(others | keys) > self._memory_bytes:
            self._left.clear()
            await self._left.wait()

    def _total(self, keys: AbstractSet[str]) -> int:
        self._largest = max(self._largest, *self._sizes.values(), 0)
        return sum(self._sizes.get(key, self._largest) for key in keys)
