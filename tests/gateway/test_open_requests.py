"""Clients that leave, and a gateway that shuts down: no job is left of a request without a client."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from chatterpod import Chunk, EngineFailed
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from gateway.open_requests import ClientWatch, OpenRequests
from gateway.queue_speech import AT_ONCE, HASTE
from gateway.runpod_queue import RunPodQueue
from gateway.settings import GatewaySettings
from tests.kits.gateway import TOKEN, MemoryQueue, RunningGateway, audio_of, connected, running_gateway
from tests.kits.timing import MS, SECOND

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave."
)
SPEECH = ("POST", "/v1/audio/speech")
ROUTES = [
    (*SPEECH, {"input": PROSE}, "job-0"),
    (*SPEECH, {"input": PROSE, "response_format": "pcm"}, "job-0"),
    (*SPEECH, {"input": PROSE, "response_format": "wav"}, "job-0"),
    (*SPEECH, {"input": PROSE, "stream_format": "sse"}, "job-0"),
    ("GET", "/v1/audio/voices", None, "voices"),
]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10 * SECOND):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def held(**settings: Any) -> AsyncIterator[RunningGateway]:
    """A gateway whose endpoint yields nothing until its gate is opened."""
    async with running_gateway(**settings) as gateway:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 0
        yield gateway


async def post(gateway: RunningGateway, text: str) -> httpx.Response:
    return await gateway.http.post("/v1/audio/speech", json={"input": text})


async def requests(gateway: RunningGateway) -> int:
    """Return how many requests the gateway has counted."""
    metrics = (await gateway.http.get("/metrics")).text
    return sum(map(int, re.findall(r"^gateway_requests_total\{.*\} (\d+)", metrics, re.MULTILINE)))


def submitting() -> int:
    """Return how many jobs of this process's gateways are submitted or wait for their turn."""
    return sum(task.get_coro().__name__ == "_submit" for task in asyncio.all_tasks())  # type: ignore[union-attr]


async def leave(asking: "asyncio.Task[Any]") -> None:
    """Close the request's connection, as a client does that is stopped."""
    asking.cancel()
    await asyncio.wait({asking})


@pytest.mark.parametrize(("method", "path", "body", "job"), ROUTES)
async def test_a_client_that_leaves_before_the_first_audio_leaves_no_job(
    method: str, path: str, body: Any, job: str
) -> None:
    async with held() as gateway:
        asking = asyncio.create_task(gateway.http.request(method, path, json=body))
        await until(lambda: gateway.queue.jobs or gateway.queue.operations)
        assert gateway.queue.cancelled == []
        await leave(asking)
        await until(lambda: gateway.queue.cancelled)
        assert gateway.queue.cancelled == [job]


@pytest.mark.timing
async def test_a_submission_on_its_way_when_the_client_leaves_is_cancelled_by_its_id() -> None:
    async with running_gateway() as gateway:
        gateway.queue.submit_gate.clear()
        asking = asyncio.create_task(gateway.http.post("/v1/audio/speech", json={"input": PROSE}))
        await until(lambda: gateway.queue.submissions)
        await leave(asking)
        await asyncio.sleep(50 * MS)
        assert gateway.queue.cancelled == []
        gateway.queue.submit_gate.set()
        await until(lambda: gateway.queue.cancelled)
        assert gateway.queue.cancelled == ["job-0"]


async def test_what_is_cancelled_before_its_turn_is_never_submitted() -> None:
    async with running_gateway() as gateway:
        gateway.queue.submit_gate.clear()
        first = [asyncio.create_task(post(gateway, f"Speech number {n}.")) for n in range(AT_ONCE)]
        await until(lambda: gateway.queue.submissions == AT_ONCE)
        waiting = [asyncio.create_task(post(gateway, f"Later {n}.")) for n in range(10)]
        while await requests(gateway) < AT_ONCE + 10:
            await asyncio.sleep(0.005)
        for each in waiting:
            await leave(each)
        await until(lambda: submitting() == AT_ONCE)  # the gateway has seen them leave
        gateway.queue.submit_gate.set()
        await asyncio.gather(*first)
        assert (await post(gateway, "The last one.")).status_code == 200
        assert sorted(job["text"] for job in gateway.queue.jobs.values()) == sorted(
            [*(f"Speech number {n}." for n in range(AT_ONCE)), "The last one."]
        )


