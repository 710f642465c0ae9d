"""uvicorn's two protocols, HTTP and WebSocket, within limits: heads, pings, and peers that take nothing.

uvicorn has no limit on a head and no time for one, answers pings without end, and waits for ever for a
peer that reads nothing.
"""

import asyncio
import json
import time
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.door import CONNECTION, Door, WriteWatch

__all__ = ["HttpConnection", "SocketConnection"]

HEAD_BYTES = 65_536
HEAD_S = 10.0  # from the connection, or the head's first byte, to its end
REST_S = 2.0  # for the rest of a body after its answer: most often a refusal
PIPELINED = 16  # requests of one connection that wait for their turn
PINGS = 20  # frames of a WebSocket's pings, a second
UNSENT = 1_000_000  # bytes that a WebSocket's peer may leave to be sent when it pings
STATUS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}
WORDS = {
    "head": (431, f"the request's head has more than {HEAD_BYTES} bytes"),
    "head_time": (408, f"the request's head did not end within {HEAD_S:g} s"),
    "chunks": (400, "the body has more bytes of marks than of content"),
    "host": (400, "the request has not one Host header"),
    "pipeline": (400, f"more than {PIPELINED} requests wait for their turn"),
}


class HttpConnection(HttpToolsProtocol):
    """A connection of HTTP, whose body can also be broken off: a body cut off must not look whole.

    Args:
        door: Where it is counted.
        options: uvicorn's.
    """

    def __init__(self, *, door: Door, **options: Any) -> None:
        super().__init__(**options)
        self._door = door
        self._head_bytes = 0  # received since the last request's end, but for bodies
        self._in_head = True
        self._timer: asyncio.TimerHandle | None = None
        self._refused: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection; its first head has to come in time."""
        super().connection_made(transport)
        self._writes = WriteWatch(transport, partial(self.drop, "stalled"))
        self._door.enter(self)
        self._wait(HEAD_S, partial(self.refuse, "head_time"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, and refuse a head that is too long or too slow."""
        self._head_bytes += len(data)
        if self._in_head and self._timer is None:
            self._wait(HEAD_S, partial(self.refuse, "head_time"))
        super().data_received(data)
        if self._refused is None and self._head_bytes > HEAD_BYTES:
            self._refused = "head" if self._in_head else "chunks"
        if self._refused is not None:
            self.refuse(self._refused)

    def on_message_begin(self) -> None:
        """Begin a request, whose head has to come in time; its scope has the extension `CONNECTION`."""
        if self._timer is None:
            self._wait(HEAD_S, partial(self.refuse, "head_time"))
        super().on_message_begin()
        self.scope["extensions"] = {
            CONNECTION: {"close": self.transport.close, "abort": self.transport.abort}
        }

    def on_headers_complete(self) -> None:
        """Start a request; one of HTTP/1.0, which does not know chunks, can be answered until the close."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        hosts = sum(name == b"host" for name, _ in self.headers)
        old = self.parser.get_http_version() == "1.0"
        if size > HEAD_BYTES:
            self._refused = "head"
        elif hosts > 1 or not (hosts or old):
            self._refused = "host"
        elif len(self.pipeline) >= PIPELINED:
            self._refused = "pipeline"
        if self._refused is not None:
            return
        self._in_head = False
        self._head_bytes = max(0, self._head_bytes - size)
        self._rest()
        self._door.know(self)
        super().on_headers_complete()
        if old and self.cycle is not None:
            self.scope["extensions"][CONNECTION]["expect"] = partial(expect, self.cycle)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what comes after the body is dropped."""
        if self._in_head and self._refused is None:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Give a part of the body to the request."""
        if self._refused is None:
            self._head_bytes -= min(self._head_bytes, 2 * len(body))
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request's body."""
        if self._refused is not None:
            return
        self._in_head = True
        self._rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or a little for the rest of this one's body."""
        super().on_response_complete()
        if self.transport.is_closing() or not self._in_head:
            self._writes.start()
        if not self.transport.is_closing() and not self._in_head:
            self._wait(REST_S, self.transport.close)
        if not self.pipeline:
            self._door.rest(self)

    def handle_websocket_upgrade(self) -> None:
        """Give the connection to a WebSocket."""
        self._forget()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Refuse a request that cannot be read."""
        if self._refused is None:
            self._answer(400, "the request is not valid HTTP", "bad_message")

    def pause_writing(self) -> None:
        """Wait for the peer to take what was written, but not for ever."""
        super().pause_writing()
        self._writes.start()

    def resume_writing(self) -> None:
        """Go on: the peer has taken it."""
        super().resume_writing()
        self._writes.stop()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that asks for nothing more, whether or not its peer takes the last bytes."""
        super().timeout_keep_alive_handler()
        self._writes.start()

    def refuse(self, limit: str) -> None:
        """Answer that a limit was broken, and close."""
        status, words = WORDS[limit]
        self._door.strike(limit, words)
        self._answer(status, words, "too_large" if status == 431 else "bad_message")

    def drop(self, limit: str) -> None:
        """Break the connection off."""
        if limit == "stalled":
            self._door.strike(limit, "a client took nothing for 30 s")
        self._forget()
        self.transport.abort()

    def _answer(self, status: int, words: str, code: str) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            error = {"message": words, "type": "invalid_request_error", "param": None, "code": code}
            body = json.dumps({"error": error}).encode()
            self.transport.write(
                f"HTTP/1.1 {status} {STATUS[status]}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
                + body
            )
        self.transport.close()
        self._writes.start()

    def _wait(self, seconds: float, then: Any) -> None:
        self._rest()
        self._timer = self.loop.call_later(seconds, then)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        self._door.leave(self)
        self._rest()
        self._writes.stop()


