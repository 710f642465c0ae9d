"""What strangers and silent clients may hold up: heads, sockets, pings, bodies, bytes that nobody takes."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from chatterpod import Chunk
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gateway import connections, door, http_common
from tests.kits.gateway import TOKEN, MemoryQueue, RunningGateway, connected, running_gateway
from tests.kits.timing import SECOND

LONG = "The harbour was quiet that morning, and only the gulls had opinions. " * 100
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
SPEECH = (
    "POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
)


def address(gateway: RunningGateway) -> tuple[str, int]:
    host, port = gateway.url.removeprefix("http://").split(":")
    return host, int(port)


class Raw:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def rest(self) -> bytes:
        """Return what comes until the server closes."""
        async with asyncio.timeout(20 * SECOND):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


def small_socket(gateway: RunningGateway) -> socket.socket:
    """Return a connected socket that takes few bytes ahead of its reader."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect(address(gateway))
    made.settimeout(0)
    return made


@asynccontextmanager
async def raw(gateway: RunningGateway) -> AsyncIterator[Raw]:
    """Open a TCP connection."""
    made = Raw(*await asyncio.open_connection(sock=small_socket(gateway), limit=1_000))
    try:
        yield made
    finally:
        made.writer.transport.abort()


def speech(text: str, response_format: str = "pcm") -> bytes:
    body = json.dumps({"input": text, "response_format": response_format})
    return f"{SPEECH}Content-Length: {len(body)}\r\n\r\n{body}".encode()


async def healthy(gateway: RunningGateway) -> bool:
    async with httpx.AsyncClient(timeout=10 * SECOND) as stranger:
        return (await stranger.get(f"{gateway.url}/healthz")).is_success


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20 * SECOND):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (HEAD + b"X: " + b"a" * 70_000, b"431", "more than 65536 bytes"),
        (HEAD + b"X: " + b"a" * 70_000 + b"\r\n\r\n", b"431", "more than 65536 bytes"),
        (HEAD + b"X: a\r\n" * 20_000 + b"\r\n", b"431", "more than 65536 bytes"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n", b"431", "more than 65536 bytes"),
        (HEAD + b"Host: y\r\n\r\n", b"400", "not one Host header"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"400", "not one Host header"),
        (b"nonsense\r\n\r\n", b"400", "not valid HTTP"),
        (
            (SPEECH + "Transfer-Encoding: chunked\r\n\r\n").encode() + b"1;" + b"a" * 70_000,
            b"400",
            "more bytes of marks than of content",
        ),
    ],
    ids=["endless", "long", "many", "address", "two hosts", "no host", "nonsense", "marks of chunks"],
)
async def test_a_head_that_is_too_long_or_wrong_is_refused_in_the_apis_own_form(
    sent: bytes, status: bytes, words: str
) -> None:
    async with running_gateway() as gateway, raw(gateway) as stranger:
        await stranger.send(sent)
        answer = await stranger.rest()
        assert await healthy(gateway)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert words in json.loads(body)["error"]["message"]


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n", HEAD, HEAD + b"\r\n" + HEAD])
async def test_a_head_that_does_not_end_in_time_ends_its_connection(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.2)
    async with running_gateway() as gateway, raw(gateway) as stranger:
        await stranger.send(sent)
        answer = await stranger.rest()
        assert gateway.queue.jobs == {}
    assert answer.count(b"HTTP/1.1 408 ") == 1
    assert answer.count(b"HTTP/1.1 200 ") == sent.count(b"\r\n\r\nGET")


async def test_a_body_that_does_not_come_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_common, "BODY_S", 0.2)
    async with running_gateway() as gateway, raw(gateway) as client:
        await client.send(speech("Hello there.")[:-5])
        answer = await client.rest()
    assert b"HTTP/1.1 408 " in answer
    assert b'"code":"too_slow"' in answer


async def test_a_body_that_goes_on_after_its_answer_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "REST_S", 0.2)
    head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    async with running_gateway() as gateway, raw(gateway) as stranger:
        await stranger.send(head + b"a" * 1_000)
        answer = await stranger.rest()
    assert answer.startswith(b"HTTP/1.1 401 ")


