"""A localpod on a real port, in this process, whose worker side has no secret: a test is its worker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from localpod.app import create_app
from localpod.server import LocalServer, bind, configured
from localpod.settings import EndpointOptions

__all__ = ["open_pod"]


@asynccontextmanager
async def open_pod() -> AsyncIterator[str]:
    """Serve an endpoint that starts no workers; yield its address."""
    app, listening = create_app(EndpointOptions(workers=0)), bind(0)
    server = LocalServer(configured(app), app, lambda: None)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
