"""The endpoint and the API key, from arguments or else from RunPod's own variables.

No other module of the package reads the environment.
"""

import os
import re
from dataclasses import dataclass, field

from chatterpod.errors import ConfigError

__all__ = ["BASE_URL", "Address", "Config", "addressed", "configured", "key_of"]

BASE_URL = "https://api.runpod.ai/v2"
ENDPOINT = re.compile(r"[A-Za-z0-9_-]+")
RUNPOD = re.compile(r"https://[A-Za-z0-9-]+\.api\.runpod\.ai(/.*)?")  # a load balancer's address
KEY = re.compile(r"[!-~]+")  # what an HTTP header can carry


@dataclass(frozen=True, slots=True)
class Config:
    """One endpoint and its key, which is not in the repr."""

    endpoint_id: str
    base_url: str
    api_key: str = field(repr=False)

    @property
    def url(self) -> str:
        """The URL that paths such as /run are appended to."""
        return f"{self.base_url.rstrip('/')}/{self.endpoint_id}"


@dataclass(frozen=True, slots=True)
class Address:
    """A server that speaks, and the token for it, which is not in the repr."""

    url: str  # http:// or https://, without a slash at the end
    token: str | None = field(repr=False)


def addressed(url: str | None, endpoint_id: str | None, token: str | None) -> Address | None:
    """Return the server to speak to: the argument, else CHATTERPOD_URL; None if an endpoint is meant.

    Its token is the argument, else CHATTERPOD_TOKEN. RUNPOD_API_KEY is sent to RunPod only.

    Raises:
        ConfigError: The URL is not one, or there are both a URL and an endpoint.
    """
    if url is not None and endpoint_id is not None:
        raise ConfigError("url and endpoint_id are two ways to an endpoint: pass one of them")
    url = url or (None if endpoint_id else os.environ.get("CHATTERPOD_URL"))
    if not url:
        return None
    url = re.sub(r"^ws(s?)://", r"http\1://", url.strip()).rstrip("/").removesuffix("/v1")
    if not url.startswith(("https://", "http://")):
        raise ConfigError("url is not a URL: expected https://host or http://host:port")
    token = token or os.environ.get("CHATTERPOD_TOKEN")
    if token is None and RUNPOD.fullmatch(url):
        token = os.environ.get("RUNPOD_API_KEY")
    return Address(url, key_of(token) if token else None)


def key_of(api_key: str | None) -> str:
    """Return the API key: the argument, else RUNPOD_API_KEY.

    Raises:
        ConfigError: It is missing, or has characters that an HTTP header cannot carry.
    """
    api_key = (api_key or os.environ.get("RUNPOD_API_KEY") or "").strip()
    if not api_key:
        raise ConfigError("no API key: pass api_key, or set RUNPOD_API_KEY", "no_key")
    if not KEY.fullmatch(api_key):
        raise ConfigError("the API key has characters that are not allowed in a key (it is not shown here)")
    return api_key


def configured(endpoint_id: str | None, api_key: str | None, base_url: str | None) -> Config:
    """Return the configuration: arguments first, then RunPod's own variables.

    They are RUNPOD_ENDPOINT_ID, RUNPOD_API_KEY and RUNPOD_ENDPOINT_BASE_URL.

    Raises:
        ConfigError: The endpoint or the key is missing or malformed, or base_url is not a URL.
    """
    endpoint_id = (endpoint_id or os.environ.get("RUNPOD_ENDPOINT_ID") or "").strip()
    base_url = base_url or os.environ.get("RUNPOD_ENDPOINT_BASE_URL") or BASE_URL
    if not endpoint_id:
        raise ConfigError("no endpoint: pass endpoint_id or url, or set RUNPOD_ENDPOINT_ID", "no_endpoint")
    if not ENDPOINT.fullmatch(endpoint_id):
        raise ConfigError("the endpoint's id has characters other than letters, digits, '_' and '-'")
    api_key = key_of(api_key)
    if not base_url.startswith(("https://", "http://")):
        raise ConfigError("base_url is not a URL: expected https://host/v2")
    return Config(endpoint_id, base_url, api_key)