async def test_of_speeches_that_are_cancelled_at_once_hardly_any_is_submitted() -> None:
    async with held() as gateway, connected(gateway) as line:
        for number in range(100):
            context = {"context_id": f"c{number}"}
            await line.send(type="speak", text=PROSE, **context)
            await line.send(type="cancel", played_ms=0, **context)
        for _ in range(100):
            await line.until("cancelled")
        gateway.queue.gate.set()
        assert (await post(gateway, "Another client's.")).status_code == 200
        await until(lambda: len(gateway.queue.cancelled) >= len(gateway.queue.jobs) - 1)
        assert len(gateway.queue.jobs) <= HASTE + 2


@pytest.mark.timing
async def test_a_client_that_leaves_within_its_body_causes_no_job_and_no_error() -> None:
    async with running_gateway() as gateway:
        _, writer = await asyncio.open_connection(*gateway.url.removeprefix("http://").split(":"))
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        writer.write(f'{head}Content-Length: 500\r\n\r\n{{"input": "Hel'.encode())
        await writer.drain()
        await asyncio.sleep(50 * MS)
        writer.close()
        await asyncio.sleep(50 * MS)
        counted = (await gateway.http.get("/metrics")).text
        assert gateway.queue.jobs == {}
    assert "gateway_errors_total{" not in counted


@pytest.mark.timing
async def test_a_growing_speech_continues_for_other_listeners_when_one_leaves() -> None:
    async with held() as gateway:
        url = (await gateway.http.post("/v1/speech", json={"text": PROSE})).json()["url"]
        leaver, stayer = (asyncio.create_task(gateway.http.get(url)) for _ in range(2))
        await until(lambda: gateway.queue.jobs)
        await asyncio.sleep(50 * MS)
        await leave(leaver)
        await asyncio.sleep(50 * MS)
        gateway.queue.gate.set()
        audio = (await stayer).content
    assert audio == b"".join(audio for audio, _, _ in audio_of(PROSE))
    assert gateway.queue.cancelled == []


