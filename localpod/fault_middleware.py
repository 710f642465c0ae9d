"""Applies faults to HTTP requests: lets them pass, refuses them, or drops their replies."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from localpod.faults import RequestFault
from localpod.http_common import reply
from localpod.pod import Pod
from localpod.settings import ENDPOINT

__all__ = ["FaultMiddleware", "HttpProtocol"]

CLOSE = "localpod.close"  # the scope's extension that closes its connection
PREFIX = f"/v2/{ENDPOINT}/"


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a way for the application to close the connection without a reply."""

    def on_message_begin(self) -> None:
        """Begin a request; its scope has the extension `CLOSE`."""
        super().on_message_begin()
        self.scope["extensions"] = {CLOSE: {"now": self.transport.close}}


class FaultMiddleware:
    """Applies the pod's faults to requests, in front of the application.

    If there is no connection to close (in-process clients), the client gets a ConnectionResetError.
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
        fault = self._pod.faults.on_request(parts[0])
        if fault.action == "400" and parts[0] == "job-done":
            self._pod.refuse_result(parts[2], parts[1], "a fault of localpod answers 400")
        match fault.action:
            case None:
                await self._app(scope, receive, _delayed(send, fault))
            case "close":
                await _close(scope, receive)
            case "drop" | "cut" as action:
                await self._app(scope, receive, _dropped(send, fault, half=action == "cut"))
                await _close(scope, receive)
            case action:
                await _drain(receive, until_left=action == "never")
                if action != "never":
                    await self._refuse(action)(scope, receive, _delayed(send, fault))

    def _refuse(self, action: str) -> ASGIApp:
        if action == "lose":
            return reply({})
        refusal = reply({"error": f"a fault of localpod answers {action}"}, int(action))
        if action == "429":
            refusal.headers["Retry-After"] = str(int(self._pod.faults.setting("retry-after")))
        return refusal


def _delayed(send: Send, fault: RequestFault) -> Send:
    """Return a `send` that delays the reply by the fault's `delay_s`."""
    if not fault.delay_s:
        return send

    async def send_late(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(fault.delay_s)
        await send(message)

    return send_late


def _dropped(send: Send, fault: RequestFault, *, half: bool) -> Send:
    """Return a `send` that drops everything, or with `half` all but the head and half of the body."""
    delayed = _delayed(send, fault)

    async def send_part(message: Message) -> None:
        if not half:
            return
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {"type": message["type"], "body": body[: len(body) // 2], "more_body": True}
        await delayed(message)

    return send_part


async def _drain(receive: Receive, *, until_left: bool) -> None:
    """Read the body, since a client sees a refusal only then; with `until_left` read on until it leaves."""
    while (message := await receive())["type"] == "http.request":
        if not until_left and not message.get("more_body", False):
            return


async def _close(scope: Scope, receive: Receive) -> None:
    extension = scope.get("extensions", {}).get(CLOSE)
    if extension is None:
        raise ConnectionResetError("a fault of localpod closes this connection")
    close: Callable[[], None] = extension["now"]
    close()
    await _drain(receive, until_left=True)  # until uvicorn has noticed: else it would send a 500
