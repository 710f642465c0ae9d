"""Where faults meet HTTP: a request is let through, refused, or robbed of its reply."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from localpod.faults import Strike
from localpod.pod import Pod
from localpod.settings import ENDPOINT
from localpod.wire import reply

__all__ = ["Gate", "HttpProtocol"]

CLOSE = "localpod.close"  # the extension of the scope that can close its connection
PREFIX = f"/v2/{ENDPOINT}/"


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, that also lets the application close the connection without a reply."""

    def on_message_begin(self) -> None:
        """Begin a request whose scope has the extension `CLOSE`."""
        super().on_message_begin()
        self.scope["extensions"] = {CLOSE: {"now": self.transport.close}}


class Gate:
    """Stands in front of the application and does to requests what the pod's faults decide.

    Where there is no connection to close (in-process clients), the asker gets a ConnectionResetError.
    """

    def __init__(self, app: ASGIApp, pod: Pod) -> None:
        self._app = app
        self._pod = pod

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it."""
        path = scope["path"] if scope["type"] == "http" else ""
        if not path.startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        parts = path.removeprefix(PREFIX).split("/")
        strike = self._pod.faults.strike(parts[0])
        if strike.action == "400" and parts[0] == "job-done":
            self._pod.refuse_result(parts[2], parts[1], "localpod was told to answer 400")
        match strike.action:
            case None:
                await self._app(scope, receive, _late(send, strike))
            case "close":
                await _close(scope, receive)
            case "drop" | "cut" as action:
                await self._app(scope, receive, _lost(send, strike, half=action == "cut"))
                await _close(scope, receive)
            case action:
                await _drain(receive, to_the_end=action == "never")
                if action != "never":
                    await self._refuse(action)(scope, receive, _late(send, strike))

    def _refuse(self, action: str) -> ASGIApp:
        if action == "lose":
            return reply({})
        refusal = reply({"error": f"localpod was told to answer {action}"}, int(action))
        if action == "429":
            refusal.headers["Retry-After"] = str(int(self._pod.faults.setting("retry-after")))
        return refusal


def _late(send: Send, strike: Strike) -> Send:
    """Make a `send` that keeps the reply back for as long as the strike says."""
    if not strike.delay_s:
        return send

    async def delayed(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(strike.delay_s)
        await send(message)

    return delayed


def _lost(send: Send, strike: Strike, *, half: bool) -> Send:
    """Make a `send` that lets nothing through, or the head and the first half of the body."""
    late = _late(send, strike)

    async def lost(message: Message) -> None:
        if not half:
            return
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {"type": message["type"], "body": body[: len(body) // 2], "more_body": True}
        await late(message)

    return lost


async def _drain(receive: Receive, *, to_the_end: bool) -> None:
    """Read the body (a refusal is seen only after that), or on until the asker has left."""
    while (message := await receive())["type"] == "http.request":
        if not to_the_end and not message.get("more_body", False):
            return


async def _close(scope: Scope, receive: Receive) -> None:
    extension = scope.get("extensions", {}).get(CLOSE)
    if extension is None:
        raise ConnectionResetError("localpod was told to close this connection")
    close: Callable[[], None] = extension["now"]
    close()
    await _drain(receive, to_the_end=True)  # until uvicorn knows it too: else it would send a 500
