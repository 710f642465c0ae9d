"""Webhooks: an ended job is posted to the address that its request named, as often as RunPod tries."""

import asyncio
import logging
from typing import Any

import httpx

from localpod.pod import Pod
from localpod.public_api import describe
from localpod.queue import QueuedJob

__all__ = ["Webhooks"]

REPEAT_S = (5.0, 20.0)  # between the three attempts
LOOK_S = 30.0  # the bell rings at a job's end; looked at all the same, were it missed
LIMIT_S = 30.0  # for the other side's answer

log = logging.getLogger("localpod")


class Webhooks:
    """Watches the jobs that want to be told of, and tells."""

    def __init__(self, pod: Pod, repeat_s: tuple[float, ...] = REPEAT_S) -> None:
        self._pod = pod
        self._repeat_s = repeat_s
        self._tasks: set[asyncio.Task[None]] = set()

    def watch(self, job: QueuedJob) -> None:
        """Tell of the job when it has ended, if its request names an address."""
        if isinstance(job.request.get("webhook"), str):
            task = asyncio.create_task(self._tell(job, job.request["webhook"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Tell no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, job: QueuedJob, address: str) -> None:
        while not job.final:
            await self._pod.bells.wait(job.id, LOOK_S)
        body = {**describe(job), "input": job.request["input"], "webhook": address}
        async with httpx.AsyncClient(timeout=LIMIT_S) as http:
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
