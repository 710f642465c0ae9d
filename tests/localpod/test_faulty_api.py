"""Faults as clients and workers see them, over real connections where one is to be closed."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from time import monotonic

import httpx
import pytest
from starlette.applications import Starlette

from tests.kits.fake_worker import FakeWorker
from tests.kits.open_pod import open_pod
from tests.kits.timing import MS

Submit = Callable[[], Awaitable[str]]
JOB = {"input": {"a": 1}}


@pytest.fixture
async def site() -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a localpod without workers of its own, over real connections."""
    async with (
        open_pod() as url,
        httpx.AsyncClient(base_url=url, headers={"Authorization": "Bearer any"}) as client,
    ):
        yield client


async def set_faults(site: httpx.AsyncClient, **faults: float) -> None:
    await site.delete("localpod/faults")
    named = {name.replace("_", "."): value for name, value in faults.items()}
    assert (await site.post("localpod/faults", json=named)).status_code == 200


async def test_a_dropped_reply_is_lost_after_the_job_was_queued(site: httpx.AsyncClient) -> None:
    await set_faults(site, drop_run=1)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await site.post("v2/local/run", json=JOB)
    assert (await site.get("v2/local/health")).json()["jobs"]["inQueue"] == 1


async def test_a_closed_connection_has_done_nothing(site: httpx.AsyncClient) -> None:
    await set_faults(site, close_run=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):  # a reset, if the body was unread
        await site.post("v2/local/run", json=JOB)
    assert (await site.get("v2/local/health")).json()["jobs"]["inQueue"] == 0


async def test_a_stream_whose_reply_was_cut_has_handed_its_records_out(site: httpx.AsyncClient) -> None:
    api = FakeWorker(httpx.AsyncClient(base_url=f"{site.base_url}/v2/local"))
    job = (await site.post("v2/local/run", json=JOB)).json()["id"]
    await api.take()
    await api.stream(job, "x" * 100_000)
    await set_faults(site, cut_stream=1)
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|without sending complete"):
        await site.get(f"v2/local/stream/{job}")
    await set_faults(site)
    assert (await site.get(f"v2/local/stream/{job}?wait=0")).json()["stream"] == []
    await api.client.aclose()


@pytest.mark.timing
async def test_a_request_that_is_never_answered_ends_when_the_client_leaves(site: httpx.AsyncClient) -> None:
    await set_faults(site, never_run=1)
    with pytest.raises(httpx.ReadTimeout):
        await site.post("v2/local/run", json=JOB, timeout=httpx.Timeout(60, read=200 * MS))
    assert (await site.get("v2/local/health")).json()["jobs"]["inQueue"] == 0


async def test_refusals_do_nothing_and_a_429_has_retry_after(app: Starlette, api: httpx.AsyncClient) -> None:
    app.state.pod.faults.set({"429.run": 1, "retry-after": 3})
    refused = await api.post("run", json=JOB)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
    app.state.pod.faults.set({"429.run": 0, "500.run": 1})
    assert (await api.post("run", json=JOB)).status_code == 500
    assert list(app.state.pod.queue.jobs) == []


async def test_one_request_in_so_many_is_refused(app: Starlette, api: httpx.AsyncClient) -> None:
    app.state.pod.faults.set({"429.api": 4})
    statuses = [(await api.get("health")).status_code for _ in range(40)]
    assert (statuses.count(429), statuses.count(200)) == (10, 30)


async def test_a_reply_is_delayed_after_the_state_has_changed(app: Starlette, api: httpx.AsyncClient) -> None:
    app.state.pod.faults.set({"delay.run": 30})
    late = asyncio.create_task(api.post("run", json=JOB))
    while not app.state.pod.queue.jobs:
        await asyncio.sleep(0)
    assert not late.done()
    late.cancel()


