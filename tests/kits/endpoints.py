"""A gateway before each kind of endpoint: a queue, a worker in its process, a direct worker elsewhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.direct_endpoint import DirectEndpoint, RemoteWorker
from gateway.local_endpoint import LoadedWorker, LocalEndpoint
from tests.kits.gateway import TOKEN, MemoryQueue, RunningGateway, running_gateway, served
from tests.kits.workers import CountingEngine, Kit, working
from worker.engines.tone import ToneEngine

__all__ = ["KINDS", "running", "speaking"]

KINDS = ("queue", "local", "direct")


@asynccontextmanager
async def speaking(
    folder: Path, engine: ToneEngine | None = None, **settings: Any
) -> AsyncIterator[tuple[RunningGateway, Kit]]:
    """Serve a gateway with a worker in this process."""
    with working(folder, engine or CountingEngine(), direct=True) as kit:
        loaded = LoadedWorker()
        loaded.set(kit.worker)
        async with served(lambda metrics, _: LocalEndpoint(loaded, metrics), **settings) as gateway:
            yield gateway, kit


@asynccontextmanager
async def running(kind: str, folder: Path, **settings: Any) -> AsyncIterator[RunningGateway]:
    """Serve a gateway before an endpoint of this kind, whose voices are a tone's, and `anna` in a queue."""
    if kind == "queue":
        async with running_gateway(MemoryQueue(), **settings) as gateway:
            yield gateway
        return
    manager = settings.get("voice_tokens", ())
    inner = settings if kind == "local" else {"voice_tokens": (TOKEN, *manager)}
    async with speaking(folder, **inner) as (local, _):
        if kind == "local":
            yield local
            return
        worker = RemoteWorker(local.url, TOKEN, cold_seconds=10)
        async with served(lambda metrics, _: DirectEndpoint(worker, metrics), **settings) as gateway:
            yield gateway
