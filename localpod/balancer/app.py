"""The balancer's application: every path is a worker's, but for those below /localpod/."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from localpod.balancer.balancer import Balancer
from localpod.balancer.keeper import Keeper
from localpod.balancer.pool import BalancedWorker
from localpod.balancer.proxy import HttpProxy
from localpod.balancer.sockets import SocketProxy
from localpod.http_common import MB, error_reply, parse, read, reply
from localpod.settings import BalancerOptions

__all__ = ["create_app"]


def create_app(options: BalancerOptions) -> Starlette:
    """Return the ASGI application of one load-balancing endpoint. Its lifespan keeps the workers."""
    balancer = Balancer(options)
    by_http, by_socket = HttpProxy(balancer), SocketProxy(balancer)

    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        await (by_socket if scope["type"] == "websocket" else by_http)(scope, receive, send)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        keeping = asyncio.create_task(app.state.launcher.run())
        try:
            yield
        finally:
            await app.state.launcher.close()
            await keeping
            await by_http.close()

    app = Starlette(
        routes=[
            Route("/localpod/state", _state),
            Route("/localpod/scale", _scale, methods=["POST"]),
            Mount("/", proxy),
        ],
        exception_handlers={HTTPException: error_reply},
        # Another site whose name resolves to 127.0.0.1 is refused (DNS rebinding).
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        lifespan=lifespan,
    )
    app.state.balancer = balancer
    app.state.launcher = Keeper(balancer)
    return app


async def _state(request: Request) -> Response:
    """Answer with the workers, the requests that wait, and why a worker could not start."""
    balancer: Balancer = request.app.state.balancer
    pool = balancer.pool
    return reply(
        {
            "workers": [_row(worker, balancer.clock()) for worker in pool.workers.values()],
            "waiting": pool.waiting,
            "min_workers": pool.least,
            "max_workers": pool.most,
            "last_failure": balancer.last_failure,
        }
    )


async def _scale(request: Request) -> Response:
    """Set the most workers; those too many get no more requests, finish what they do, and end."""
    # A page of another site can post text without asking, but not JSON.
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(415, "send the number of workers as application/json")
    workers = parse(await read(request, MB, 413)).get("workers")
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 0:
        raise HTTPException(400, f"workers is {workers!r}, expected a whole number from 0")
    balancer: Balancer = request.app.state.balancer
    balancer.pool.most, balancer.pool.least = workers, min(balancer.options.workers_min, workers)
    return reply({"max_workers": workers})


def _row(worker: BalancedWorker, now: float) -> dict[str, Any]:
    return {
        "id": worker.id,
        "pid": worker.pid,
        "port": worker.port,
        "state": worker.health,
        "in_flight": worker.in_flight,
        "age_s": round(now - worker.born_at, 1),
    }
