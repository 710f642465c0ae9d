"""The HTTP requests that are being served; each ends when its client leaves, and all when the gateway does.

Routes wait for the endpoint and know nothing of their client. In front of all of them, `ClientWatch`
waits for the server's `http.disconnect` and cancels the route's task, which cancels its jobs.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["ClientWatch", "OpenRequests", "Protocol"]

CONNECTION = "gateway.connection"  # the scope's extension that can close its connection
UNREAD = 4  # parts of a body that are kept before the route asks for them

log = logging.getLogger("gateway")


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP, whose connection the application can close: a body cut off must not look whole."""

    def on_message_begin(self) -> None:
        """Begin a request whose scope has the extension `CONNECTION`."""
        super().on_message_begin()
        self.scope["extensions"] = {
            CONNECTION: {"close": self.transport.close, "abort": self.transport.abort}
        }


class OpenRequests:
    """All requests that are being served.

    Args:
        keep: Has somebody wait, at the gateway's end, for a task that was given up.
    """

    def __init__(self, keep: Callable[[asyncio.Task[Any]], None]) -> None:
        self._keep = keep
        self._watches: set[asyncio.Task[None]] = set()

    def open(self, watch: asyncio.Task[None]) -> None:
        """Note a request by the task that watches its client."""
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    def give_up(self, work: asyncio.Task[None]) -> None:
        """Cancel a route's task; it may take its time to cancel its jobs."""
        work.add_done_callback(reported)
        work.cancel()
        self._keep(work)

    def end(self) -> None:
        """Give up all requests; the server takes no more of them."""
        for watch in self._watches:
            watch.cancel()


class Exchange:
    """One request as its route sees it: what the client sends, how far the answer is."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = False  # the answer's status is sent
        self.complete = False
        self._connection = scope.get("extensions", {}).get(CONNECTION, {})
        self._receive = receive
        self._send = send
        self._unread: asyncio.Queue[Message] = asyncio.Queue(UNREAD)
        self._given_up = False

    async def watch(self) -> None:
        """Take the body for the route; return when the client has left, or has its whole answer."""
        while (message := await self._receive())["type"] != "http.disconnect":
            await self._unread.put(message)

    async def receive(self) -> Message:
        """Return the next part of the body; a route that waits for more is cancelled when that ends it."""
        return await self._unread.get()

    async def send(self, message: Message) -> None:
        """Send a part of the answer, as ASGI has it; nothing once the request was given up."""
        if self._given_up:
            return
        self.started = True
        self.complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    def give_up(self) -> None:
        """Take no more of the route's answer."""
        self._given_up = True

    def close(self, how: str) -> bool:
        """Close the connection: `close` sends what was written, `abort` does not; False if nobody can."""
        if how in self._connection:
            self._connection[how]()
        return how in self._connection


class ClientWatch:
    """Middleware that cancels a route as soon as nobody waits for its answer.

    Args:
        app: What serves the request.
        requests: Where it is noted meanwhile.
        farewell: Answers a request that the gateway's end gives up before its answer began.
    """

    def __init__(self, app: ASGIApp, requests: OpenRequests, farewell: ASGIApp) -> None:
        self._app = app
        self._requests = requests
        self._farewell = farewell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it; raises what its route raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        watch = asyncio.create_task(exchange.watch())
        self._requests.open(watch)
        work = asyncio.ensure_future(self._app(scope, exchange.receive, exchange.send))
        try:
            await self._attended(exchange, work, watch)
            ends = watch.cancelled() and not exchange.complete
        finally:
            watch.cancel()
            exchange.give_up()
            if not work.done():
                self._requests.give_up(work)
        if ends and not exchange.started:
            await self._farewell(scope, receive, send)
        elif ends and exchange.close("abort"):
            while (await receive())["type"] != "http.disconnect":
                continue

    async def _attended(
        self, exchange: Exchange, work: asyncio.Task[None], watch: asyncio.Task[None]
    ) -> None:
        """Return when the answer is complete, the client has left or the gateway ends."""
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if exchange.complete:
            await asyncio.wait({work})
        if not work.done():
            return
        try:
            work.result()
        except ConnectionAbortedError:  # of `Streamed`: the answer cannot be completed
            if not exchange.close("close"):
                raise
            await asyncio.wait({watch})


def reported(work: asyncio.Task[None]) -> None:
    """Log what went wrong in a route that was given up: nobody else asks for it."""
    if not work.cancelled() and (error := work.exception()) is not None:
        log.error("a request that was given up broke", exc_info=error)
