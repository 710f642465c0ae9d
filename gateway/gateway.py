"""What the gateway's routes share: settings, access, limits, counters, and the endpoint."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.background import BackgroundTasks
from gateway.context import Context
from gateway.endpoint import Endpoint, Speech
from gateway.errors import Exhausted, OriginRefused, Unauthorized
from gateway.limits import TokenUsage
from gateway.messages import SpeakOptions
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings

__all__ = ["Gateway"]

log = logging.getLogger("gateway")

VOICES_EVERY_S = 60.0
WARM_EVERY_S = 30.0  # a worker stays warm for longer


class Gateway:
    """One gateway; its limits and counters are of this process only.

    Args:
        settings: The operator's.
        endpoint_of: Returns what it speaks through, given the counters and the tasks that outlive requests.
    """

    def __init__(
        self, settings: GatewaySettings, endpoint_of: Callable[[Metrics, BackgroundTasks], Endpoint]
    ) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.background = BackgroundTasks()
        self.endpoint = endpoint_of(self.metrics, self.background)
        self._usages = {token: TokenUsage(settings.limits) for token in settings.tokens}
        self._shared_usage = TokenUsage(settings.limits)
        self._warming: asyncio.Task[None] | None = None
        self._warmed_at = float("-inf")
        self._voices: list[str] = []
        self._listed_at = float("-inf")

    def usage(self, authorization: str | None) -> TokenUsage:
        """Return the usage of the header's token; without GATEWAY_TOKENS all clients share one.

        Raises:
            Unauthorized: The token is missing or not one of GATEWAY_TOKENS.
        """
        if not self._usages:
            return self._shared_usage
        scheme, _, sent = (authorization or "").partition(" ")
        found = None
        for (
            token,
            usage,
        ) in self._usages.items():  # all, so that the time reveals nothing
            if secrets.compare_digest(token.encode(), sent.strip().encode("utf-8", "replace")):
                found = usage
        if scheme.lower() != "bearer" or found is None:
            raise Unauthorized("expected the header Authorization: Bearer TOKEN with a token of this gateway")
        return found

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """Allow programs, the gateway's own pages and those of GATEWAY_ORIGINS.

        Raises:
            OriginRefused: The request comes from a page of another site.
        """
        allowed = self.settings.origins
        if origin is None or "*" in allowed or origin in allowed or urlsplit(origin).netloc == host:
            return
        raise OriginRefused("pages of this origin may not use the gateway: GATEWAY_ORIGINS lists others")

    def check_connections(self) -> None:
        """Keep the number of WebSockets bounded.

        Raises:
            Exhausted: The most connections allowed are open.
        """
        if self.metrics.connections >= self.settings.connections:
            raise Exhausted("the gateway has the most connections that it takes", 5.0)

    def count_request(self, usage: TokenUsage, kind: str) -> None:
        """Count a request or a context; raises as `TokenUsage.request`."""
        usage.request(time.time())
        self.metrics.count("requests", kind)

    def count_characters(self, usage: TokenUsage, count: int) -> None:
        """Count text to speak; raises as `TokenUsage.characters`."""
        usage.characters(count, time.time())
        self.metrics.count("characters", by=count)

    def fields(self, options: SpeakOptions) -> Mapping[str, Any]:
        """Return the worker's fields, with the voice's name at the worker."""
        voice = self.settings.voices.get(options.voice, options.voice)
        return options.worker_fields() | ({"voice": voice} if voice != "default" else {})

    def speech(self, context: Context) -> Speech:
        """Return the speech of a context, which the caller has to stop."""
        return self.endpoint.speech(context)

    def prewarm(self) -> None:
        """Start a worker if GATEWAY_PREWARM is set, at most every `WARM_EVERY_S`."""
        now = time.monotonic()
        if self.settings.prewarm and now - self._warmed_at >= WARM_EVERY_S:
            self._warmed_at = now
            self._warming = self.background.start(self.endpoint.warm())

    async def voices(self) -> list[str]:
        """Return the names of the worker's voices, at most `VOICES_EVERY_S` old.

        Raises:
            GatewayError: The endpoint did not answer.
        """
        now = time.monotonic()
        if now - self._listed_at >= VOICES_EVERY_S:
            self._voices = await self.endpoint.voices()
            self._listed_at = now
        return self._voices

    async def close(self, seconds: float) -> None:
        """Wait up to `seconds` until all jobs are cancelled; then close the endpoint's connections."""
        if self._warming is not None:
            self._warming.cancel()
        if late := await self.background.settle(seconds):
            log.warning(
                "%d jobs may still run: the endpoint took more than %g s to cancel them", late, seconds
            )
        await self.endpoint.close()
