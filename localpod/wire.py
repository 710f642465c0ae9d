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
    """Return the endpoint that the application serves."""
    pod = request.app.state.pod
    assert isinstance(pod, Pod)  # noqa: S101  (ours to break, nobody else's)
    return pod


def reply(content: Any, status: int = 200) -> Response:
    """Answer in JSON, as ASCII: text with lone surrogates survives."""
    return Response(json.dumps(content), status, media_type="application/json")


async def error_reply(_request: Request, error: Exception) -> Response:
    """Answer an HTTPException as `{"error": …}`."""
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for no other)
    said = error.detail
    if error.status_code == 404 and said == HTTPStatus.NOT_FOUND.phrase:  # of no route of ours
        said = f"there is nothing at this address: the endpoint here is /v2/{ENDPOINT}"
    response = reply({"error": said}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def read(request: Request, limit: int, refusal: int) -> bytes:
    """Return the body.

    Raises:
        HTTPException: with status `refusal` if it is over `limit` bytes; 400 if it breaks off.
    """
    body = bytearray()
    too_long = int(request.headers.get("content-length", 0)) > limit
    try:
        async for part in request.stream():
            if not too_long:
                body += part  # what is refused is read all the same: a reply is seen only after that
            too_long = too_long or len(body) > limit
    except ClientDisconnect as error:
        raise HTTPException(400, "the body broke off") from error
    if too_long:
        raise HTTPException(refusal, f"the body is over the limit of {limit:,} bytes")
    return bytes(body)


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object that `body` holds, whatever its Content-Type was.

    Raises:
        HTTPException: 400 if it holds anything else, NaN and infinities included.
    """
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise HTTPException(400, f"the body is a JSON {type(value).__name__}, expected an object")
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def query_ms(request: Request, name: str, default: int, low: int, high: int) -> float:
    """Return the query's milliseconds as seconds, held within `low` and `high`.

    Raises:
        HTTPException: 400 if it is no whole number.
    """
    text = request.query_params.get(name, str(default))
    try:
        return min(max(int(text), low), high) / 1000
    except ValueError as error:
        raise HTTPException(400, f"{name} is {text!r}, expected milliseconds") from error


async def hold(
    request: Request,
    bell: str,
    wait_s: float,
    answer: Callable[[], Answer | None],
    again_at: Callable[[], float] = lambda: float("inf"),
) -> Answer | None:
    """Return the first `answer()` that is not None, or None after `wait_s` or when the asker has left.

    `answer` may hand something over (a job, a record): it is called only while the asker is there, and
    nothing is awaited between it and the return. It is called at each ring of `bell` and at `again_at`.
    """
    pod = pod_of(request)
    until = pod.clock() + wait_s
    while not await request.is_disconnected():
        found = answer()
        left = until - pod.clock()
        if found is not None or left <= 0 or pod.closing:
            return found
        await pod.bells.wait(bell, max(0.0, min(left, again_at() - pod.clock())))
    return None
