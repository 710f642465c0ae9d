"""Checks who may open a WebSocket, and closes it for others."""

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway import messages
from gateway.door import CONNECTION
from gateway.errors import GatewayError, Unauthorized
from gateway.gateway import Gateway
from gateway.limits import TokenUsage
from gateway.messages import Auth

__all__ = ["NORMAL", "POLICY_VIOLATION", "RESTART", "TRY_LATER", "authorized", "receive_frame", "refuse"]

# RFC 6455, section 7.4.1, and IANA's registry
NORMAL, POLICY_VIOLATION, RESTART, TRY_LATER = 1000, 1008, 1012, 1013
AUTH_S = 10.0  # for the first message of a page, which cannot set a header


async def authorized(socket: WebSocket, gateway: Gateway) -> TokenUsage:
    """Count the connection; return the usage of its token.

    Raises:
        GatewayError: The origin or the token is refused, or a limit is reached.
    """
    gateway.check_page(socket.headers)
    header = socket.headers.get("authorization")
    if header is None and gateway.settings.tokens:
        header = f"Bearer {await first_token(socket, gateway)}"
    usage = gateway.usage(header)
    socket.scope.get("extensions", {}).get(CONNECTION, {}).get("know", lambda: None)()
    gateway.check_readiness()
    gateway.door.check()
    usage.connect()
    return usage


async def first_token(socket: WebSocket, gateway: Gateway) -> str:
    """Return the token of the first message.

    Raises:
        GatewayError: None came in time, or it is not an `auth` message.
    """
    try:
        async with asyncio.timeout(AUTH_S):
            message = messages.parse(await receive_frame(socket), gateway.settings.max_message_bytes)
    except TimeoutError:
        raise Unauthorized("no token came: send it as a header or in a first message of type auth") from None
    if not isinstance(message, Auth):
        raise Unauthorized("the first message is not of type auth, and there is no Authorization header")
    return message.token


async def receive_frame(socket: WebSocket) -> str | bytes:
    """Return the next frame, text or binary.

    Raises:
        WebSocketDisconnect: The client has left.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text: str | None = message.get("text")
    return text if text is not None else bytes(message["bytes"])


async def refuse(socket: WebSocket, gateway: Gateway, error: GatewayError, code: int) -> None:
    """Send the error and close the WebSocket with `code`."""
    gateway.metrics.count("errors", error.code)
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_json(messages.error(error))
        await socket.close(code, error.code)
