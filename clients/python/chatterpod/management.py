"""The part of RunPod's REST API v2 that `chatterpod deploy` uses."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx

from chatterpod.config import key_of
from chatterpod.driving import host_of, retry_after_s
from chatterpod.errors import ApiError, AuthError, ConfigError, NotFound

__all__ = ["API_URL", "Management"]

API_URL = "https://api.runpod.io/v2"
TRIES = 4
RETRIED = frozenset({429, 500, 502, 503, 504})
LINE = 300  # characters of the API's message


class Management:
    """A client of the API with an account's key; use it in a `with`.

    Raises:
        ConfigError: The key is missing or malformed, or the URL is not one.
    """

    def __init__(
        self,
        api_key: str | None = None,
        url: str = API_URL,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        key = key_of(api_key)
        if not url.startswith(("https://", "http://")):
            raise ConfigError(f"--api-url is not a URL: expected one such as {API_URL}")
        self._sleep = sleep
        self._retry_after = 0.0  # seconds, of the last refusal
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers={"Authorization": f"Bearer {key}"}, timeout=60.0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def listed(self, path: str, name: str) -> list[dict[str, Any]]:
        """Return the list `name` in the answer to a GET; retry failures that may pass."""
        for tried in range(1, TRIES + 1):
            try:
                content = self._answer("GET", path)
            except ApiError as error:
                if tried == TRIES or error.status not in {None, *RETRIED}:
                    raise
                self._sleep(max(float(tried), self._retry_after))
                continue
            rows = content.get(name)
            if not isinstance(rows, list):
                raise ApiError(f"RunPod's answer to {path} has no list of {name}")
            return rows
        raise AssertionError

    def change(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make one change, without retries; return the changed object.

        Raises:
            ApiError: It was refused, or the answer was lost: the change may have been made.
        """
        return self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self._retry_after = 0.0
        try:
            response = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            after = (
                ""
                if body is None
                else "; the change may have been made: run the command again, nothing is made twice"
            )
            where = f"at {host_of(self._http.base_url)} ({type(error).__name__})"
            raise ApiError(f"RunPod's API cannot be reached {where}{after}") from None
        try:
            content = response.json()
        except ValueError:
            content = None
        if response.is_success and isinstance(content, dict):
            return content
        self._retry_after = retry_after_s(response.headers.get("Retry-After", ""))
        raise refusal(response.status_code, path, content)


def refusal(status: int, path: str, content: Any) -> ApiError:
    """Map a non-2xx response to an error; its message never contains the API key."""
    problem = content if isinstance(content, dict) else {}
    parts = [problem.get("detail") or problem.get("title"), *(problem.get("errors") or ())]
    reason = "; ".join(str(part) for part in parts if part)[:LINE].replace("\n", " ")
    if status == 401:
        return AuthError("RunPod refused the API key (HTTP 401)", status)
    if status == 403:
        return AuthError(
            "the API key may not do this (HTTP 403): it needs write access to Serverless", status
        )
    message = f"RunPod answered HTTP {status} to {path}" + (f": {reason}" if reason else "")
    return NotFound(message, status) if status == 404 else ApiError(message, status)
