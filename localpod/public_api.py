"""RunPod's public API of an endpoint."""

import secrets
from typing import Any
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localpod.http_common import MB, hold, parse, pod_of, query_ms, read, reply
from localpod.pod import Pod
from localpod.queue import IllegalEventError, JobState, QueuedJob

__all__ = ["describe", "routes"]

RUN_LIMIT, RUNSYNC_LIMIT = 10 * MB, 20 * MB
STREAM_WAIT_MS = 10_000
SYNC_WAIT_MS = 90_000
TTL_MS = 86_400_000
WEEK_MS = 7 * 86_400_000


def authorize(request: Request) -> None:
    """Check the request's key, which may come with or without `Bearer`.

    Raises:
        HTTPException: 401 if it is missing or wrong.
    """
    key = request.headers.get("authorization", "").removeprefix("Bearer").strip()
    expected = pod_of(request).options.api_key or key
    if not key or not secrets.compare_digest(key.encode(), expected.encode()):
        message = (
            "the key is wrong, expected that of --api-key"
            if key
            else "send the header Authorization: Bearer KEY"
        )
        raise HTTPException(401, message, {"WWW-Authenticate": "Bearer"})


async def _run(request: Request) -> Response:
    job = await _submit(request, sync=False)
    # RunPod answers this even for an empty input, which it then drops.
    return reply({"id": job.id, "status": JobState.IN_QUEUE})


async def _runsync(request: Request) -> Response:
    wait_s = query_ms(request, "wait", SYNC_WAIT_MS, 1000, 300_000)
    job = await _submit(request, sync=True)
    return await _when_final(request, job, wait_s)


async def _submit(request: Request, *, sync: bool) -> QueuedJob:
    authorize(request)
    body = parse(await read(request, RUNSYNC_LIMIT if sync else RUN_LIMIT, 413))
    if not isinstance(body.get("input"), dict):
        raise HTTPException(400, 'input is missing or not an object, expected {"input": {…}}')
    pod = pod_of(request)
    job = _new_job(body, pod, sync=sync)
    pod.submit(job)
    if not body["input"]:
        # RunPod drops an empty input on its way to the worker, which then refuses the job, twice.
        job.retries = 1
        pod.queue.fail(job, "job timed out after 1 retries (RunPod loses an empty input)", pod.clock())
    request.app.state.webhooks.watch(job)
    return job


def _new_job(body: dict[str, Any], pod: Pod, *, sync: bool) -> QueuedJob:
    policy = body.get("policy") or {}
    if not isinstance(policy, dict):
        raise HTTPException(400, f"policy is a JSON {type(policy).__name__}, expected an object")
    default_ms = round(pod.options.execution_timeout_s * 1000)
    return QueuedJob(
        id=f"sync-{uuid4()}-u1" if sync else f"{uuid4()}-u1",
        request=body,
        sync=sync,
        queued_at=pod.clock(),
        execution_s=_policy_s(policy, "executionTimeout", default_ms, 5000),
        ttl_s=_policy_s(policy, "ttl", TTL_MS, 10_000),
    )


def _policy_s(policy: dict[str, Any], name: str, default_ms: int, low_ms: int) -> float:
    value = policy.get(name)
    if value is None:
        return default_ms / 1000
    if not isinstance(value, int) or isinstance(value, bool) or not low_ms <= value <= WEEK_MS:
        raise HTTPException(400, f"policy.{name} is {value!r}, expected {low_ms} to {WEEK_MS} milliseconds")
    return value / 1000


async def _status(request: Request) -> Response:
    return reply(describe(_job(request)))


async def _status_sync(request: Request) -> Response:
    wait_s = query_ms(request, "wait", SYNC_WAIT_MS, 1000, 300_000)
    return await _when_final(request, _job(request), wait_s)


async def _when_final(request: Request, job: QueuedJob, wait_s: float) -> Response:
    await hold(request, job.id, wait_s, lambda: True if job.final else None)
    return reply(describe(job) if job.final else {"id": job.id, "status": job.state})


async def _stream(request: Request) -> Response:
    """Answer with the records since the last call, once each.

    The reply is joined from the JSON texts that the worker posted, without parsing them.
    """
    job = _job(request)
    wait_s = query_ms(request, "wait", STREAM_WAIT_MS, 0, 300_000)

    def drain() -> bytes | None:
        if not job.items and not job.final:
            return None
        items = b",".join(job.items)
        job.items.clear()
        return items

    items = await hold(request, job.id, wait_s, drain) or b""
    body = b'{"status": "%s", "stream": [%s]}' % (job.state.encode(), items)
    return Response(body, media_type="application/json")


async def _cancel(request: Request) -> Response:
    job = _job(request)
    pod_of(request).cancel(job)
    return reply({"id": job.id, "status": job.state})


async def _retry(request: Request) -> Response:
    job = _job(request)
    try:
        pod_of(request).retry(job)
    except IllegalEventError as error:
        raise HTTPException(400, f"{error}: only FAILED and TIMED_OUT jobs can") from error
    return reply({"id": job.id, "status": job.state})


async def _purge(request: Request) -> Response:
    authorize(request)
    return reply({"removed": pod_of(request).purge(), "status": "completed"})


async def _health(request: Request) -> Response:
    authorize(request)
    pod = pod_of(request)
    queue, workers = pod.queue, list(pod.workers.values())
    ready = [worker for worker in workers if worker.ready and not worker.stopping]
    running = sum(bool(queue.running(worker.id)) for worker in ready)
    jobs = {
        "completed": queue.ended[JobState.COMPLETED],
        "failed": queue.ended[JobState.FAILED],
        "inProgress": len(queue.active) - len(queue.waiting),
        "inQueue": len(queue.waiting),
        "retried": queue.retried,
    }
    counts = {"idle": len(ready) - running, "initializing": sum(not worker.ready for worker in workers)}
    counts |= {"ready": len(ready) - running, "running": running, "throttled": 0, "unhealthy": 0}
    return reply({"jobs": jobs, "workers": counts})


def _job(request: Request) -> QueuedJob:
    authorize(request)
    job_id = request.path_params["job"]
    job = pod_of(request).queue.jobs.get(job_id)
    if job is None:
        raise HTTPException(404, f"job {job_id} is not known, or its result is no longer kept")
    return job


def describe(job: QueuedJob) -> dict[str, Any]:
    """Return a job as `/status` shows it: times in milliseconds, only the keys that apply."""
    view: dict[str, Any] = {"id": job.id, "status": job.state}
    if job.taken_at is not None:
        view["delayTime"] = round((job.taken_at - job.queued_at) * 1000)
        if job.ended_at is not None:
            view["executionTime"] = round((job.ended_at - job.taken_at) * 1000)
    if job.worker is not None:
        view["workerId"] = job.worker
    if job.retries:
        view["retries"] = job.retries
    if job.error is not None:
        view["error"] = job.error
    elif job.state is JobState.COMPLETED or job.output is not None:
        view["output"] = job.output
    return view


routes = [
    Route("/run", _run, methods=["POST"]),
    Route("/runsync", _runsync, methods=["POST"]),
    Route("/status/{job}", _status, methods=["GET", "POST"]),
    Route("/status-sync/{job}", _status_sync, methods=["GET", "POST"]),
    Route("/stream/{job}", _stream, methods=["GET", "POST"]),
    Route("/cancel/{job}", _cancel, methods=["POST"]),
    Route("/retry/{job}", _retry, methods=["POST"]),
    Route("/purge-queue", _purge, methods=["POST"]),
    Route("/health", _health),
]
