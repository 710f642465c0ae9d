"""What the HTTP routes share: authorization, JSON bodies, errors and streamed answers."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.errors import BadRequest, GatewayError, MissingResource, TooLarge, TooSlow, Unauthorized
from gateway.gateway import Gateway
from gateway.limits import TokenUsage
from gateway.messages import headers, refused_constant

__all__ = [
    "Streamed",
    "authorized",
    "body_of",
    "bytes_of",
    "error_answer",
    "gateway_of",
    "listing",
    "openai_error",
]

log = logging.getLogger("gateway")

BODY_S = 60.0  # a clip of 7 MB comes in time at 1 Mbit/s


def gateway_of(request: Request) -> Gateway:
    """Return the application's gateway."""
    gateway = request.app.state.gateway
    assert isinstance(gateway, Gateway)  # noqa: S101 - for the type checker
    return gateway


def authorized(request: Request) -> tuple[Gateway, TokenUsage]:
    """Return the gateway and the usage of the request's token.

    Raises:
        OriginRefused: The page's origin is not allowed.
        Unauthorized: The token is missing or not one of GATEWAY_TOKENS.
    """
    gateway = gateway_of(request)
    gateway.check_page(request.headers)
    return gateway, gateway.usage(request.headers.get("authorization"))


def listing(request: Request) -> tuple[Gateway, bool]:
    """Return the gateway, and whether the request has a token, for lists that GATEWAY_OPEN_LISTS opens.

    Raises:
        OriginRefused: The page's origin is not allowed.
        Unauthorized: The token is missing or wrong, and lists are not open.
    """
    if gateway_of(request).settings.open_lists:
        try:
            return authorized(request)[0], True
        except Unauthorized:
            return gateway_of(request), False
    return authorized(request)[0], True


async def body_of(request: Request) -> Any:
    """Return the body's JSON value.

    Raises:
        TooLarge: It has more than `max_message_bytes`.
        BadRequest: It is not JSON, or the client left in the middle of it.
    """
    body = await bytes_of(request, gateway_of(request).settings.max_message_bytes)
    try:
        return json.loads(body, parse_constant=refused_constant)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not valid JSON") from None


async def bytes_of(request: Request, limit: int) -> bytes:
    """Return the body.

    Raises:
        TooLarge: It has more than `limit` bytes.
        TooSlow: It took more than `BODY_S`.
        BadRequest: The client left in the middle of it.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                if len(body) + len(part) > limit:
                    raise TooLarge(f"the body has more than {limit} bytes, expected at most that many")
                body += part
    except TimeoutError:
        raise TooSlow(f"the body did not come within {BODY_S:g} s") from None
    except ClientDisconnect:
        raise BadRequest("the body broke off") from None
    return bytes(body)


class Streamed(StreamingResponse):
    """A streamed answer that calls `on_end` at its end, also if the client leaves before it begins."""

    def __init__(
        self,
        content: AsyncGenerator[bytes, None],
        on_end: Callable[[], None],
        media_type: str,
        extra_headers: Mapping[str, str],
    ) -> None:
        super().__init__(
            content, media_type=media_type, headers={"Cache-Control": "no-store", **extra_headers}
        )
        self._content = content
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Stream, then call `on_end`.

        Raises:
            ConnectionAbortedError: The content failed: the connection has to be closed.
        """
        try:
            # Not the base class's: in a group of tasks it waits for a disconnect, which `ClientWatch` does.
            async with aclosing(self._content):
                await self.stream_response(send)
        except GatewayError as error:
            # The status has been sent: only breaking off the body can report the error.
            gateway: Gateway = scope["app"].state.gateway
            gateway.metrics.count("errors", error.code)
            raise ConnectionAbortedError(error.code) from None
        finally:
            self._on_end()


async def error_answer(request: Request, error: Exception) -> Response:
    """Return an error in OpenAI's format, with the gateway's code."""
    if not isinstance(error, GatewayError):
        error = MissingResource("there is nothing at this address for this method")
    gateway_of(request).metrics.count("errors", error.code)
    return JSONResponse({"error": openai_error(error)}, error.status, headers=dict(headers(error)))


def openai_error(error: GatewayError) -> dict[str, Any]:
    """Return an error as OpenAI's API writes it."""
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    return {
        "message": str(error),
        "type": kind,
        "param": getattr(error, "field", None),
        "code": error.code,
    }


async def internal_error(request: Request, _error: Exception) -> Response:
    """Answer for an error in the gateway itself; its details are only in the log."""
    gateway_of(request).metrics.count("errors", "internal")
    content = {
        "error": {"message": "the gateway failed", "type": "server_error", "param": None, "code": "internal"}
    }
    return JSONResponse(content, 500)
