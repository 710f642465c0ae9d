"""The HTTP requests being served: each ends when its client leaves, all end when the gateway shuts down.

Routes wait for the endpoint and do not watch their client. In front of them `ClientWatch` waits for the
server's `http.disconnect` and cancels the route's task, which cancels its jobs.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.door import CONNECTION

__all__ = ["ClientWatch", "OpenRequests"]

UNREAD = 4  # parts of a body that are kept until the route reads them

log = logging.getLogger("gateway")


class OpenRequests:
    """All requests being served.

    Args:
        keep: Has the gateway's end wait for a cancelled task.
    """

    def __init__(self, keep: Callable[[asyncio.Task[Any]], None]) -> None:
        self._keep = keep
        self._watches: set[asyncio.Task[None]] = set()

    def open(self, watch: asyncio.Task[None]) -> None:
        """Add a request, by the task that watches its client."""
        self._watches.add(watch)
        watch.add_done_callback(self._watches.discard)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._watches)

    def give_up(self, route: asyncio.Task[None]) -> None:
        """Cancel a route's task, without waiting until it has cancelled its jobs."""
        route.add_done_callback(log_failure)
        route.cancel()
        self._keep(route)

    def end(self) -> None:
        """Cancel all requests."""
        for watch in self._watches:
            watch.cancel()


def sized(start: Message) -> bool:
    """Whether an answer's headers say its length."""
    return any(name.lower() == b"content-length" for name, _ in start.get("headers", ()))


class Exchange:
    """One request between server and route: the body's parts, and the state of the answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = False  # the answer's status is sent
        self.complete = False
        self._connection = scope.get("extensions", {}).get(CONNECTION, {})
        self._until_close = "expect" in self._connection  # the answer's length is not known
        self._receive = receive
        self._send = send
        self._unread: asyncio.Queue[Message] = asyncio.Queue(UNREAD)
        self._given_up = False

    async def watch(self) -> None:
        """Read the body for the route; return when the client has left or has the whole answer."""
        while (message := await self._receive())["type"] != "http.disconnect":
            await self._unread.put(message)

    async def receive(self) -> Message:
        """Return the next part of the body; there is none after its end, so a route that reads on waits."""
        return await self._unread.get()

    async def send(self, message: Message) -> None:
        """Send a part of the answer, as ASGI has it; drop it after `give_up`."""
        if self._given_up:
            return
        self.started = True
        if message["type"] == "http.response.start" and sized(message):
            self._until_close = False
        if self._until_close:
            self._connection["expect"](len(message.get("body", b"")))
        self.complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)

    def give_up(self) -> None:
        """Drop the rest of the route's answer."""
        self._given_up = True

    def close(self, how: str) -> bool:
        """Close the connection: `close` sends what was written, `abort` does not. Return whether it could."""
        if how in self._connection:
            self._connection[how]()
        return how in self._connection


class ClientWatch:
    """Middleware that cancels a route when its client has left or the gateway shuts down.

    Args:
        app: Serves the request.
        requests: Has the requests being served.
        shutdown_answer: Answers a request that the shutdown cancels before its answer began.
    """

    def __init__(self, app: ASGIApp, requests: OpenRequests, shutdown_answer: ASGIApp) -> None:
        self._app = app
        self._requests = requests
        self._shutdown_answer = shutdown_answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI has it; raises as its route."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send)
        watch = asyncio.create_task(exchange.watch())
        self._requests.open(watch)
        route = asyncio.ensure_future(self._app(scope, exchange.receive, exchange.send))
        try:
            await self._wait_for_end(exchange, route, watch)
            ends = watch.cancelled() and not exchange.complete
        finally:
            watch.cancel()
            exchange.give_up()
            if not route.done():
                self._requests.give_up(route)
        if ends and not exchange.started:
            await self._shutdown_answer(scope, receive, send)
        elif ends and exchange.close("abort"):
            while (await receive())["type"] != "http.disconnect":
                continue

    async def _wait_for_end(
        self, exchange: Exchange, route: asyncio.Task[None], watch: asyncio.Task[None]
    ) -> None:
        """Return when the answer is complete, the client has left or the gateway shuts down."""
        await asyncio.wait({route, watch}, return_when=asyncio.FIRST_COMPLETED)
        if exchange.complete:
            await asyncio.wait({route})
        if not route.done():
            return
        try:
            route.result()
        except ConnectionAbortedError:  # from `Streamed`: the answer cannot be completed
            if not exchange.close("close"):
                raise
            await asyncio.wait({watch})


def log_failure(route: asyncio.Task[None]) -> None:
    """Log the error of a cancelled route, which is not awaited elsewhere."""
    if not route.cancelled() and (error := route.exception()) is not None:
        log.error("a cancelled request failed", exc_info=error)
