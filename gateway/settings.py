"""Settings: `GATEWAY_*` and RunPod's three, read once, frozen; the only module that reads the environment."""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from gateway.errors import GatewayStartError
from gateway.limits import Limits

__all__ = ["NAMES", "DirectSettings", "GatewaySettings", "NamedVoice"]

log = logging.getLogger("gateway")

RUNPOD = "https://api.runpod.ai/v2"
NAMED_VOICE = re.compile(r"([A-Za-z0-9_-]{1,64})\s*=\s*([A-Za-z0-9_-]{1,64})(?::([A-Za-z0-9-]{2,16}))?")
# Lower case, no path, not a scheme's own port: what else a browser never sends would match nothing.
ORIGIN = re.compile(
    r"\*|null|(?!https?://[^/]*:(?:80|443)$)[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?"
)
EXPECTED = {"int_parsing": "expected a whole number", "bool_type": "expected 0 or 1"}  # by pydantic's error


@dataclass(frozen=True, slots=True)
class NamedVoice:
    """A voice of the worker, and the language of what it reads, if it is always the same."""

    voice: str
    language: str | None = None


def words(value: str) -> tuple[str, ...]:
    """Return a comma-separated list."""
    return tuple(filter(None, (word.strip() for word in value.split(","))))


def parsed_tokens(value: str) -> tuple[str, ...]:
    """Return bearer tokens; a shorter one than 16 characters could be guessed."""
    found = words(value)
    if any(not 16 <= len(token) <= 512 or not token.isascii() for token in found):
        raise ValueError("expected tokens of 16 to 512 ASCII characters, separated by commas")
    return found


def parsed_origins(value: str) -> tuple[str, ...]:
    """Return origins as browsers send them: `https://example.com`, `app://obsidian.md`, `null`; or `*`."""
    found = words(value)
    if not all(map(ORIGIN.fullmatch, found)):
        raise ValueError(
            "expected origins as browsers send them, such as https://example.com, app://obsidian.md or null, "
            "separated by commas, or * alone for all: a path, a pattern, a capital letter or a scheme's own "
            "port matches nothing"
        )
    return found


def parsed_voices(value: str) -> dict[str, NamedVoice]:
    """Return `alloy=anna:de,nova=default` as a table."""
    matches = [NAMED_VOICE.fullmatch(pair) for pair in words(value)]
    if not all(matches):
        raise ValueError("expected name=voice or name=voice:language, separated by commas")
    return {match[1]: NamedVoice(match[2], match[3]) for match in matches if match is not None}


def parsed_language(value: str) -> str:
    """Return a language tag, or `auto`, or `auto:` with the languages to choose from."""
    if not re.fullmatch(r"auto(:[a-z]{2}(,[a-z]{2})+)?|(?!auto)[A-Za-z0-9-]{2,16}", value.strip()):
        raise ValueError(
            "expected a language such as de, auto, or auto:en,de with the languages that may come"
        )
    return value.strip()


def parsed_url(value: str) -> str:
    """Return the URL of a server, without a path."""
    if not re.fullmatch(r"https?://[\w.:\[\]-]+/?", value):
        raise ValueError("expected the URL of a direct worker, such as https://ID.api.runpod.ai")
    return value.rstrip("/")


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """What the operator chose; each field but RunPod's is the variable `GATEWAY_` + its name in capitals.

    The annotations hold for `from_env` alone: the constructor checks nothing.
    """

    # Empty: everyone on this machine may use the gateway.
    tokens: Annotated[tuple[str, ...], BeforeValidator(parsed_tokens)] = field(default=(), repr=False)
    origins: Annotated[
        tuple[str, ...], BeforeValidator(parsed_origins)
    ] = ()  # of pages beside the gateway's own
    # Of GATEWAY_TOKENS or beside them: those that may also add and remove voices.
    voice_tokens: Annotated[tuple[str, ...], BeforeValidator(parsed_tokens)] = field(default=(), repr=False)
    # Names that clients use, each with the worker's voice and perhaps its language.
    voices: Annotated[Mapping[str, NamedVoice], BeforeValidator(parsed_voices)] = field(default_factory=dict)
    # Of texts whose request and voice do not name one.
    language: Annotated[str, BeforeValidator(parsed_language)] = "en"
    # 1: models and voices are listed without a token, voices as they were listed last.
    open_lists: Annotated[bool, BeforeValidator({"0": False, "1": True}.get)] = False
    # 1: start a worker when a client connects.
    prewarm: Annotated[bool, BeforeValidator({"0": False, "1": True}.get)] = False
    characters_a_day: Annotated[int, Field(ge=0, le=2**50)] = 0  # of one token; 0: no limit
    requests_a_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 0  # of one token; 0: no limit
    connections_a_token: Annotated[int, Field(ge=0, le=100_000)] = 100
    connections: Annotated[int, Field(ge=1, le=100_000)] = 500
    contexts: Annotated[int, Field(ge=1, le=1_000)] = 8  # of one connection, at once
    max_characters: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000  # of one context or request
    max_message_bytes: Annotated[int, Field(ge=1_000, le=16_000_000)] = 65_536
    speech_bytes: Annotated[int, Field(ge=1_000_000, le=2**40)] = 256_000_000  # in memory, of all speeches
    speech_keep_s: Annotated[int, Field(ge=10, le=86_400)] = 600  # after the last byte was made
    heartbeat_s: Annotated[int, Field(ge=1, le=3_600)] = 15
    # A socket of a direct server that has nothing to do is closed; 0: never. Behind a balancer 20.
    idle_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    worker_url: Annotated[str, BeforeValidator(parsed_url)] = ""  # of a direct worker, instead of a queue
    # How long a direct worker may take to start.
    cold_seconds: Annotated[int, Field(ge=0, le=3_600)] = 120
    trusted: bool = False  # whether whoever leads requests here has checked who asks
    endpoint_id: str = ""
    base_url: str = RUNPOD
    api_key: str = field(default="", repr=False)

    @property
    def limits(self) -> Limits:
        """The limits of one token."""
        return Limits(self.characters_a_day, self.requests_a_minute, self.connections_a_token)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the settings from `env`, by default the process's environment.

        Raises:
            GatewayStartError: A `GATEWAY_*` name is unknown, a value is not allowed, or the endpoint or
                the key is missing.
        """
        env = os.environ if env is None else env
        needed = () if env.get("GATEWAY_WORKER_URL") else ("RUNPOD_ENDPOINT_ID", "RUNPOD_API_KEY")
        for name in needed:
            if not env.get(name):
                raise GatewayStartError(f"{name} is not set: the gateway speaks through a RunPod endpoint")
        endpoint = {
            "endpoint_id": env.get("RUNPOD_ENDPOINT_ID", ""),
            "api_key": env.get("RUNPOD_API_KEY", ""),
            "base_url": env.get("RUNPOD_ENDPOINT_BASE_URL") or RUNPOD,
        }
        return cls._read(env, endpoint)

    @classmethod
    def direct(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read the settings of a server with a worker of its own; raises as `from_env`, without an endpoint.

        Behind RunPod's load balancer, which has checked the key, nobody is asked for a token unless
        GATEWAY_TOKENS is set.
        """
        env = os.environ if env is None else env
        return cls._read(env, {"trusted": True, "idle_seconds": 20} if is_balanced(env) else {})

    @classmethod
    def _read(cls, env: Mapping[str, str], given: Mapping[str, Any]) -> Self:
        chosen = variables(env)
        values = {**given, **{setting: env[name] for setting, name in chosen.items()}}
        try:
            return TypeAdapter(cls).validate_python(values)
        except ValidationError as problem:
            raise GatewayStartError(explained(problem, chosen, env)) from None


