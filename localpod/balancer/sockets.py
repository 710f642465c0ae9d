"""Leads WebSockets to workers: messages both ways, each read only when the one before it was taken."""

import asyncio
import logging
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from localpod.balancer.balancer import WORKER_HEADER, Balancer
from localpod.balancer.headers import authorize, passed_on
from localpod.balancer.leaving import ClientLeft, unless_left
from localpod.balancer.pool import BalancedWorker
from localpod.http_common import reply

__all__ = ["SocketProxy"]

NORMAL = 1000
NO_CODE, ABNORMAL = 1005, 1006  # a close without a code; a connection that ended without a close
CLOSE_S = 2.0  # for the worker's part of a close
AHEAD = 2  # messages that are read before the other side has taken the one before

log = logging.getLogger("localpod")


class SocketProxy:
    """An ASGI application that joins a client's WebSocket and one to a worker."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until either side ends it."""
        socket = WebSocket(scope, receive, send)
        await socket.receive()
        try:
            authorize(socket.headers, self._balancer.options.api_key)
            named = socket.headers.get(WORKER_HEADER, "")
            worker = await unless_left(receive, self._balancer.take(named))
            try:
                await self._join(socket, worker)
            finally:
                self._balancer.release(worker)
        except HTTPException as error:
            refusal = reply({"error": error.detail}, error.status_code)
            refusal.headers.update(error.headers or {})
            await socket.send_denial_response(refusal)
        except (ClientLeft, WebSocketDisconnect):
            return

    async def _join(self, socket: WebSocket, worker: BalancedWorker) -> None:
        try:
            upstream = await self._connected(socket, worker)
        except InvalidStatus as refused:
            await socket.send_denial_response(passed(refused, worker))
            return
        except (OSError, TimeoutError, InvalidHandshake) as error:
            why = f"the worker broke off ({type(error).__name__})"
            raise HTTPException(502, why, {WORKER_HEADER: worker.id}) from None
        try:
            theirs = upstream.response.headers.raw_items() if upstream.response else ()
            headers = [*passed_on(theirs, "date", "server"), (WORKER_HEADER, worker.id)]
            pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            await socket.accept(upstream.subprotocol, pairs)
            await self._exchange(socket, upstream, worker)
        finally:
            upstream.transport.abort()

    async def _connected(self, socket: WebSocket, worker: BalancedWorker) -> ClientConnection:
        query = socket.scope["query_string"]
        target = (socket.scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")
        host = socket.headers.get("host", "127.0.0.1")  # also the worker sees the name that the client used
        return await connect(
            f"ws://{host}{target}",
            host="127.0.0.1",
            port=worker.port,
            additional_headers=passed_on(socket.headers.items(), "host"),
            subprotocols=[Subprotocol(name) for name in socket.scope["subprotocols"]] or None,
            user_agent_header=None,
            compression=None,
            max_size=self._balancer.options.body_bytes,
            max_queue=AHEAD,
            close_timeout=CLOSE_S,
            proxy=None,
        )

    async def _exchange(self, socket: WebSocket, upstream: ClientConnection, worker: BalancedWorker) -> None:
        """Pass messages on until a side has closed, or for as long as a request may take."""
        going = asyncio.create_task(client_to_worker(socket, upstream))
        coming = asyncio.create_task(worker_to_client(upstream, socket))
        limit = self._balancer.options.request_s
        done, _ = await asyncio.wait({going, coming}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for task in (going, coming):
            if task not in done:
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionClosed, WebSocketDisconnect, RuntimeError):
                    await task
        if not done:
            log.warning("a WebSocket to worker %s: longer than a request may take", worker.id)
        elif coming in done:
            code, reason = coming.result()
            if code != ABNORMAL:
                await socket.close(code, reason)
        else:
            await upstream.close(*going.result())


async def client_to_worker(socket: WebSocket, upstream: ClientConnection) -> tuple[int, str]:
    """Pass the client's messages on; return the code and reason of its close."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return sendable(message.get("code", NO_CODE), message.get("reason") or "")
        text = message.get("text")
        with suppress(ConnectionClosed):  # the other direction knows, and with which code
            await upstream.send(message["bytes"] if text is None else text)


async def worker_to_client(upstream: ClientConnection, socket: WebSocket) -> tuple[int, str]:
    """Pass the worker's messages on; return the code and reason of its close, `ABNORMAL` without one."""
    try:
        while True:
            message = await upstream.recv()
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_text(message)
    except ConnectionClosed as closed:
        return sendable(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (ABNORMAL, "")
    except (WebSocketDisconnect, RuntimeError):
        await asyncio.Event().wait()  # the client has left: the other direction says how
        raise


def sendable(code: int, reason: str) -> tuple[int, str]:
    """Return what to close the other side with: codes that only a library reports cannot be sent."""
    return (NORMAL, "") if code in {NO_CODE, ABNORMAL} else (code, reason)


def passed(refused: InvalidStatus, worker: BalancedWorker) -> Response:
    """Return a worker's refusal of a WebSocket."""
    answer = refused.response
    response = Response(bytes(answer.body), answer.status_code)
    for name, value in passed_on(answer.headers.raw_items(), "date", "server", "content-length"):
        response.headers[name] = value
    response.headers[WORKER_HEADER] = worker.id
    return response
