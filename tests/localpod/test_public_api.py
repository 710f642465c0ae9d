import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from localpod.app import create_app
from localpod.settings import EndpointOptions
from tests.kits.fake_worker import FakeWorker

Submit = Callable[[], Awaitable[str]]


async def test_a_job_is_queued_taken_streamed_and_completed(
    api: httpx.AsyncClient, worker: FakeWorker
) -> None:
    queued = (await api.post("run", json={"input": {"text": "hi"}, "webhook": "http://x"})).json()
    assert queued["status"] == "IN_QUEUE"
    assert queued["id"].endswith("-u1")
    assert await worker.take() == {"id": queued["id"], "input": {"text": "hi"}, "webhook": "http://x"}
    await worker.stream(queued["id"], {"n": 1})
    streamed = (await api.get(f"stream/{queued['id']}")).json()
    assert streamed == {"status": "IN_PROGRESS", "stream": [{"output": {"n": 1}}]}
    await worker.done(queued["id"], output=[{"n": 1}])
    status = (await api.get(f"status/{queued['id']}")).json()
    assert {key: status[key] for key in ("id", "status", "output", "workerId")} == {
        "id": queued["id"],
        "status": "COMPLETED",
        "output": [{"n": 1}],
        "workerId": "w1",
    }
    assert {type(status[key]) for key in ("delayTime", "executionTime")} == {int}