async def test_silent_sockets_give_way_to_those_that_ask(caplog: pytest.LogCaptureFixture) -> None:
    async with running_gateway(connections=2) as gateway, connected(gateway) as client:
        silent = [await asyncio.open_connection(*address(gateway)) for _ in range(300)]
        assert await healthy(gateway)
        await client.send(type="ping")
        assert await client.until("pong")
        text = (await gateway.http.get("/metrics")).text
        left = sum(not reader.at_eof() for reader, _ in silent)
        for _, writer in silent:
            writer.transport.abort()
    assert left <= 102
    assert 'gateway_limits_total{limit="connections"}' in text
    lines = [record for record in caplog.records if "limit connections" in record.getMessage()]
    assert len(lines) == 1


async def test_websockets_without_a_token_give_way_too() -> None:
    async with running_gateway(connections=2) as gateway:
        strangers = [await connect(gateway.url.replace("http", "ws") + "/v1/stream") for _ in range(120)]
        async with connected(gateway) as client:
            await client.send(type="speak", text="Hello there.")
            assert await client.until("done")
        gone = sum(stranger.state.name == "CLOSED" for stranger in strangers)
        for stranger in strangers:
            stranger.transport.abort()
    assert gone >= 17


async def test_http_and_websockets_share_one_count_and_health_is_always_told() -> None:
    queue = MemoryQueue()
    queue.gate.clear()
    async with running_gateway(queue, connections=2) as gateway, connected(gateway):
        waiting = asyncio.create_task(gateway.http.post("/v1/audio/speech", json={"input": "wait"}))
        await until(lambda: queue.jobs)
        refused = await gateway.http.post("/v1/audio/speech", json={"input": "Hello."})
        async with gateway.connect() as late:
            told = json.loads(await late.recv())
        assert await healthy(gateway)
        metrics = await gateway.http.get("/metrics")
        queue.gate.set()
        answer = await waiting
        again = await gateway.http.post("/v1/audio/speech", json={"input": "Hello."})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert (told["type"], told["code"]) == ("error", "rate_limited")
    assert [each.status_code for each in (answer, again, metrics)] == [200] * 3


async def test_a_tokens_connections_count_requests_too() -> None:
    queue = MemoryQueue()
    queue.gate.clear()
    async with running_gateway(queue, connections_a_token=1) as gateway:
        waiting = asyncio.create_task(gateway.http.post("/v1/audio/speech", json={"input": "wait"}))
        await until(lambda: queue.jobs)
        refused = await gateway.http.post("/v1/audio/speech", json={"input": "Hello."})
        queue.gate.set()
        await waiting
        again = [await gateway.http.post("/v1/audio/speech", json={"input": "Hello."}) for _ in range(3)]
    assert refused.status_code == 429
    assert [answer.status_code for answer in again] == [200] * 3


class EndlessQueue(MemoryQueue):
    """Speaks for ever: a megabyte at a time, as a fast worker does."""

    made = 0

    async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        while job not in self.cancelled:
            self.made += 1
            yield Chunk(bytes(960_000), 0, 20_000, (), None)


@pytest.mark.parametrize("response_format", ["pcm", "wav"])
async def test_a_listener_that_takes_nothing_has_left(
    response_format: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(door, "STALL_S", 0.3)
    async with running_gateway(EndlessQueue()) as gateway, raw(gateway) as silent:
        await silent.send(speech(LONG, response_format))
        await until(lambda: gateway.queue.cancelled)
        assert await healthy(gateway)
    assert any("limit stalled" in record.getMessage() for record in caplog.records)


async def test_a_listener_that_is_slow_has_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "STALL_S", 0.5)
    async with running_gateway(EndlessQueue()) as gateway:
        with small_socket(gateway) as slow:
            slow.setblocking(False)  # noqa: FBT003
            loop, taken = asyncio.get_running_loop(), 0
            await loop.sock_sendall(slow, speech(LONG, "pcm"))
            for _ in range(20):  # two seconds, of which the system alone keeps enough for hours
                await asyncio.sleep(0.1)
                taken += len(await loop.sock_recv(slow, 2_000))
            assert not gateway.queue.cancelled
    assert taken > 20_000


