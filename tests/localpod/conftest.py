from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette

from localpod.app import create_app
from localpod.settings import EndpointOptions
from tests.kits.fake_worker import FakeWorker


@pytest.fixture
def app() -> Starlette:
    return create_app(EndpointOptions(workers=0))


@pytest.fixture
async def api(app: Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the endpoint, in the same process."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1/v2/local",
        headers={"Authorization": "Bearer any"},
    ) as client:
        yield client


@pytest.fixture
def worker(api: httpx.AsyncClient) -> FakeWorker:
    return FakeWorker(api)


@pytest.fixture
def submit(api: httpx.AsyncClient) -> Callable[[], Awaitable[str]]:
    async def run() -> str:
        return str((await api.post("run", json={"input": {"text": "hi"}})).json()["id"])

    return run