NAMES = tuple(
    each.name
    for each in fields(GatewaySettings)
    if each.name not in {"endpoint_id", "base_url", "api_key", "trusted"}
)
"""The settings that a variable `GATEWAY_` + name in capitals sets."""


def variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that sets each setting, by the setting's name.

    The former names `RELAY_*` count too, with a warning each, where no `GATEWAY_*` name is set.

    Raises:
        GatewayStartError: A name is unknown.
    """
    chosen: dict[str, str] = {}
    for name in sorted(env):  # GATEWAY_ comes before RELAY_
        match = re.fullmatch("(GATEWAY|RELAY)_(.+)", name)
        if match is None:
            continue
        setting = match[2].lower()
        if setting not in NAMES:
            known = ", ".join(f"GATEWAY_{known.upper()}" for known in NAMES)
            raise GatewayStartError(f"{name} is not a setting of the gateway; the settings are {known}")
        chosen.setdefault(setting, name)
        if match[1] == "RELAY":
            log.warning("%s is now GATEWAY_%s; the old name is read for one version more", name, match[2])
    return chosen


def explained(problem: ValidationError, chosen: Mapping[str, str], env: Mapping[str, str]) -> str:
    """Return the first error as one line: the variable, its value if it is not a secret, what is allowed."""
    first = problem.errors(include_url=False)[0]
    setting = str(first["loc"][0])
    name = chosen[setting]
    shown = "" if setting.endswith("tokens") else f"={env[name]!r}"
    message = first["msg"].removeprefix("Value error, ").replace("Input should be", "expected a number")
    return f"{name}{shown}: {EXPECTED.get(first['type'], message)}"


@dataclass(frozen=True, slots=True)
class DirectSettings:
    """Where a direct server listens: RunPod's own variables for a load balancer's workers."""

    port: int = 8010
    health_port: int | None = None  # None: the same
    health_path: str = "/ping"
    is_balanced: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read `PORT`, `PORT_HEALTH` and `HEALTH_CHECK_PATH`.

        Raises:
            GatewayStartError: A value is not allowed.
        """
        env = os.environ if env is None else env
        balanced = is_balanced(env)
        port = port_of("PORT", env, 80 if balanced else 8010)
        path = env.get("HEALTH_CHECK_PATH") or "/ping"
        if not re.fullmatch(r"/[\w./-]{0,200}", path):
            raise GatewayStartError(f"HEALTH_CHECK_PATH={path!r}: expected a path such as /ping")
        health = port_of("PORT_HEALTH", env, port)
        return cls(port, None if health == port else health, path, balanced)


def is_balanced(env: Mapping[str, str]) -> bool:
    """Whether this is an endpoint's worker, to which RunPod's load balancer leads what it has let in.

    An endpoint's id alone is no sign: on a developer's machine the clients read it.
    """
    return bool(env.get("RUNPOD_ENDPOINT_ID") and env.get("RUNPOD_POD_ID"))


def port_of(name: str, env: Mapping[str, str], default: int) -> int:
    """Return the port that a variable names; raises GatewayStartError if it is not one."""
    value = env.get(name) or str(default)
    if not re.fullmatch(r"\d{1,5}", value) or int(value) > 65_535:
        raise GatewayStartError(f"{name}={value!r}: expected a port from 0 to 65535")
    return int(value)
