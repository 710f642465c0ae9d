"""What the gateway's routes share: settings, access, limits, counters, and the endpoint."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from gateway.background import BackgroundTasks
from gateway.context import LANGUAGE, Context
from gateway.door import Door
from gateway.endpoint import ContextSpeech, Endpoint
from gateway.errors import (
    BadRequest,
    Forbidden,
    GatewayShutdown,
    OriginRefused,
    Unauthorized,
)
from gateway.language import LANGUAGES, LanguageDetector
from gateway.limits import TokenUsage
from gateway.messages import CommonFields
from gateway.metrics import Metrics
from gateway.readiness import Readiness
from gateway.settings import GatewaySettings, NamedVoice
from gateway.voice_list import VoiceList

__all__ = ["Gateway", "is_this_machine"]

log = logging.getLogger("gateway")

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
        self.door = Door(settings.connections, partial(self.metrics.count, "limits"))
        self.readiness = Readiness.READY
        self.draining = asyncio.Event()
        self.background = BackgroundTasks()
        self.endpoint = endpoint_of(self.metrics, self.background)
        self.voices = VoiceList(self.endpoint, settings.voices)
        self._detector = detector_of(settings.language)
        tokens = (*settings.tokens, *settings.voice_tokens)
        self._usages = {token: TokenUsage(settings.limits) for token in tokens}
        self._shared_usage = TokenUsage(settings.limits)
        self._warming: asyncio.Task[None] | None = None
        self._warmed_at = float("-inf")

    def usage(self, authorization: str | None) -> TokenUsage:
        """Return the usage of the header's token; without GATEWAY_TOKENS all clients share one.

        Raises:
            Unauthorized: The token is missing or not one of GATEWAY_TOKENS.
        """
        if not self.settings.tokens:
            return self._shared_usage
        token = sent_token(authorization, self._usages)
        if token is None:
            raise Unauthorized("expected the header Authorization: Bearer TOKEN with a token of this gateway")
        return self._usages[token]

    def check_voice_token(self, authorization: str | None) -> None:
        """Allow those that may change the endpoint's voices.

        Raises:
            Forbidden: The token is not one of GATEWAY_VOICE_TOKENS.
        """
        if sent_token(authorization, self.settings.voice_tokens) is None:
            raise Forbidden(
                "this token may not add or remove voices: GATEWAY_VOICE_TOKENS lists those that may"
            )

    def check_page(self, headers: Mapping[str, str]) -> None:
        """Allow programs, the gateway's own pages and those of GATEWAY_ORIGINS.

        Without GATEWAY_TOKENS the Host has to be this machine's, since a page can have a name of its own
        point here; and a picture or a link of another site asks for nothing, though it sends no Origin.

        Raises:
            OriginRefused: The request comes from a page of another site.
        """
        allowed, origin, host = self.settings.origins, headers.get("origin"), headers.get("host", "")
        is_open = not self.settings.tokens and not self.settings.trusted
        if is_open and not is_this_machine(host):
            raise OriginRefused("the Host is not this machine's: without GATEWAY_TOKENS no other is served")
        if "*" in allowed:
            return
        foreign = is_open and headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        if origin not in {*allowed, f"http://{host}", f"https://{host}"} and (origin is not None or foreign):
            raise OriginRefused("pages of this origin may not use the gateway: GATEWAY_ORIGINS lists others")

    def check_readiness(self) -> None:
        """Take speech only while the process does not end.

        Raises:
            GatewayShutdown: It is about to end.
        """
        if not self.readiness.takes_speech:
            raise GatewayShutdown("the server is ending: another one takes new speech", 1.0)

    def count_request(self, usage: TokenUsage, kind: str) -> None:
        """Count a request or a context.

        Raises:
            Exhausted: More than the token may make.
            GatewayShutdown: The process is about to end.
        """
        self.check_readiness()
        usage.request(time.time())
        self.metrics.count("requests", kind)

    def count_characters(self, usage: TokenUsage, count: int) -> None:
        """Count text to speak; raises as `TokenUsage.characters`."""
        usage.characters(count, time.time())
        self.metrics.count("characters", by=count)

    def fields(self, options: CommonFields, voice: str, text: str = "") -> dict[str, Any]:
        """Return the worker's fields, with the voice's name at the worker and the language.

        The language is the request's, else the voice's, else the gateway's; `auto` is guessed from `text`,
        as far as that is known.

        Raises:
            BadRequest: The request's language is `auto`, and the gateway does not guess.
        """
        named = self.settings.voices.get(voice, NamedVoice(voice))
        language = options.language or named.language or self.settings.language
        if language.partition(":")[0] == "auto":
            if self._detector is None:
                raise BadRequest(
                    "language is 'auto', expected a language: GATEWAY_LANGUAGE is not auto", LANGUAGE
                )
            language = self._detector.language_of(text)
        fields = options.worker_fields() | {"voice": named.voice, "language": language}
        plain = {"voice": "default", "language": "en"}
        return {name: value for name, value in fields.items() if plain.get(name) != value}

    def speech(self, context: Context) -> ContextSpeech:
        """Return the speech of a context, which the caller has to stop."""
        return self.endpoint.speech(context)

    def drain(self) -> None:
        """Take no more speech; connections end when they have nothing left to speak."""
        self.readiness = Readiness.DRAINING
        self.draining.set()

    def prewarm(self) -> None:
        """Start a worker if GATEWAY_PREWARM is set, at most every `WARM_EVERY_S`."""
        now = time.monotonic()
        if self.settings.prewarm and now - self._warmed_at >= WARM_EVERY_S:
            self._warmed_at = now
            self._warming = self.background.start(self.endpoint.warm())

    async def close(self, seconds: float) -> None:
        """Wait up to `seconds` until all jobs are cancelled; then close the endpoint's connections."""
        if self._warming is not None:
            self._warming.cancel()
        if late := await self.background.settle(seconds):
            log.warning(
                "%d jobs may still run: the endpoint took more than %g s to cancel them", late, seconds
            )
        await self.endpoint.close()


def is_this_machine(host: str) -> bool:
    """Whether a Host header, or a name or address, can be reached from this machine only."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or ip_address(name).is_loopback
    except ValueError:
        return False


def sent_token(authorization: str | None, tokens: Iterable[str]) -> str | None:
    """Return the token of an Authorization header if it is one of `tokens`; its time reveals nothing."""
    scheme, _, sent = (authorization or "").partition(" ")
    found = None
    for token in tokens:
        if secrets.compare_digest(token.encode(), sent.strip().encode("utf-8", "replace")):
            found = token
    return found if scheme.lower() == "bearer" else None


def detector_of(language: str) -> LanguageDetector | None:
    """Return what guesses languages if GATEWAY_LANGUAGE says so; raises as `LanguageDetector`."""
    name, _, several = language.partition(":")
    return LanguageDetector(several or LANGUAGES) if name == "auto" else None
