"""The endpoint and the API key, from arguments or else from RunPod's own variables.

No other module of the package reads the environment.
"""

import os
import re
from dataclasses import dataclass, field

from chatterpod.errors import ConfigError

__all__ = ["BASE_URL", "Config", "configured", "key_of"]

BASE_URL = "https://api.runpod.ai/v2"
ENDPOINT = re.compile(r"[A-Za-z0-9_-]+")
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
        raise ConfigError("no endpoint: pass endpoint_id, or set RUNPOD_ENDPOINT_ID", "no_endpoint")
    if not ENDPOINT.fullmatch(endpoint_id):
        raise ConfigError("the endpoint's id has characters other than letters, digits, '_' and '-'")
    api_key = key_of(api_key)
    if not base_url.startswith(("https://", "http://")):
        raise ConfigError("base_url is not a URL: expected https://host/v2")
    return Config(endpoint_id, base_url, api_key)