async def test_each_record_is_streamed_once_and_the_end_may_come_with_the_last(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    await worker.stream(job, 1)
    await worker.stream(job, 2)
    await worker.done(job, output=[1, 2])
    first = (await api.get(f"stream/{job}")).json()
    assert first == {"status": "COMPLETED", "stream": [{"output": 1}, {"output": 2}]}
    assert (await api.get(f"stream/{job}")).json() == {"status": "COMPLETED", "stream": []}


async def test_a_stream_is_held_until_a_record_comes(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    held = asyncio.create_task(api.get(f"stream/{job}"))
    await worker.take()
    assert not held.done()
    await worker.stream(job, "é🙂")
    assert (await held).json() == {"status": "IN_PROGRESS", "stream": [{"output": "é🙂"}]}


async def test_a_stream_with_a_short_wait_answers_with_an_empty_list(
    api: httpx.AsyncClient, submit: Submit
) -> None:
    job = await submit()
    for method in ("GET", "POST"):
        reply = await api.request(method, f"stream/{job}?wait=10")
        assert reply.json() == {"status": "IN_QUEUE", "stream": []}
    assert (await api.get(f"stream/{job}?wait=soon")).status_code == 400


async def test_runsync_answers_with_the_whole_job(api: httpx.AsyncClient, worker: FakeWorker) -> None:
    held = asyncio.create_task(api.post("runsync", json={"input": {"text": "hi"}}))
    job = await worker.take()
    assert job["id"].startswith("sync-")
    await worker.done(job["id"], output=[1])
    answer = (await held).json()
    assert (answer["status"], answer["output"]) == ("COMPLETED", [1])


async def test_runsync_that_waits_too_long_names_the_job_which_continues(
    api: httpx.AsyncClient, worker: FakeWorker
) -> None:
    early = (await api.post("runsync?wait=1000", json={"input": {"text": "hi"}})).json()
    assert early == {"id": early["id"], "status": "IN_QUEUE"}
    await worker.take()
    await worker.done(early["id"], output=[1])
    assert (await api.get(f"status-sync/{early['id']}")).json()["output"] == [1]


async def test_an_error_fails_the_job_and_shows_at_its_status(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    await worker.done(job, error="unknown_voice: nobody")
    status = (await api.get(f"status/{job}")).json()
    assert (status["status"], status["error"]) == ("FAILED", "unknown_voice: nobody")
    assert "output" not in status
    assert (await api.get(f"stream/{job}")).json() == {"status": "FAILED", "stream": []}


async def test_progress_is_shown_and_ends_nothing(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    await worker.done(job, status="IN_PROGRESS", output="half")
    status = (await api.get(f"status/{job}")).json()
    assert (status["status"], status["output"]) == ("IN_PROGRESS", "half")


async def test_a_failed_job_can_be_tried_again_and_a_completed_one_cannot(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    job = await submit()
    await worker.take()
    await worker.done(job, error="boom")
    assert (await api.post(f"retry/{job}")).json() == {"id": job, "status": "IN_QUEUE"}
    assert (await worker.take())["id"] == job
    await worker.done(job, output=[])
    refused = await api.post(f"retry/{job}")
    assert refused.status_code == 400
    assert "COMPLETED" in refused.json()["error"]


async def test_a_cancelled_job_ends_its_stream_and_is_handed_to_no_worker(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    first, second = await submit(), await submit()
    held = asyncio.create_task(api.get(f"stream/{first}"))
    assert (await api.post(f"cancel/{first}")).json() == {"id": first, "status": "CANCELLED"}
    assert (await held).json() == {"status": "CANCELLED", "stream": []}
    assert (await worker.take())["id"] == second


async def test_a_purge_returns_how_many_jobs_waited(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    for _ in range(3):
        await submit()
    await worker.take()
    assert (await api.post("purge-queue")).json() == {"removed": 2, "status": "completed"}


async def test_health_counts_jobs_and_workers(
    api: httpx.AsyncClient, worker: FakeWorker, submit: Submit
) -> None:
    for _ in range(2):
        await submit()
    await worker.take()
    health = (await api.get("health")).json()
    assert health["jobs"] == {"completed": 0, "failed": 0, "inProgress": 1, "inQueue": 1, "retried": 0}
    assert health["workers"] == {
        "idle": 0,
        "initializing": 0,
        "ready": 0,
        "running": 1,
        "throttled": 0,
        "unhealthy": 0,
    }


@pytest.mark.parametrize(
    "body", ["{", "[]", "{}", '{"input": null}', '{"input": 3}', '{"input": {"a": NaN}}']
)
async def test_a_body_without_an_input_object_is_refused_with_a_reason(
    api: httpx.AsyncClient, body: str
) -> None:
    reply = await api.post("run", content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]


@pytest.mark.parametrize(
    "policy", [3, {"executionTimeout": 4999}, {"executionTimeout": True}, {"ttl": "60000"}, {"ttl": 9999}]
)
async def test_a_policy_outside_its_limits_is_refused(api: httpx.AsyncClient, policy: Any) -> None:
    reply = await api.post("run", json={"input": {"a": 1}, "policy": policy})
    assert reply.status_code == 400
    assert "policy" in reply.json()["error"]


async def test_an_empty_input_fails_as_it_does_on_the_platform(api: httpx.AsyncClient) -> None:
    job = (await api.post("run", json={"input": {}})).json()
    assert job["status"] == "IN_QUEUE"
    status = (await api.get(f"status/{job['id']}")).json()
    assert status["status"] == "FAILED"
    assert "job timed out after 1 retries" in status["error"]


@pytest.mark.parametrize(("path", "limit"), [("run", 10_000_000), ("runsync", 20_000_000)])
async def test_a_body_over_the_limit_is_refused_with_the_limit(
    api: httpx.AsyncClient, path: str, limit: int
) -> None:
    reply = await api.post(path, content=b" " * (limit + 1))
    assert reply.status_code == 413
    assert f"{limit:,}" in reply.json()["error"]


async def test_lone_surrogates_reach_the_worker_unharmed(api: httpx.AsyncClient, worker: FakeWorker) -> None:
    await api.post("run", content=b'{"input": {"text": "\\ud83d"}}')
    assert (await worker.take())["input"] == {"text": "\ud83d"}


@pytest.mark.parametrize("path", ["status/x", "stream/x", "status-sync/x"])
async def test_an_unknown_job_is_not_found(api: httpx.AsyncClient, path: str) -> None:
    reply = await api.get(path)
    assert reply.status_code == 404
    assert "x" in reply.json()["error"]


async def test_another_endpoint_is_not_found(api: httpx.AsyncClient) -> None:
    for path in ("other/health", "local/nothing"):
        reply = await api.get(f"http://127.0.0.1/v2/{path}")
        assert reply.status_code == 404
        assert reply.json()["error"] == "there is nothing at this address: the endpoint here is /v2/local"


async def test_a_foreign_host_name_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.get("http://evil.example/v2/local/health")).status_code == 400


@pytest.mark.parametrize("key", ["", "Bearer", "Bearer "])
async def test_without_a_key_nothing_is_answered(api: httpx.AsyncClient, key: str) -> None:
    for method, path in (("GET", "health"), ("POST", "run"), ("GET", "status/x"), ("POST", "purge-queue")):
        reply = await api.request(method, path, headers={"Authorization": key}, json={"input": {"a": 1}})
        assert reply.status_code == 401
        assert reply.json()["error"] == "send the header Authorization: Bearer KEY"


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer secret", 200), ("secret", 200), ("Bearer other", 401)]
)
async def test_with_a_key_set_only_that_key_is_accepted(header: str, status: int) -> None:
    transport = httpx.ASGITransport(create_app(EndpointOptions(workers=0, api_key="secret")))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/v2/local") as client:
        reply = await client.get("health", headers={"Authorization": header})
    assert reply.status_code == status
    assert reply.json().get("error") == {401: "the key is wrong, expected that of --api-key"}.get(status)


async def test_the_page_and_its_state_are_served(api: httpx.AsyncClient, submit: Submit) -> None:
    job = await submit()
    page = await api.get("http://127.0.0.1/")
    assert "text/html" in page.headers["content-type"]
    state = (await api.get("http://127.0.0.1/localpod/state")).json()
    assert [(row["id"], row["status"]) for row in state["jobs"]] == [(job, "IN_QUEUE")]
