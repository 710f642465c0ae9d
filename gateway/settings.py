"""Settings: `GATEWAY_*` and RunPod's three, read once, frozen; the only module that reads the environment."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from gateway.errors import GatewayStartError
from gateway.limits import Limits

__all__ = ["GatewaySettings"]

RUNPOD = "https://api.runpod.ai/v2"
VOICE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def words(value: str) -> tuple[str, ...]:
    """Return a comma-separated list."""
    return tuple(filter(None, (word.strip() for word in value.split(","))))


def tokens(value: str) -> tuple[str, ...]:
    """Return bearer tokens; short ones can be guessed."""
    found = words(value)
    if any(not 16 <= len(token) <= 512 or not token.isascii() for token in found):
        raise ValueError("expected tokens of 16 to 512 ASCII characters, separated by commas")
    return found


def origins(value: str) -> tuple[str, ...]:
    """Return the sites whose pages may come: `https://example.com`, or `*`."""
    found = words(value)
    for origin in found:
        if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin):
            raise ValueError("expected origins such as https://example.com, separated by commas, or *")
    return found


def voices(value: str) -> dict[str, str]:
    """Return `alloy=anna,nova=default` as a table."""
    pairs = [pair.partition("=") for pair in words(value)]
    if any(not VOICE.fullmatch(name.strip()) or not VOICE.fullmatch(to.strip()) for name, _, to in pairs):
        raise ValueError("expected name=voice, separated by commas")
    return {name.strip(): to.strip() for name, _, to in pairs}


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of a whole number from `low` to `high`."""

    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(value)

    return parse


def switch(value: str) -> bool:
    """Return 0 or 1 as a truth."""
    if value not in {"0", "1"}:
        raise ValueError("expected 0 or 1")
    return value == "1"


PARSERS: dict[str, Callable[[str], Any]] = {
    "tokens": tokens,
    "origins": origins,
    "voices": voices,
    "prewarm": switch,
    "characters_a_day": whole(0, 2**50),
    "requests_a_minute": whole(0, 1_000_000),
    "connections_a_token": whole(0, 100_000),
    "connections": whole(1, 100_000),
    "contexts": whole(1, 1_000),
    "max_characters": whole(1, 1_000_000),
    "max_message_bytes": whole(1_000, 16_000_000),
    "speech_bytes": whole(1_000_000, 2**40),
    "speech_keep_s": whole(10, 86_400),
    "heartbeat_s": whole(1, 3_600),
}


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the operator chose; each field but RunPod's is the variable `GATEWAY_` + its name in capitals."""

    tokens: tuple[str, ...] = field(default=(), repr=False)  # none: everyone on this machine may
    origins: tuple[str, ...] = ()  # of pages beside our own
    voices: Mapping[str, str] = field(default_factory=dict)  # names that clients use -> the worker's
    prewarm: bool = False  # start a worker when somebody connects
    characters_a_day: int = 0  # a token; 0: no limit
    requests_a_minute: int = 0  # a token
    connections_a_token: int = 100
    connections: int = 500
    contexts: int = 8  # of one connection, at once
    max_characters: int = 10_000  # of one context or request
    max_message_bytes: int = 65_536
    speech_bytes: int = 256_000_000  # that /v1/speech keeps in memory, in all
    speech_keep_s: int = 600  # after the last byte was made
    heartbeat_s: int = 15
    endpoint_id: str = ""
    base_url: str = RUNPOD
    api_key: str = field(default="", repr=False)

    @property
    def limits(self) -> Limits:
        """What one token may use."""
        return Limits(self.characters_a_day, self.requests_a_minute, self.connections_a_token)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `env`, by default the process's environment.

        Raises:
            StartError: A `GATEWAY_*` name is unknown, a value is not allowed, or endpoint or key is missing.
        """
        env = os.environ if env is None else env
        values = {}
        for name in sorted(name for name in env if name.startswith("GATEWAY_")):
            known = name.removeprefix("GATEWAY_").lower()
            if known not in PARSERS:
                names = ", ".join(f"GATEWAY_{known.upper()}" for known in PARSERS)
                raise GatewayStartError(f"{name} is not a setting of the gateway; the settings are {names}")
            try:
                values[known] = PARSERS[known](env[name])
            except ValueError as error:
                shown = "" if known == "tokens" else f"={env[name]!r}"
                raise GatewayStartError(f"{name}{shown}: {error}") from None
        for name in ("RUNPOD_ENDPOINT_ID", "RUNPOD_API_KEY"):
            if not env.get(name):
                raise GatewayStartError(f"{name} is not set: the gateway speaks through a RunPod endpoint")
        return cls(
            **values,
            endpoint_id=env["RUNPOD_ENDPOINT_ID"],
            api_key=env["RUNPOD_API_KEY"],
            base_url=env.get("RUNPOD_ENDPOINT_BASE_URL") or RUNPOD,
        )
