"""How both drivers set up httpx and read its responses."""

from typing import Any

import httpx

from chatterpod.config import Config
from chatterpod.errors import ConfigError
from chatterpod.flow import HttpAnswer, NoAnswer

__all__ = ["answer_of", "host_of", "http_options", "no_answer_of", "retry_after_s"]

READ_SECONDS = 100.0  # the endpoint may hold a GET for 90 s
NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol)


def http_options(config: Config) -> dict[str, Any]:
    """Return the arguments of httpx's clients for an endpoint.

    Redirects are not followed: they would send the key to another address.

    Raises:
        ConfigError: The base URL is not a URL.
    """
    try:
        url = httpx.URL(config.url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"base_url is not a URL: {error}") from None
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {config.api_key}", "Content-Type": "application/json"},
        "timeout": httpx.Timeout(10.0, read=READ_SECONDS, write=60.0, pool=None),
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=4.0),
    }


def answer_of(response: httpx.Response, began: float, ended: float) -> HttpAnswer:
    """Return a response as the core's HttpAnswer; `began` and `ended` are seconds of the driver's clock."""
    try:
        content = response.json()
    except ValueError:
        content = None
    retry_after = retry_after_s(response.headers.get("Retry-After", ""))
    return HttpAnswer(response.status_code, content, ended, ended - began, retry_after)


def retry_after_s(header: str) -> float:
    """Return the seconds of a Retry-After header, at most 60; 0 if it is not a number."""
    try:
        return max(0.0, min(60.0, float(header)))
    except ValueError:
        return 0.0


def no_answer_of(error: httpx.HTTPError, at: float, base: httpx.URL) -> NoAnswer:
    """Return a request's failure as the core's NoAnswer."""
    return NoAnswer(type(error).__name__, at, reached=not isinstance(error, NOT_REACHED), host=host_of(base))


def host_of(address: httpx.URL) -> str:
    """Return the host and port of a URL, for messages; the rest of it may be secret."""
    return address.netloc.decode("ascii")
