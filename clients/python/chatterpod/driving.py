"""What both drivers share: how a request is sent and its answer read."""

from typing import Any

import httpx

from chatterpod.config import Config
from chatterpod.errors import ConfigError
from chatterpod.flow import Answer, NoAnswer

__all__ = ["answered", "host_of", "lost", "settings"]

READ_SECONDS = 100.0  # the endpoint may hold a GET for 90 s
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol)


def settings(config: Config) -> dict[str, Any]:
    """Return the arguments of httpx's clients for an endpoint.

    Redirects, which would carry the key elsewhere, are not followed.

    Raises:
        ConfigError: The base URL is none.
    """
    try:
        url = httpx.URL(config.url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"the base URL is no address: {error}") from None
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {config.api_key}", "Content-Type": "application/json"},
        "timeout": httpx.Timeout(10.0, read=READ_SECONDS, write=60.0, pool=None),
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=4.0),
    }


def answered(response: httpx.Response, began: float, ended: float) -> Answer:
    """Return an answer for the core."""
    try:
        content = response.json()
    except ValueError:
        content = None
    retry_after = seconds(response.headers.get("Retry-After", ""))
    return Answer(response.status_code, content, ended, ended - began, retry_after)


def seconds(header: str) -> float:
    """Return what a Retry-After asks for, at most a minute; 0 where it gives no number."""
    try:
        return max(0.0, min(60.0, float(header)))
    except ValueError:
        return 0.0


def lost(error: httpx.HTTPError, at: float, base: httpx.URL) -> NoAnswer:
    """Return what is left of a request that was not answered."""
    return NoAnswer(type(error).__name__, at, reached=not isinstance(error, NOT_REACHED), host=host_of(base))


def host_of(address: httpx.URL) -> str:
    """Return host and port of an address, for messages: nothing else of it, which may be secret."""
    return address.netloc.decode("ascii")
