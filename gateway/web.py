"""What the HTTP endpoints share: who asks, what they send, how errors and streams are answered."""

import json
import logging
from collections.abc import AsyncIterable, Callable, Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.errors import BadRequest, GatewayError, MissingResource, TooLarge
from gateway.gateway import Gateway
from gateway.limits import TokenUsage
from gateway.messages import headers, refused_constant

__all__ = ["Streamed", "admitted", "body_of", "error_answer", "gateway_of"]

log = logging.getLogger("gateway")


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that the application serves."""
    gateway = request.app.state.gateway
    assert isinstance(gateway, Gateway)  # noqa: S101 - ours to break, nobody else's
    return gateway


def admitted(request: Request) -> tuple[Gateway, TokenUsage]:
    """Return the gateway and what the asker has used of it.

    Raises:
        OriginRefused: The page is of a site that is not on the list.
        Unauthorized: There is no token, or not one of ours.
    """
    gateway = gateway_of(request)
    gateway.check_origin(request.headers.get("origin"), request.headers.get("host"))
    return gateway, gateway.usage(request.headers.get("authorization"))


async def body_of(request: Request) -> Any:
    """Return the JSON of the body.

    Raises:
        TooLarge: It has more bytes than the gateway takes.
        BadRequest: It is no JSON, or the client left in the middle of it.
    """
    limit, body = gateway_of(request).settings.max_message_bytes, bytearray()
    try:
        async for part in request.stream():
            if len(body) + len(part) > limit:
                raise TooLarge(f"the body has more than {limit} bytes, expected at most that many")
            body += part
    except ClientDisconnect:
        raise BadRequest("the body broke off") from None
    try:
        return json.loads(body, parse_constant=refused_constant)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not valid JSON") from None


class Streamed(StreamingResponse):
    """A stream that is told when its listener has gone, whether or not it had begun."""

    def __init__(
        self,
        content: AsyncIterable[bytes],
        gone: Callable[[], None],
        media_type: str,
        notes: Mapping[str, str],
    ) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store", **notes})
        self._gone = gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; whatever ends it, say so."""
        try:
            await super().__call__(scope, receive, send)
        except GatewayError as error:
            # The status is long sent: a body that breaks off is the only way left to say it.
            gateway: Gateway = scope["app"].state.gateway
            gateway.metrics.count("errors", error.code)
            raise ConnectionAbortedError(error.code) from None
        finally:
            self._gone()


async def error_answer(request: Request, error: Exception) -> Response:
    """Answer an error as OpenAI does, with our code."""
    if not isinstance(error, GatewayError):
        error = MissingResource("there is nothing at this address, or not for this method")
    gateway_of(request).metrics.count("errors", error.code)
    kind = "invalid_request_error" if error.status < 500 else "server_error"
    content = {"error": {"message": str(error), "type": kind, "param": None, "code": error.code}}
    return JSONResponse(content, error.status, headers=dict(headers(error)))


async def broken(request: Request, _error: Exception) -> Response:
    """Answer for a fault of our own; what it was is in the log alone."""
    gateway_of(request).metrics.count("errors", "internal")
    content = {
        "error": {"message": "the gateway broke", "type": "server_error", "param": None, "code": "internal"}
    }
    return JSONResponse(content, 500)
