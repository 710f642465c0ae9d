"""What the endpoints of the gateway share: its settings, who may do what, and the way to RunPod."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from chatterpod import ChatterpodError

from gateway.context import Context
from gateway.errors import Exhausted, OriginRefused, Unauthorized
from gateway.limits import TokenUsage
from gateway.messages import SpeakOptions
from gateway.metrics import Metrics
from gateway.settings import GatewaySettings
from gateway.speaking import BackgroundTasks, ContextSpeech, Endpoint, noted

__all__ = ["Gateway"]

log = logging.getLogger("gateway")

VOICES_EVERY_S = 60.0
WARM_EVERY_S = 30.0  # a worker that was warmed stays so for a while


class Gateway:
    """One gateway; what it counts is for this process alone."""

    def __init__(self, settings: GatewaySettings, endpoint: Endpoint) -> None:
        self.settings = settings
        self.endpoint = endpoint
        self.metrics = Metrics()
        self.background = BackgroundTasks()
        self._usages = {token: TokenUsage(settings.limits) for token in settings.tokens}
        self._anyone = TokenUsage(settings.limits)
        self._warming: asyncio.Task[None] | None = None
        self._warmed_at = float("-inf")
        self._voices: list[str] = []
        self._listed_at = float("-inf")

    def usage(self, authorization: str | None) -> TokenUsage:
        """Return what the bearer of a token has used; without GATEWAY_TOKENS all count as one.

        Raises:
            Unauthorized: There is no token, or not one of ours.
        """
        if not self._usages:
            return self._anyone
        scheme, _, given = (authorization or "").partition(" ")
        found = None
        for token, usage in self._usages.items():  # all of them: the time tells nothing about the token
            if secrets.compare_digest(token.encode(), given.strip().encode("utf-8", "replace")):
                found = usage
        if scheme.lower() != "bearer" or found is None:
            raise Unauthorized("expected the header Authorization: Bearer TOKEN with a token of this gateway")
        return found

    def check_origin(self, origin: str | None, host: str | None) -> None:
        """Let programs, our own pages and those of GATEWAY_ORIGINS pass.

        Raises:
            OriginRefused: The request comes from another site's page.
        """
        allowed = self.settings.origins
        if origin is None or "*" in allowed or origin in allowed or urlsplit(origin).netloc == host:
            return
        raise OriginRefused("pages of this origin may not use the gateway: GATEWAY_ORIGINS lists who may")

    def check_room(self) -> None:
        """Keep the number of WebSockets bounded.

        Raises:
            Exhausted: As many as allowed are open.
        """
        if self.metrics.connections >= self.settings.connections:
            raise Exhausted("the gateway has as many connections as it takes", 5.0)

    def count_request(self, usage: TokenUsage, kind: str) -> None:
        """Count a request or a context; raises as `TokenUsage.request`."""
        usage.request(time.time())
        self.metrics.count("requests", kind)

    def count_characters(self, usage: TokenUsage, count: int) -> None:
        """Count text to speak; raises as `TokenUsage.characters`."""
        usage.characters(count, time.time())
        self.metrics.count("characters", by=count)

    def fields(self, options: SpeakOptions) -> Mapping[str, Any]:
        """Return the worker's fields, with the voice under the worker's name."""
        voice = self.settings.voices.get(options.voice, options.voice)
        return options.manner() | ({"voice": voice} if voice != "default" else {})

    def speaking(self, context: Context) -> ContextSpeech:
        """Return what speaks a context."""
        return ContextSpeech(context, self.endpoint, self.metrics, self.background)

    def prewarm(self) -> None:
        """Have a worker started, if that is wanted and was not just done."""
        now = time.monotonic()
        if self.settings.prewarm and now - self._warmed_at >= WARM_EVERY_S:
            self._warmed_at = now
            self._warming = self.background.start(self._warm())

    async def voices(self) -> list[str]:
        """Return the names of the worker's voices, asked for once in a while.

        Raises:
            EndpointFailed: The endpoint did not say.
        """
        now = time.monotonic()
        if now - self._listed_at >= VOICES_EVERY_S:
            try:
                record = await self.endpoint.operate("voices")
            except ChatterpodError as error:
                raise noted(error) from error
            self._voices = [str(name) for name in record.get("voices", ())]
            self._listed_at = now
        return self._voices

    async def close(self, seconds: float) -> None:
        """Cancel what still is at the endpoint, in no longer than so many seconds; then leave it."""
        if self._warming is not None:
            self._warming.cancel()
        if late := await self.background.settle(seconds):
            log.warning(
                "%d jobs may still run: the endpoint took more than %g s to cancel them", late, seconds
            )
        await self.endpoint.close()

    async def _warm(self) -> None:
        await self.endpoint.operate("warm")