def expect(cycle: Any, size: int) -> None:
    """Have uvicorn send the next `size` bytes as they are."""
    cycle.chunked_encoding = False
    cycle.expected_content_length = size


class SocketConnection(WebSocketsSansIOProtocol):
    """A connection of a WebSocket.

    Args:
        door: Where it is counted.
        options: uvicorn's.
    """

    def __init__(self, *, door: Door, **options: Any) -> None:
        super().__init__(**options)
        self._door = door
        self._pings = 0
        self._pings_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection."""
        super().connection_made(transport)
        self._writes = WriteWatch(transport, partial(self.drop, "stalled"))
        self._door.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._door.leave(self)
        self._writes.stop()
        super().connection_lost(exc)

    async def run_asgi(self) -> None:
        """Serve it; the scope's extension makes it known."""
        self.scope["extensions"][CONNECTION] = {"know": partial(self._door.know, self)}
        await super().run_asgi()
        self._writes.start()

    def pause_writing(self) -> None:
        """Wait for the peer to take what was written, but not for ever."""
        super().pause_writing()
        self._writes.start()

    def resume_writing(self) -> None:
        """Go on: the peer has taken it."""
        super().resume_writing()
        self._writes.stop()

    def keepalive_timeout(self) -> None:
        """Break off a connection whose peer does not answer: it would not answer to a close either."""
        super().keepalive_timeout()
        self.transport.abort()

    def handle_ping(self) -> None:
        """Answer a ping, unless they come too fast or their answers are not taken."""
        now = time.monotonic()
        if now - self._pings_since >= 1:
            self._pings, self._pings_since = 0, now
        self._pings += 1
        if self._pings > PINGS or self.transport.get_write_buffer_size() > UNSENT:
            self.drop("pings")
        else:
            super().handle_ping()

    def handle_parser_exception(self) -> None:
        """Close a connection that sends what is not a WebSocket's."""
        if self.conn.close_sent is None:  # its head is wrong, such as a header of more than 8 KB
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def drop(self, limit: str) -> None:
        """Break the connection off."""
        if limit != "connections":
            words = {
                "stalled": "a client took nothing for 30 s",
                "pings": f"more than {PINGS} pings a second",
            }
            self._door.strike(limit, words[limit])
        self._door.leave(self)
        self.transport.abort()
