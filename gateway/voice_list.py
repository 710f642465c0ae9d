"""The names of the worker's voices, as they were listed last, and the names that GATEWAY_VOICES adds."""

import asyncio
import time
from collections.abc import Mapping

from gateway.endpoint import Endpoint
from gateway.settings import NamedVoice

__all__ = ["VoiceList"]

LISTED_EVERY_S = 60.0


class VoiceList:
    """The voices of one endpoint."""

    def __init__(self, endpoint: Endpoint, named: Mapping[str, NamedVoice]) -> None:
        self._endpoint = endpoint
        self._named = named
        self._names = ["default"]
        self._listed_at = float("-inf")
        self._asking = asyncio.Lock()

    async def current(self) -> list[dict[str, str]]:
        """Return `id` and `name` of all voices, at most `LISTED_EVERY_S` old; raises as `Endpoint.voices`.

        However many ask at once, the endpoint is asked by one.
        """
        async with self._asking:
            now = time.monotonic()
            if now - self._listed_at >= LISTED_EVERY_S:
                self._names = await self._endpoint.voices()
                self._listed_at = now
        return self.last()

    def last(self) -> list[dict[str, str]]:
        """Return the voices as they were listed last, without a request to the endpoint."""
        own = [{"id": name, "name": name} for name in self._names]
        return own + [
            {"id": name, "name": named.voice}
            for name, named in self._named.items()
            if named.voice in self._names
        ]

    def expire(self) -> None:
        """Have `current` list them anew: one was added or removed."""
        self._listed_at = float("-inf")
