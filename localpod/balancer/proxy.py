"""Leads HTTP requests to workers; what comes back is passed on as it comes."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from localpod.balancer.balancer import WORKER_HEADER, Balancer
from localpod.balancer.headers import authorize, passed_on
from localpod.balancer.leaving import ClientLeft, unless_left
from localpod.balancer.pool import BalancedWorker
from localpod.fault_middleware import CLOSE
from localpod.http_common import read

__all__ = ["HttpProxy"]

CONNECT_S = 5.0

log = logging.getLogger("localpod")


class HttpProxy:
    """An ASGI application that answers with what a worker answers."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        # A connection of its own for each request: a worker may close one that is kept at any moment.
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            trust_env=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; end it at its worker when the client leaves."""
        request = Request(scope, receive)
        authorize(request.headers, self._balancer.options.api_key)
        body = await read(request, self._balancer.options.body_bytes, 413)
        with suppress(ClientLeft):
            await unless_left(receive, self._serve(request, body, send))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _serve(self, request: Request, body: bytes, send: Send) -> None:
        worker = await self._balancer.take(request.headers.get(WORKER_HEADER, ""))
        try:
            await self._serve_at(worker, request, body, send)
        finally:
            self._balancer.release(worker)

    async def _serve_at(self, worker: BalancedWorker, request: Request, body: bytes, send: Send) -> None:
        answer = Answer(send, worker.id, self._balancer.options.body_bytes)
        refusal = None
        try:
            async with asyncio.timeout(self._balancer.options.request_s):
                await self._pass_on(request, body, worker, answer)
        except TimeoutError:
            refusal = HTTPException(524, "the worker took longer than a request may")
        except httpx.TransportError as error:
            refusal = HTTPException(502, f"the worker broke off ({type(error).__name__})")
        except TooMuch as error:
            refusal = HTTPException(502, str(error))
        if refusal is not None:
            self._break_off(refusal, request, worker, answer)

    def _break_off(
        self, refusal: HTTPException, request: Request, worker: BalancedWorker, answer: "Answer"
    ) -> None:
        """Refuse the request, or cut its answer if that has begun."""
        log.warning("a request to worker %s: %s", worker.id, refusal.detail)
        if not answer.begun:
            refusal.headers = {WORKER_HEADER: worker.id}
            raise refusal
        cut(request.scope)

    async def _pass_on(self, request: Request, body: bytes, worker: BalancedWorker, answer: "Answer") -> None:
        query = request.scope["query_string"]
        target = request.scope["raw_path"] + (b"?" + query if query else b"")
        url = httpx.URL(scheme="http", host="127.0.0.1", port=worker.port, raw_path=target)
        headers = passed_on(request.headers.items(), "content-length")
        sent = httpx.Request(request.method, url, headers=headers, content=body or None)
        response = await self._http.send(sent, stream=True)
        try:
            await answer.begin(response)
            async for part in response.aiter_raw():
                await answer.add(part)
            await answer.end()
        finally:
            await response.aclose()


class TooMuch(Exception):
    """The answer is over the limit."""


class Answer:
    """Sends a worker's answer on, as it comes."""

    def __init__(self, send: Send, worker_id: str, limit: int) -> None:
        self.begun = False
        self._send = send
        self._worker_id = worker_id
        self._left = limit
        self._limit = limit

    async def begin(self, response: httpx.Response) -> None:
        """Send status and headers, and which worker it was."""
        self._check(int(response.headers.get("content-length", 0)))
        headers = passed_on(response.headers.multi_items(), "date", "server", WORKER_HEADER.lower())
        headers.append((WORKER_HEADER, self._worker_id))
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        self.begun = True
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": pairs})

    async def add(self, part: bytes) -> None:
        """Send a part of the body, once the client has taken enough of those before it."""
        self._check(len(part))
        self._left -= len(part)
        await self._send({"type": "http.response.body", "body": part, "more_body": True})

    async def end(self) -> None:
        """Say that this was all."""
        await self._send({"type": "http.response.body", "body": b""})

    def _check(self, size: int) -> None:
        if size > self._left:
            raise TooMuch(f"the answer is over the limit of {self._limit:,} bytes")


def cut(scope: Scope) -> None:
    """Close a request's connection, so that its client does not take a part for the whole."""
    close: Callable[[], None] = scope["extensions"][CLOSE]["now"]
    close()
