"""A worker whose every request a test makes itself, over the SDK's wire protocol."""

import json
from typing import Any

import httpx


class FakeWorker:
    def __init__(self, client: httpx.AsyncClient, worker_id: str = "w1") -> None:
        self.client = client
        self.id = worker_id

    async def take(self) -> dict[str, Any]:
        reply = await self.client.get(f"job-take/{self.id}?gpu=x&job_in_progress=0")
        assert reply.status_code == 200, reply.text
        job: dict[str, Any] = reply.json()
        return job

    async def take_batch(self, count: int) -> list[dict[str, Any]]:
        reply = await self.client.get(f"job-take-batch/{self.id}?gpu=x&batch_size={count}&job_in_progress=0")
        jobs: list[dict[str, Any]] = reply.json()
        return jobs

    async def stops(self) -> list[str]:
        reply = await self.client.get(f"job-stop/{self.id}?gpu=x")
        job_ids: list[str] = reply.json()["jobsToStop"] if reply.status_code == 200 else []
        return job_ids

    async def stream(self, job_id: str, output: Any) -> httpx.Response:
        return await self._post(f"job-stream/{self.id}/{job_id}?gpu=x&isStream=false", {"output": output})

    async def done(self, job_id: str, **result: Any) -> httpx.Response:
        return await self._post(f"job-done/{self.id}/{job_id}?gpu=x&isStream=true", result)

    async def ping(self, *job_ids: str) -> None:
        named = f"&job_id={','.join(job_ids)}" if job_ids else ""
        await self.client.get(f"ping/{self.id}?gpu=x{named}&runpod_version=1.12.0")

    async def _post(self, path: str, body: Any) -> httpx.Response:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "charset": "utf-8"}
        return await self.client.post(path, content=json.dumps(body), headers=headers)
