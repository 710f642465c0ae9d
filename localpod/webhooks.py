"""Webhooks: posts an ended job to the address in its request, as often as RunPod tries."""

import asyncio
import logging
from typing import Any

import httpx

from localpod.pod import Pod
from localpod.public_api import describe
from localpod.queue import QueuedJob

__all__ = ["Webhooks"]

REPEAT_S = (5.0, 20.0)  # between the three attempts
CHECK_S = 30.0  # a job's end wakes the task; the state is checked this often as well
TIMEOUT_S = 30.0  # of one post

log = logging.getLogger("localpod")


class Webhooks:
    """Posts the jobs whose requests name a webhook."""

    def __init__(self, pod: Pod, repeat_s: tuple[float, ...] = REPEAT_S) -> None:
        self._pod = pod
        self._repeat_s = repeat_s
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, job: QueuedJob) -> None:
        """Post the job when it has ended, if its request names an address."""
        if isinstance(job.request.get("webhook"), str):
            task = asyncio.create_task(self._deliver(job, job.request["webhook"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel all deliveries."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, job: QueuedJob, address: str) -> None:
        while not job.final:
            await self._pod.changes.wait(job.id, CHECK_S)
        body = {**describe(job), "input": job.request["input"], "webhook": address}
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
            for wait in (*self._repeat_s, None):
                if await self._posted(http, address, body) or wait is None:
                    return
                await asyncio.sleep(wait)

    async def _posted(self, http: httpx.AsyncClient, address: str, body: dict[str, Any]) -> bool:
        try:
            answer = await http.post(address, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.info("webhook of job %s: %s", body["id"], type(error).__name__)
            return False
        log.info("webhook of job %s: HTTP %d", body["id"], answer.status_code)
        return answer.status_code == httpx.codes.OK
