"""RunPod's REST API v2, which manages an account: what `chatterpod deploy` needs of it."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx

from chatterpod.config import key_of
from chatterpod.driving import host_of, seconds
from chatterpod.errors import ApiError, AuthError, ConfigError, NotFound

__all__ = ["API_URL", "Management"]

API_URL = "https://api.runpod.io/v2"
TRIES = 4
PASSING = frozenset({429, 500, 502, 503, 504})
LINE = 300  # characters of what the API says


class Management:
    """Talks to the API with an account's key; close it, or use it in a `with`.

    Raises:
        ConfigError: There is no key, or the address is none.
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
            raise ConfigError(f"--api-url is no address: expected {API_URL}")
        self._sleep = sleep
        self._asked_wait = 0.0  # seconds, of the last refusal
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers={"Authorization": f"Bearer {key}"}, timeout=60.0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def listed(self, path: str, name: str) -> list[dict[str, Any]]:
        """Return the list that a GET answers under `name`; tried again where trouble may pass."""
        for tried in range(1, TRIES + 1):
            try:
                content = self._answer("GET", path)
            except ApiError as error:
                if tried == TRIES or error.status not in {None, *PASSING}:
                    raise
                self._sleep(max(float(tried), self._asked_wait))
                continue
            rows = content.get(name)
            if not isinstance(rows, list):
                raise ApiError(f"RunPod's answer to {path} has no list of {name}")
            return rows
        raise AssertionError

    def change(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make one change, once; return what is there then.

        Raises:
            ApiError: It was refused, or nobody knows: look again before it is repeated.
        """
        return self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self._asked_wait = 0.0
        try:
            response = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            after = "" if body is None else "; it may have arrived: run it again, nothing is made twice"
            where = f"at {host_of(self._http.base_url)} ({type(error).__name__})"
            raise ApiError(f"RunPod's API cannot be reached {where}{after}") from None
        try:
            content = response.json()
        except ValueError:
            content = None
        if response.is_success and isinstance(content, dict):
            return content
        self._asked_wait = seconds(response.headers.get("Retry-After", ""))
        raise refusal(response.status_code, path, content)


def refusal(status: int, path: str, content: Any) -> ApiError:
    """Return the error for an answer that is none of success; it never holds the key."""
    problem = content if isinstance(content, dict) else {}
    parts = [problem.get("detail") or problem.get("title"), *(problem.get("errors") or ())]
    said = "; ".join(str(part) for part in parts if part)[:LINE].replace("\n", " ")
    if status == 401:
        return AuthError("RunPod refused the API key (HTTP 401)", status)
    if status == 403:
        return AuthError(
            "the API key may not do this (HTTP 403): it needs write access to Serverless", status
        )
    message = f"RunPod answered HTTP {status} to {path}" + (f": {said}" if said else "")
    return NotFound(message, status) if status == 404 else ApiError(message, status)