class Wire:
    """The server's side of one request without a body, whose client leaves when its answer is complete."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self._asked = False
        self._complete = asyncio.Event()

    async def receive(self) -> Message:
        if self._asked:
            await self._complete.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._complete.set()


async def test_a_route_is_not_cancelled_once_its_answer_is_complete() -> None:
    ended: list[str] = []

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("all")(scope, receive, send)
        await asyncio.sleep(50 * MS)
        ended.append("ended")

    wire = Wire()
    watch = ClientWatch(route, OpenRequests(lambda _: None), PlainTextResponse("shutdown_answer"))
    await watch({"type": "http", "method": "GET"}, wire.receive, wire.send)
    assert ended == ["ended"]


@pytest.mark.timing
async def test_a_cancelled_route_cannot_answer_after_the_shutdown_answer() -> None:
    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await PlainTextResponse("late")(scope, receive, send)

    wire, given_up = Wire(), list[asyncio.Task[Any]]()
    requests = OpenRequests(given_up.append)
    watch = ClientWatch(route, requests, PlainTextResponse("shutdown_answer"))
    asking = asyncio.create_task(watch({"type": "http", "method": "GET"}, wire.receive, wire.send))
    await asyncio.sleep(50 * MS)
    requests.end()
    await asking
    await asyncio.gather(*given_up)
    assert [message.get("body") for message in wire.sent] == [None, b"shutdown_answer"]


async def test_a_long_body_reaches_its_route_whole_while_the_client_is_watched() -> None:
    async with running_gateway(max_characters=1_000_000, max_message_bytes=1_000_000) as gateway:
        text = PROSE * 2_000
        answer = await gateway.http.post("/v1/audio/speech", json={"input": text})
        spoken = sum(len(job["text"]) for job in gateway.queue.jobs.values())
    assert answer.status_code == 200
    assert len(text) - spoken < len(gateway.queue.jobs) * 5  # the spaces between jobs


async def test_a_job_that_fails_within_a_speech_breaks_off_the_body_without_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Dying(MemoryQueue):
        async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
            yield Chunk(b"a" * 192, 0, 24, ())
            raise EngineFailed("it broke")

    async with running_gateway(Dying()) as gateway:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await gateway.http.post("/v1/audio/speech", json={"input": PROSE})
    assert capsys.readouterr().err == ""  # uvicorn writes there


@pytest.mark.timing
@pytest.mark.parametrize("chunks_sent", [0, 1], ids=["waiting", "streaming"])
async def test_at_its_end_the_gateway_cancels_long_requests_and_their_jobs(
    chunks_sent: int, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with held() as gateway:
        gateway.queue.hold_after = chunks_sent
        asking = asyncio.create_task(gateway.http.post("/v1/audio/speech", json={"input": PROSE}))
        await gateway.http.post("/v1/speech", json={"text": PROSE})
        await until(lambda: len(gateway.queue.jobs) == 2)
        began = time.monotonic()
        gateway.server.should_exit = True
        if chunks_sent:
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
                await asking
        else:
            answer = await asking
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "shutting_down")
            assert answer.headers["retry-after"] == "1"
    assert time.monotonic() - began < 5 * SECOND
    assert sorted(gateway.queue.cancelled) == ["job-0", "job-1"]
    assert (caplog.records, capsys.readouterr().err) == ([], "")


@pytest.mark.timing
async def test_at_its_end_the_gateway_lets_a_short_speech_end() -> None:
    async with held() as gateway:
        asking = asyncio.create_task(gateway.http.post("/v1/audio/speech", json={"input": PROSE}))
        await until(lambda: gateway.queue.jobs)
        gateway.server.should_exit = True
        await asyncio.sleep(500 * MS)
        gateway.queue.gate.set()
        answer = await asking
    assert answer.content == b"".join(audio for audio, _, _ in audio_of(PROSE))
    assert gateway.queue.cancelled == []


async def test_the_end_does_not_wait_for_a_worker_being_warmed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with held(prewarm=True) as gateway, connected(gateway):
        await until(lambda: gateway.queue.operations)
    assert gateway.queue.cancelled == ["warm"]
    assert caplog.records == []  # cancelling it was not too late


@pytest.mark.timing
async def test_an_endpoint_that_does_not_answer_cancels_delays_the_end_only_by_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Deaf(MemoryQueue):
        async def cancel(self, job: str) -> None:
            await asyncio.sleep(60)

    began = time.monotonic()
    async with running_gateway(Deaf()) as gateway:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 0
        asking = asyncio.create_task(gateway.http.post("/v1/audio/speech", json={"input": PROSE}))
        await until(lambda: gateway.queue.jobs)
        await leave(asking)
    assert time.monotonic() - began < 10 * SECOND
    [message] = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert message == "1 jobs may still run: the endpoint took more than 4 s to cancel them"


async def test_a_cancelled_operation_leaves_no_job() -> None:
    seen: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().removeprefix("/v2/ep")
        seen.append(path)
        body = b'{"id": "job-1", "status": "IN_QUEUE"}'
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        endpoint = RunPodQueue(
            GatewaySettings(endpoint_id="ep", api_key="any", base_url=f"http://127.0.0.1:{port}/v2")
        )
        asking = asyncio.create_task(endpoint.operate("voices"))
        await until(lambda: len(seen) > 2)
        await leave(asking)
        await endpoint.close()
    assert seen[0] == "/run"
    assert seen[-1] == "/cancel/job-1"
