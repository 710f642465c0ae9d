"""What both sides of the API share: JSON in and out, limits, and requests that are held open."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from localpod.pod import Pod
from localpod.settings import ENDPOINT

__all__ = ["MB", "error_reply", "hold", "parse", "pod_of", "query_ms", "read", "reply"]

MB = 1_000_000
Answer = TypeVar("Answer")


def pod_of(request: Request) -> Pod:
    """Return the application's pod."""
    pod = request.app.state.pod
    assert isinstance(pod, Pod)  # noqa: S101  (for the type checker)
    return pod


def reply(content: Any, status: int = 200) -> Response:
    """Return a JSON response in ASCII, so that lone surrogates survive."""
    return Response(json.dumps(content), status, media_type="application/json")


async def error_reply(_request: Request, error: Exception) -> Response:
    """Return an HTTPException as `{"error": message}`."""
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for no other)
    message = error.detail
    if error.status_code == 404 and message == HTTPStatus.NOT_FOUND.phrase:  # raised by the router
        message = f"there is nothing at this address: the endpoint here is /v2/{ENDPOINT}"
    response = reply({"error": message}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def read(request: Request, limit: int, refusal: int) -> bytes:
    """Return the body.

    Raises:
        HTTPException: Status `refusal` if it has more than `limit` bytes; 400 if it breaks off.
    """
    body = bytearray()
    too_long = int(request.headers.get("content-length", 0)) > limit
    try:
        async for part in request.stream():
            if not too_long:
                body += part  # a body that is too long is read too: clients see the reply only after that
            too_long = too_long or len(body) > limit
    except ClientDisconnect as error:
        raise HTTPException(400, "the body broke off") from error
    if too_long:
        raise HTTPException(refusal, f"the body is over the limit of {limit:,} bytes")
    return bytes(body)


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object that `body` holds, whatever its Content-Type was.

    Raises:
        HTTPException: 400 for anything else, NaN and infinities included.
    """
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise HTTPException(400, f"the body is a JSON {type(value).__name__}, expected an object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def query_ms(request: Request, name: str, default: int, low: int, high: int) -> float:
    """Return a query parameter in milliseconds as seconds, clipped to `low` to `high` milliseconds.

    Raises:
        HTTPException: 400 if it is not a whole number.
    """
    text = request.query_params.get(name, str(default))
    try:
        return min(max(int(text), low), high) / 1000
    except ValueError as error:
        raise HTTPException(400, f"{name} is {text!r}, expected milliseconds") from error


async def hold(
    request: Request,
    topic: str,
    wait_s: float,
    poll: Callable[[], Answer | None],
    next_at: Callable[[], float] = lambda: float("inf"),
) -> Answer | None:
    """Return the first `poll()` that is not None, or None after `wait_s` or when the client has left.

    `poll` may hand out a job or records: it is called only while the client is connected, and nothing is
    awaited between it and the return. It is called at once, at each change of `topic` and at `next_at`.
    """
    pod = pod_of(request)
    until = pod.clock() + wait_s
    while not await request.is_disconnected():
        found = poll()
        left = until - pod.clock()
        if found is not None or left <= 0 or pod.closing:
            return found
        await pod.changes.wait(topic, max(0.0, min(left, next_at() - pod.clock())))
    return None