@pytest.mark.parametrize(("fault", "status"), [("400.chunk", 400), ("500.chunk", 500), ("lose.chunk", 200)])
async def test_a_chunk_can_be_lost_with_any_answer(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit, fault: str, status: int
) -> None:
    job = await submit()
    await worker.take()
    app.state.pod.faults.set({fault: 1})
    assert (await worker.stream(job, 1)).status_code == status
    await worker.done(job, output=[1])
    assert (await api.get(f"stream/{job}")).json() == {"status": "COMPLETED", "stream": []}
    assert (await api.get(f"status/{job}")).json()["output"] == [1]


async def test_a_lost_result_leaves_the_job_running_and_a_refused_one_fails_it(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    lost, refused = await submit(), await submit()
    await worker.take_batch(2)
    app.state.pod.faults.set({"lose.done": 1})
    assert (await worker.done(lost, output=[1])).status_code == 200
    app.state.pod.faults.set({"lose.done": 0, "400.done": 1})
    assert (await worker.done(refused, output=[1])).status_code == 400
    assert (await api.get(f"status/{lost}")).json()["status"] == "IN_PROGRESS"
    status = (await api.get(f"status/{refused}")).json()
    assert (status["status"], status["error"]) == (
        "FAILED",
        "the worker's result was refused: a fault of localpod answers 400",
    )


async def test_the_limit_of_a_result_can_be_lowered(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    app.state.pod.faults.set({"done-limit": 100})
    assert (await worker.done(job, output="x" * 100)).status_code == 400
    assert "limit of 100 bytes" in (await api.get(f"status/{job}")).json()["error"]


@pytest.mark.timing
async def test_with_stop_once_a_stop_is_not_repeated(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    app.state.pod.faults.set({"stop-once": 1, "cancel.take": 1})
    job = await submit()
    assert (await worker.take())["id"] == job
    assert (await api.get(f"status/{job}")).json()["status"] == "CANCELLED"
    assert await worker.stops() == [job]
    again = asyncio.create_task(worker.stops())
    await asyncio.sleep(300 * MS)
    assert not again.done()
    again.cancel()


async def test_a_lost_worker_has_its_job_run_again_with_the_same_id_and_the_count_of_retries(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    app.state.pod.faults.set({"kill.records": 2})
    job = await submit()
    await worker.take()
    await worker.stream(job, 1)
    await worker.stream(job, 2)
    assert (await api.get(f"status/{job}")).json() == {"id": job, "status": "IN_QUEUE", "retries": 1}
    second = FakeWorker(api, "w2")
    assert (await second.take())["id"] == job
    for number in (1, 2, 3):
        await second.stream(job, number)
    await second.done(job, output=[1, 2, 3])
    streamed = (await api.get(f"stream/{job}")).json()
    assert streamed == {"status": "COMPLETED", "stream": [{"output": n} for n in (1, 2, 1, 2, 3)]}


@pytest.mark.timing
async def test_the_jobs_of_a_lost_worker_can_wait_before_they_are_handed_out_again(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    app.state.pod.faults.set({"kill.records": 1, "redispatch": 0.3})
    job = await submit()
    await worker.take()
    began = monotonic()
    await worker.stream(job, 1)
    assert (await FakeWorker(api, "w2").take())["id"] == job
    assert monotonic() - began >= 0.3


async def test_faults_are_shown_with_how_often_each_was_applied(site: httpx.AsyncClient) -> None:
    await set_faults(site, **{"500_health": 1, "seed": 7})
    await site.get("v2/local/health")
    shown = (await site.get("localpod/faults")).json()
    assert shown == {"faults": {"500.health": 1, "seed": 7}, "struck": {"500.health": 1}}
    assert (await site.delete("localpod/faults")).json() == {"faults": {}, "struck": {}}


async def test_a_wrong_fault_and_a_body_that_is_not_json_are_refused(
    site: httpx.AsyncClient,
) -> None:
    wrong = await site.post("localpod/faults", json={"drop.strem": 1})
    assert (wrong.status_code, wrong.json()["error"]) == (
        400,
        "'drop.strem' is not a fault, did you mean 'drop.stream'?",
    )
    form = await site.post(
        "localpod/faults", content=b'{"drop.api": 1}', headers={"Content-Type": "text/plain"}
    )
    assert form.status_code == 415
