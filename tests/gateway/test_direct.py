"""The direct server: when it is ready, who may speak, and how it ends."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from gateway.direct import DirectServer, created, with_key
from gateway.errors import GatewayStartError
from gateway.server import bind
from gateway.settings import DirectSettings, GatewaySettings
from tests.kits.gateway import SocketClient
from tests.kits.timing import SECOND
from tests.kits.workers import working

ROOT = Path(__file__).parents[2]
PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)


@dataclass
class Loading:
    """A server whose worker is loaded when the test says so."""

    server: DirectServer
    http: httpx.AsyncClient
    url: str
    goes_on: threading.Event
    died: list[Callable[[], None]]

    async def ping(self) -> int:
        return (await self.http.get("/ping")).status_code

    async def until(self, status: int) -> None:
        async with asyncio.timeout(10 * SECOND):
            while await self.ping() != status:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def loading(folder: Path, failure: Exception | None = None, **settings: Any) -> AsyncIterator[Loading]:
    goes_on, died = threading.Event(), []
    chosen = GatewaySettings(**settings)
    with working(folder, direct=True) as kit:

        def load(on_death: Callable[[], None]) -> Any:
            died.append(on_death)
            goes_on.wait()
            if failure is not None:
                raise failure
            return kit.worker

        app, loaded = created(chosen, "/ping")
        server = DirectServer(app, chosen, loaded, load, lambda: None)
        listening = bind("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            async with httpx.AsyncClient(base_url=url, timeout=20 * SECOND) as http:
                yield Loading(server, http, url, goes_on, died)
        finally:
            goes_on.set()
            server.should_exit = True
            await serving


async def test_the_port_is_open_before_the_engine_is_loaded_and_speech_waits_for_it(tmp_path: Path) -> None:
    async with loading(tmp_path) as direct:
        assert await direct.ping() == 204
        asking = asyncio.create_task(direct.http.post("/v1/audio/speech", json={"input": "Hello."}))
        await asyncio.sleep(0.05)
        assert await direct.ping() == 204
        direct.goes_on.set()
        answer = await asking
        await direct.until(200)
        metrics = (await direct.http.get("/metrics")).text
    assert (answer.status_code, len(answer.content) > 1_000) == (200, True)
    assert "gateway_slots 8\n" in metrics
    assert 'gateway_cache_total{outcome="miss"} 1\n' in metrics
    assert "gateway_wait_seconds_count 1\n" in metrics


async def test_a_worker_that_cannot_be_loaded_ends_the_server_with_its_reason(tmp_path: Path) -> None:
    async with loading(tmp_path, RuntimeError("there are no weights")) as direct:
        direct.goes_on.set()
        async with asyncio.timeout(10 * SECOND):
            while not direct.server.should_exit:
                await asyncio.sleep(0.01)
    assert direct.server.failure == "there are no weights"


async def test_a_dead_engine_takes_the_server_out_of_the_pool(tmp_path: Path) -> None:
    async with loading(tmp_path) as direct:
        direct.goes_on.set()
        await direct.until(200)
        direct.died[0]()
        assert await direct.ping() == 503
        refused = await direct.http.post("/v1/audio/speech", json={"input": "Hello."})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


@pytest.mark.timing
async def test_a_socket_without_work_is_closed_and_one_that_speaks_is_not(tmp_path: Path) -> None:
    async with loading(tmp_path, idle_seconds=1) as direct:
        direct.goes_on.set()
        async with connect(direct.url.replace("http", "ws") + "/v1/stream") as socket:
            client = SocketClient(socket)
            await client.until("ready")
            for _ in range(3):
                await asyncio.sleep(0.6)
                await client.send(type="speak", text="Still here.", cache="off")
                await client.until("done")
            await client.send(type="ping")
            assert await client.until("pong")
            await socket.wait_closed()
    assert (socket.close_code, socket.close_reason) == (1000, "idle")


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, DirectSettings(8010, None, "/ping")),
        ({"PORT": "9000", "PORT_HEALTH": "9000"}, DirectSettings(9000, None, "/ping")),
        ({"PORT": "9000", "PORT_HEALTH": "9001"}, DirectSettings(9000, 9001, "/ping")),
        ({"HEALTH_CHECK_PATH": "/health"}, DirectSettings(8010, None, "/health")),
        (
            {"RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_POD_ID": "p"},
            DirectSettings(80, None, "/ping", is_balanced=True),
        ),
        ({"RUNPOD_ENDPOINT_ID": "ep"}, DirectSettings(8010, None, "/ping")),  # a developer's machine
    ],
)
def test_it_listens_where_runpods_variables_say(env: dict[str, str], expected: DirectSettings) -> None:
    assert DirectSettings.from_env(env) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "70000"), ("PORT_HEALTH", "-1"), ("HEALTH_CHECK_PATH", "p")],
)
def test_a_bad_port_or_path_is_named(name: str, value: str) -> None:
    with pytest.raises(GatewayStartError, match=f"{name}='{value}': expected a "):
        DirectSettings.from_env({name: value})


@pytest.mark.parametrize(
    ("env", "host", "tokens"),
    [
        ({}, "127.0.0.1", 0),
        ({}, "0.0.0.0", 1),
        ({"GATEWAY_TOKENS": "a-token-of-sixteen,b-token-of-sixteen"}, "0.0.0.0", 2),
        ({"RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_POD_ID": "p"}, "0.0.0.0", 0),
        ({"RUNPOD_ENDPOINT_ID": "ep"}, "0.0.0.0", 1),
    ],
)
def test_a_token_is_made_only_where_the_network_can_reach_it_and_nobody_else_has_checked(
    env: dict[str, str], host: str, tokens: int
) -> None:
    settings, key = with_key(GatewaySettings.direct(env), host)
    assert (len(settings.tokens), key is not None) == (tokens, tokens == 1)
    assert settings.idle_seconds == (20 if "RUNPOD_POD_ID" in env else 0)


@contextmanager
def command(folder: Path, *options: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the command on a free port; yield its process and its lines on standard error up to `ready`."""
    environment = {**os.environ, "TTS_CACHE_DIR": str(folder / "cache"), "TTS_ENGINE": "tone", **env}
    words = [sys.executable, "-m", "gateway.direct", "--port", "0", *options]
    with subprocess.Popen(
        words, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines: list[str] = []
        while not lines or lines[-1] not in {"gateway: ready\n", ""}:
            lines.append(process.stderr.readline())
        try:
            yield process, lines
        finally:
            process.kill()


async def test_at_sigterm_ten_speeches_end_whole_new_ones_are_refused_and_the_exit_is_clean(
    tmp_path: Path,
) -> None:
    with command(tmp_path, TTS_TONE_SPEED="6", TTS_SLOTS="10") as (process, lines):
        url = re.findall(r"http://\S+", lines[0])[0]
        async with httpx.AsyncClient(base_url=url, timeout=60 * SECOND) as http:
            sizes = [(await http.post("/v1/audio/speech", json={"input": PROSE, "seed": 99})).content]
            bodies = [{"input": PROSE, "seed": number} for number in range(10)]
            speeches = [asyncio.create_task(http.post("/v1/audio/speech", json=body)) for body in bodies]
            while 'kind="speech"} 11' not in (await http.get("/metrics")).text:
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            while (await http.get("/ping")).status_code == 200:
                await asyncio.sleep(0.01)
            refused = await http.post("/v1/audio/speech", json={"input": "Hello."})
            assert not all(speech.done() for speech in speeches)
            answers = await asyncio.gather(*speeches)
        code = await asyncio.to_thread(process.wait, 20 * SECOND)
    assert (refused.status_code, code) == (503, 0)
    assert [(answer.status_code, len(answer.content)) for answer in answers] == [(200, len(sizes[0]))] * 10


def test_the_command_that_it_prints_speaks(tmp_path: Path) -> None:
    with command(tmp_path, "--host", "0.0.0.0") as (_, lines):
        printed = next(line for line in lines if "curl" in line).partition("try it: ")[2]
        done = subprocess.run(
            ["bash", "-c", printed], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        port = re.findall(r":(\d+)", lines[0])[0]
        bare = httpx.post(f"http://127.0.0.1:{port}/v1/audio/speech", json={"input": "Hello."})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "speech.mp3").read_bytes().startswith(b"\xff")
    assert bare.status_code == 401


def test_a_worker_that_cannot_start_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with command(tmp_path, TTS_ENGINE="chatterbox-turbo", TTS_MODEL_DIR=str(tmp_path)) as (process, lines):
        assert process.wait(60 * SECOND) == 1
    assert re.fullmatch(r"worker: no Chatterbox-Turbo weights in \S+: set TTS_MODEL_DIR\n", lines[-2])
    assert json.dumps(lines).count("worker: ") == 1
