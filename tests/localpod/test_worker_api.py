import asyncio
import json
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette

from localpod.app import create_app
from localpod.settings import EndpointOptions
from tests.kits.fake_worker import FakeWorker
from tests.kits.open_pod import open_pod
from tests.kits.timing import MS

Submit = Callable[[], Awaitable[str]]


@pytest.mark.timing
async def test_a_take_is_held_until_there_is_a_job(worker: FakeWorker, submit: Submit) -> None:
    held = asyncio.create_task(worker.take())
    await asyncio.sleep(50 * MS)
    assert not held.done()
    job = await submit()
    assert (await held)["id"] == job


async def test_a_batch_is_as_large_as_there_are_jobs(worker: FakeWorker, submit: Submit) -> None:
    jobs = [await submit() for _ in range(3)]
    assert [job["id"] for job in await worker.take_batch(2)] == jobs[:2]
    assert [job["id"] for job in await worker.take_batch(2)] == jobs[2:]


@pytest.mark.timing
async def test_two_workers_never_get_the_same_job(api: httpx.AsyncClient, submit: Submit) -> None:
    held = [asyncio.create_task(FakeWorker(api, name).take()) for name in "ab"]
    await asyncio.sleep(50 * MS)
    jobs = {await submit(), await submit()}
    assert {job["id"] for job in await asyncio.gather(*held)} == jobs


@pytest.mark.timing
async def test_a_stop_names_the_cancelled_job_until_it_is_done(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    held = asyncio.create_task(worker.stops())
    await api.post(f"cancel/{job}")
    assert await held == [job]
    assert await worker.stops() == [job]
    await worker.done(job, output=["late"])
    held = asyncio.create_task(worker.stops())
    await asyncio.sleep(300 * MS)
    assert not held.done()
    held.cancel()
    assert (await api.get(f"status/{job}")).json()["status"] == "CANCELLED"


async def test_a_stop_is_dropped_once_pings_no_longer_name_the_job(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    await api.post(f"cancel/{job}")
    await worker.ping(job)
    assert app.state.pod.stops.pending("w1") == [job]
    await worker.ping()
    await worker.ping()
    assert app.state.pod.stops.pending("w1") == []


@pytest.mark.timing
async def test_a_stopping_worker_gets_no_job_and_its_polls_are_answered(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    take = asyncio.create_task(api.get("job-take/w1?gpu=x"))
    stop = asyncio.create_task(api.get("job-stop/w1?gpu=x"))
    while "w1" not in app.state.pod.workers:
        await asyncio.sleep(MS)
    app.state.pod.workers["w1"].stopping = True
    job = await submit()
    assert [(await take).status_code, (await stop).status_code] == [204, 204]
    assert (await api.get("job-take/w1?gpu=x")).status_code == 204
    assert (await FakeWorker(api, "w2").take())["id"] == job


async def test_late_requests_do_not_register_a_lost_worker_again(
    app: Starlette, api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    pod = app.state.pod
    job = await submit()
    await worker.take()
    pod.workers["w1"].pid = 1
    pod.lose("w1")
    await worker.ping(job)
    await worker.stream(job, "late")
    assert (await api.get("job-take/w1?gpu=x")).status_code == 204
    assert "w1" not in pod.workers
    assert (await FakeWorker(api, "w2").take())["id"] == job


async def test_an_item_over_a_megabyte_is_refused(worker: FakeWorker, submit: Submit) -> None:
    job = await submit()
    await worker.take()
    assert (await worker.stream(job, "x" * 999_000)).status_code == 200
    assert (await worker.stream(job, "x" * 1_000_000)).status_code == 400


async def test_an_output_over_the_limit_is_refused_and_fails_the_job(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    assert (await worker.done(job, output="x" * 10_000_000)).status_code == 400
    status = (await api.get(f"status/{job}")).json()
    assert status["status"] == "FAILED"
    assert "10,000,000" in status["error"]


@pytest.mark.parametrize("body", ["{", "[]", "{}"])
async def test_an_item_that_is_not_an_object_with_an_output_is_refused(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit, body: str
) -> None:
    job = await submit()
    await worker.take()
    assert (await api.post(f"job-stream/w1/{job}?gpu=x", content=body)).status_code == 400


@pytest.mark.timing
async def test_a_job_is_not_handed_to_a_poll_whose_client_has_left() -> None:
    headers = {"Authorization": "Bearer any"}
    async with (
        open_pod() as url,
        httpx.AsyncClient(base_url=f"{url}/v2/local", headers=headers) as api,
    ):
        with pytest.raises(httpx.ReadTimeout):
            await api.get("job-take/dead?gpu=x", timeout=httpx.Timeout(60, read=200 * MS))
        job = (await api.post("run", json={"input": {"a": 1}})).json()["id"]
        assert (await FakeWorker(api, "alive").take())["id"] == job


@pytest.mark.parametrize("key", ["", "&worker_key=", "&worker_key=wrong", "&worker_key=\u0663"])
async def test_who_was_not_started_by_localpod_takes_no_job_and_changes_none(key: str) -> None:
    app = create_app(EndpointOptions(workers=0, worker_key="right"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1/v2/local",
        headers={"Authorization": "Bearer any"},
    ) as api:
        job = (await api.post("run", json={"input": {"text": "hi"}})).json()["id"]
        for path in ("job-take/w", "job-take-batch/w", "job-stop/w", "ping/w"):
            assert (await api.get(f"{path}?gpu=x{key}")).status_code == 403
        for path in (f"job-stream/w/{job}", f"job-done/w/{job}"):
            reply = await api.post(f"{path}?gpu=x{key}", content=json.dumps({"output": "forged"}))
            assert reply.status_code == 403
        assert (app.state.pod.workers, (await api.get(f"status/{job}")).json()["status"]) == ({}, "IN_QUEUE")
        assert (await api.get("job-take/w?gpu=x&worker_key=right")).json()["id"] == job


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "9" * 5_000])
async def test_a_batch_of_another_size_than_a_whole_number_is_refused(
    size: str, api: httpx.AsyncClient
) -> None:
    reply = await api.get(f"job-take-batch/w1?gpu=x&batch_size={size}")
    assert reply.status_code == 400
    assert len(reply.json()["error"]) < 100