async def test_a_websocket_that_takes_nothing_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "STALL_S", 0.3)
    async with running_gateway(EndlessQueue()) as gateway:
        async with gateway.connect(max_queue=1, sock=small_socket(gateway)) as silent:
            await silent.send(json.dumps({"type": "speak", "text": LONG, "format": "pcm"}))
            await until(lambda: gateway.queue.cancelled)
        assert await healthy(gateway)


async def test_a_slow_listener_is_not_a_silent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "STALL_S", 0.3)
    heard = 0
    async with running_gateway() as gateway, raw(gateway) as slow:
        await slow.send(speech(LONG[:700]))
        async with asyncio.timeout(60 * SECOND):
            while part := await slow.reader.read(20_000):
                heard += len(part)
                await asyncio.sleep(0.01)
                if part.endswith(b"0\r\n\r\n"):
                    break
        assert gateway.queue.cancelled == []
    assert heard > 1_000_000


async def test_pings_whose_answers_nobody_takes_end_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async with running_gateway() as gateway, gateway.connect(ping_interval=None) as pinging:
        await pinging.recv()
        with suppress(ConnectionClosed):
            for _ in range(1_000):
                await pinging.ping()
        async with asyncio.timeout(20 * SECOND):
            await pinging.wait_closed()
        assert await healthy(gateway)
    assert any("limit pings" in record.getMessage() for record in caplog.records)


async def test_a_flood_of_messages_lets_others_in() -> None:
    async with running_gateway() as gateway, connected(gateway) as other, gateway.connect() as flooding:
        messages = [json.dumps({"type": "text", "text": ""})] * 2_000 + [json.dumps({"type": "ping"})]
        for message in messages:
            await flooding.send(message)
        await other.send(type="ping")
        assert await other.until("pong")
        told = [json.loads(message)["type"] for message in await heard_so_far(flooding)]
        assert "pong" not in told
        async with asyncio.timeout(20 * SECOND):
            while json.loads(await flooding.recv())["type"] != "pong":
                continue


async def heard_so_far(socket: object) -> list[str]:
    """Return the frames that have come."""
    found: list[str] = []
    try:
        while True:
            found.append(str(await asyncio.wait_for(socket.recv(), 0.05)))  # type: ignore[attr-defined]
    except TimeoutError:
        return found


@pytest.mark.parametrize("path", ["/v1/audio/voices", "/v1/models", "/metrics"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:8010"}, 403),
        ({"Host": "evil.example:8010", "Origin": "http://evil.example:8010"}, 403),
        ({"Host": "[::ffff:10.0.0.1]"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:8010", "Sec-Fetch-Site": "none"}, 200),
        ({"Host": "[::1]:8010", "Origin": "http://[::1]:8010", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "app.localhost"}, 200),
    ],
)
async def test_without_tokens_no_page_of_another_name_is_served(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with running_gateway(tokens=()) as gateway:
        answer = await gateway.http.get(path, headers=headers)
        operations = gateway.queue.operations
    assert answer.status_code == status, answer.text
    assert operations == (["voices"] if status == 200 and "voices" in path else [])


async def test_a_websocket_of_a_page_with_a_name_of_its_own_is_refused() -> None:
    async with running_gateway(tokens=()) as gateway:
        host = {"Host": "evil.example", "Origin": "http://evil.example"}
        answer = await gateway.http.get(
            "/v1/stream",
            headers=host
            | {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        )
    assert b"origin_refused" in answer.content or answer.status_code == 101


async def test_sixty_who_list_the_voices_at_once_ask_the_endpoint_once() -> None:
    queue = MemoryQueue()
    queue.gate.clear()
    async with running_gateway(queue) as gateway:
        asking = [asyncio.create_task(gateway.http.get("/v1/audio/voices")) for _ in range(60)]
        await until(lambda: queue.operations)
        queue.gate.set()
        answers = await asyncio.gather(*asking)
    assert {answer.status_code for answer in answers} == {200}
    assert queue.operations == ["voices"]


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "gateway")
