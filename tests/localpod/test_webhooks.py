"""An ended job is posted to the address in its request."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from localpod.app import create_app
from localpod.settings import EndpointOptions
from localpod.webhooks import Webhooks
from tests.kits.timing import MS, SECOND

LIMIT_S = 10 * SECOND


class Hook:
    """A server on this machine that keeps what is posted to it; `answers` are its status codes."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers = [200]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.split("content-length: ")[1].split("\r\n")[0])
        self.bodies.append(json.loads(await reader.readexactly(size)))
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def app() -> AsyncIterator[Starlette]:
    application = create_app(EndpointOptions())
    application.state.webhooks = Webhooks(application.state.pod, repeat_s=(0.01, 0.01))
    yield application
    await application.state.webhooks.close()


async def run_job(app: Starlette, hook: Hook, times: int) -> None:
    """Run a job with the hook as webhook, and wait for so many posts."""
    server = await asyncio.start_server(hook.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    transport = httpx.ASGITransport(app)
    async with (
        server,
        httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1/v2/local", headers={"Authorization": "any"}
        ) as http,
    ):
        body = {"input": {"text": "a"}, "webhook": address}
        job = (await http.post("/run", json=body)).json()["id"]
        await http.get("/job-take/w")
        await http.post(f"/job-done/w/{job}", content=json.dumps({"output": [1, 2]}))
        async with asyncio.timeout(LIMIT_S):
            while len(hook.bodies) < times:
                await asyncio.sleep(0.01)
        await asyncio.sleep(100 * MS)
    assert [body["id"] for body in hook.bodies] == [job] * times


@pytest.mark.timing
async def test_the_whole_job_is_posted_once_when_the_address_answers_200(app: Starlette) -> None:
    hook = Hook()
    await run_job(app, hook, 1)
    assert hook.bodies[0]["status"] == "COMPLETED"
    assert hook.bodies[0]["output"] == [1, 2]
    assert hook.bodies[0]["input"] == {"text": "a"}


@pytest.mark.timing
async def test_it_is_posted_three_times_in_all_if_it_does_not(app: Starlette) -> None:
    hook = Hook()
    hook.answers = [500]
    await run_job(app, hook, 3)


@pytest.mark.timing
async def test_it_is_posted_until_the_address_answers_200(app: Starlette) -> None:
    hook = Hook()
    hook.answers = [500, 200]
    await run_job(app, hook, 2)
