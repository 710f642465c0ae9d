"""The worker's API, as the SDK calls it: take, stop, stream, done, ping.

The SDK polls again without a pause after an empty answer, so polls are held open. It posts raw JSON
under the content type of a form.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localpod.http_common import MB, hold, parse, pod_of, read, reply
from localpod.pod import WORK, Pod, PodWorker
from localpod.queue import QueuedJob
from localpod.settings import WORKER_KEY

__all__ = ["routes"]

POLL_S = 25.0
MOST_DIGITS = 4  # of a batch's size
STOPPING_S = 0.1
ITEM_LIMIT = 1 * MB
OUTPUT_LIMIT = {False: 10 * MB, True: 20 * MB}  # of /run and of /runsync
# What a worker gets beside id and input.
PASSED_ON = ("webhook", "s3Config", "policy")
T = TypeVar("T")


async def _take(request: Request) -> Response:
    jobs = await _hold_take(request, 1)
    return reply(jobs[0]) if jobs else Response(status_code=204)


async def _take_batch(request: Request) -> Response:
    text = request.query_params.get("batch_size", "1")
    if not (text.isdecimal() and len(text) <= MOST_DIGITS and int(text) >= 1):
        raise HTTPException(400, f"batch_size is {text[:20]!r}, expected a whole number from 1")
    jobs = await _hold_take(request, int(text))
    return reply(jobs) if jobs else Response(status_code=204)


async def _hold_take(request: Request, count: int) -> list[dict[str, Any]]:
    pod, worker = _caller(request)
    if worker.stopping:
        # Its SIGTERM is under way: answered at once, the SDK would poll without a pause until then.
        await asyncio.sleep(STOPPING_S)
        return []
    worker.ready = True
    take = _unless_stopping(worker, lambda: pod.take(worker, count))
    jobs = await hold(request, WORK, POLL_S, take, lambda: pod.queue.next_due(pod.clock()))
    return [_for_worker(job) for job in jobs or ()]


def _for_worker(job: QueuedJob) -> dict[str, Any]:
    extras = {name: job.request[name] for name in PASSED_ON if name in job.request}
    return {"id": job.id, "input": job.request["input"], **extras}


async def _stop(request: Request) -> Response:
    pod, worker = _caller(request)
    due = _unless_stopping(worker, lambda: pod.stops_due(worker))
    job_ids = await hold(request, WORK, POLL_S, due, lambda: pod.stops.next_due(worker.id))
    return reply({"jobsToStop": job_ids}) if job_ids else Response(status_code=204)


def _unless_stopping(worker: PodWorker, find: Callable[[], list[T]]) -> Callable[[], list[T] | None]:
    """Return a `poll` for `hold`: what `find` returns, or an empty list for a worker that is stopping.

    A worker ends only when its polls are answered, and drops jobs that it gets after SIGTERM.
    """
    return lambda: [] if worker.stopping else find() or None


async def _stream(request: Request) -> Response:
    pod, worker = _caller(request)
    body = await read(request, ITEM_LIMIT, 400)
    if "output" not in parse(body):
        raise HTTPException(400, "the streamed item has no output")
    pod.add_item(request.path_params["job"], worker.id, body)
    return reply({})


async def _done(request: Request) -> Response:
    pod, worker = _caller(request)
    job_id = request.path_params["job"]
    job = pod.queue.jobs.get(job_id)
    limit = int(pod.faults.setting("done-limit")) or OUTPUT_LIMIT[job is not None and job.sync]
    try:
        result = parse(await read(request, limit, 400))
    except HTTPException as error:
        pod.refuse_result(job_id, worker.id, error.detail)
        raise
    if result.get("status") == "IN_PROGRESS":
        pod.queue.add_progress(job_id, worker.id, result.get("output"))
    else:
        pod.finish(job_id, worker.id, result)
    return reply({})


async def _ping(request: Request) -> Response:
    _check_key(request)
    named = request.query_params.get("job_id", "")
    pod_of(request).pinged(request.path_params["worker"], set(filter(None, named.split(","))))
    return reply({})


def _check_key(request: Request) -> None:
    """Refuse who does not have the addresses that localpod gives its workers.

    Raises:
        HTTPException: 403.
    """
    expected = pod_of(request).options.worker_key
    given = request.query_params.get(WORKER_KEY, "")
    if expected is not None and not secrets.compare_digest(given.encode(), expected.encode()):
        raise HTTPException(403, "this side is for the workers that localpod has started")


def _caller(request: Request) -> tuple[Pod, PodWorker]:
    _check_key(request)
    pod = pod_of(request)
    return pod, pod.worker(request.path_params["worker"])


routes = [
    Route("/job-take/{worker}", _take),
    Route("/job-take-batch/{worker}", _take_batch),
    Route("/job-stop/{worker}", _stop),
    Route("/job-stream/{worker}/{job}", _stream, methods=["POST"]),
    Route("/job-done/{worker}/{job}", _done, methods=["POST"]),
    Route("/ping/{worker}", _ping),
]
