"""The application: the public API, the worker's API, the page, and the launcher."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from localpod import public_api as public
from localpod import worker_api as workers_api
from localpod.fault_middleware import FaultMiddleware
from localpod.faults import FaultError
from localpod.http_common import MB, error_reply, parse, pod_of, read, reply
from localpod.launcher import Launcher
from localpod.pod import Pod, PodWorker
from localpod.queue import QueuedJob
from localpod.settings import ENDPOINT, EndpointOptions
from localpod.webhooks import Webhooks

__all__ = ["create_app"]

PAGE = Path(__file__).with_name("page.html")
PLAYER = Path(__file__).resolve().parents[1] / "clients" / "web"
JOBS_SHOWN = 50


def create_app(options: EndpointOptions) -> Starlette:
    """Return the ASGI application of one endpoint, `/v2/local`.

    Its lifespan runs the launcher. Without a lifespan (as under `httpx.ASGITransport`) it starts no
    workers and times nothing out: a caller then has to act as the worker.
    """
    pod = Pod(options)
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/localpod/state", _state),
            Route("/localpod/faults", _faults, methods=["GET", "POST", "DELETE"]),
            Mount("/player", StaticFiles(directory=PLAYER, check_dir=False)),
            Mount(f"/v2/{ENDPOINT}", routes=[*public.routes, *workers_api.routes]),
        ],
        exception_handlers={HTTPException: error_reply},
        # Another site whose name resolves to 127.0.0.1 is refused (DNS rebinding).
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
            Middleware(FaultMiddleware, pod=pod),
        ],
        lifespan=_lifespan,
    )
    app.state.pod = pod
    app.state.launcher = Launcher(pod)
    app.state.webhooks = Webhooks(pod)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncGenerator[None]:
    launching = asyncio.create_task(app.state.launcher.run())
    try:
        yield
    finally:
        await app.state.launcher.close()
        await launching
        await app.state.webhooks.close()


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE.read_text(encoding="utf-8"))


async def _state(request: Request) -> Response:
    """Answer with what the page shows: the newest jobs, the workers, and why a worker could not start."""
    pod = pod_of(request)
    newest = islice(reversed(pod.queue.jobs.values()), JOBS_SHOWN)
    return reply(
        {
            "endpoint": ENDPOINT,
            "key_required": pod.options.api_key is not None,
            "max_workers": pod.options.workers,
            "idle_timeout_s": pod.options.idle_timeout_s,
            "jobs": [_job_row(job, pod.clock()) for job in newest],
            "workers": [_worker_row(worker, pod) for worker in pod.workers.values()],
            "last_failure": pod.last_failure,
            "faults": pod.faults.active(),
        }
    )


async def _faults(request: Request) -> Response:
    """Show, set or clear the faults; answer with those in force, and how often each was applied."""
    faults = pod_of(request).faults
    if request.method == "DELETE":
        faults.clear()
    if request.method == "POST":
        # A page of another site can post text without asking, but not JSON.
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise HTTPException(415, "send the faults as application/json")
        try:
            faults.set(parse(await read(request, MB, 413)))
        except FaultError as error:
            raise HTTPException(400, str(error)) from error
    return reply({"faults": faults.active(), "struck": faults.applied})


def _job_row(job: QueuedJob, now: float) -> dict[str, Any]:
    row = {key: value for key, value in public.describe(job).items() if key != "output"}
    return row | {"age_s": round(now - job.queued_at, 1), "records": job.streamed, "unread": len(job.items)}


def _worker_row(worker: PodWorker, pod: Pod) -> dict[str, Any]:
    jobs = [job.id for job in pod.queue.running(worker.id)]
    state = "running" if jobs else "idle"
    if worker.stopping:
        state = "stopping"
    elif not worker.ready:
        state = "initializing"
    age_s = round(pod.clock() - worker.born_at, 1)
    return {
        "id": worker.id,
        "pid": worker.pid,
        "state": state,
        "jobs": jobs,
        "age_s": age_s,
        "taken": worker.taken,
    }
