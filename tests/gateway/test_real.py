"""The gateway's command before a real endpoint: RunPod's unmodified SDK, and faults."""

import asyncio
import base64
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import runpod
from chatterpod import Incomplete
from openai import OpenAI
from websockets.asyncio.client import connect

from bench.running import running
from gateway.runpod_queue import RunPodQueue
from gateway.server import bind
from gateway.settings import NAMES, GatewaySettings
from tests.kits.gateway import SocketClient
from tests.kits.pods import gatewaying
from tests.kits.timing import SECOND

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-sixteen-or-more"
KEY = "rpa_the-key-that-nobody-sees"
PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)


def gateway(pod: str, **env: str) -> AbstractContextManager[tuple[str, list[str]]]:
    """Run the command before an endpoint, with a token and the key; see `gatewaying`."""
    return gatewaying(pod, key=KEY, GATEWAY_TOKENS=TOKEN, **env)


@contextmanager
def endpoint(folder: Path, *options: str, speed: int = 1000) -> Iterator[str]:
    worker = ["env", f"TTS_CACHE_DIR={folder}", "TTS_ENGINE=tone", f"TTS_TONE_SPEED={speed}", sys.executable]
    command = shlex.join([*worker, "-m", "worker"])
    with running("--idle-timeout", "60", *options, "--command", command) as url:
        yield url


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of a gateway and of its endpoint, without faults."""
    with endpoint(tmp_path_factory.mktemp("endpoints")) as pod, gateway(pod) as (url, _):
        yield url, pod


def get_json(address: str) -> Any:
    """Return the JSON of an address that may fail a few times."""
    for _ in range(30):
        with suppress(httpx.HTTPError):
            reply = httpx.get(address, headers={"Authorization": "any"})
            if reply.is_success:
                return reply.json()
    raise AssertionError("the endpoint does not answer")


def output_of(pod: str) -> bytes:
    """Return the audio of the endpoint's newest job, which is completed."""
    job, *_ = [row["id"] for row in get_json(f"{pod}/localpod/state")["jobs"] if row["status"] == "COMPLETED"]
    output = get_json(f"{pod}/v2/local/status/{job}")["output"]
    return b"".join(base64.b64decode(record["audio_base64"]) for record in output)


async def spoken(url: str, text: str, **options: Any) -> SocketClient:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with connect(url.replace("http", "ws") + "/v1/stream", additional_headers=headers) as ws:
        client = SocketClient(ws)
        await client.send(type="speak", text=text, **options)
        async with asyncio.timeout(60):
            ended: dict[str, Any] = {"type": ""}
            while ended["type"] not in {"done", "error"}:
                ended = await client.next()
    assert ended["type"] == "done", ended
    return client


FAULTS: dict[str, dict[str, float]] = {
    "dropped": {"drop.stream": 5},
    "refused": {"429.api": 5, "500.api": 7},
    "closed": {"close.api": 5, "cut.stream": 5},
    "killed": {"kill.records": 2},
}


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, list[str]]]:
    """An endpoint, whose faults a test sets, and a gateway before it: their addresses, and its log."""
    with endpoint(tmp_path_factory.mktemp("cache"), speed=30) as pod, gateway(pod) as (url, log):
        yield pod, url, log


@pytest.mark.parametrize("faults", FAULTS)
async def test_through_faults_the_bytes_received_are_the_bytes_made(
    faults: str, between: tuple[str, str, list[str]]
) -> None:
    pod, url, log = between
    text = f"What is {faults}. {PROSE * 4}"
    httpx.post(f"{pod}/localpod/faults", json=FAULTS[faults]).raise_for_status()
    client = await spoken(url, text)
    applied = get_json(f"{pod}/localpod/faults")["struck"]
    httpx.delete(f"{pod}/localpod/faults")
    assert client.audio["main"] == output_of(pod)
    assert sum(applied.values()) >= 1
    captions = client.captions()
    assert "".join(c["text"] for c in captions).replace(" ", "") == text.replace(" ", "")
    assert KEY not in "\n".join(log)
    assert TOKEN not in "\n".join(log)


async def test_a_barge_in_cancels_the_running_job_and_the_queued_one_at_the_endpoint(tmp_path: Path) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with endpoint(tmp_path, speed=2) as pod, gateway(pod) as (url, _):
        async with connect(url.replace("http", "ws") + "/v1/stream", additional_headers=headers) as ws:
            client = SocketClient(ws)
            await client.send(type="speak", text=PROSE * 30)
            await client.until("audio")
            await client.send(type="cancel", played_ms=1_000)
            heard = (await client.until("cancelled"))["heard"]
            async with asyncio.timeout(20):
                while [job["status"] for job in get_json(f"{pod}/localpod/state")["jobs"]] != [
                    "CANCELLED"
                ] * 2:
                    await asyncio.sleep(0.05)
    assert heard["text"]
    assert PROSE.startswith(heard["text"])


def test_the_openai_package_speaks_through_gateway_and_worker(endpoints: tuple[str, str]) -> None:
    with OpenAI(base_url=f"{endpoints[0]}/v1", api_key=TOKEN) as client:
        mp3 = client.audio.speech.create(model="tts-1", voice="alloy", input="Good morning.")
        pcm = client.audio.speech.create(
            model="gpt-4o-mini-tts", voice="alloy", input="Good morning.", response_format="pcm"
        )
    assert mp3.content.startswith(b"\xff\xf3")
    assert len(pcm.content) == (13 * 1_680 + 7_200) * 2  # the tone's samples for each letter, and a pause


def test_runpods_own_client_works_unmodified_against_localpod(endpoints: tuple[str, str]) -> None:
    endpoint_of = runpod.Endpoint
    before = runpod.endpoint_url_base
    runpod.endpoint_url_base, runpod.api_key = f"{endpoints[1]}/v2", KEY
    try:
        own = endpoint_of("local")
        output = own.run_sync({"input": {"text": "Good morning."}}, timeout=30)
        job = own.run({"input": {"text": "Good morning."}})
        records = list(job.stream())
        status = job.status()
    finally:
        runpod.endpoint_url_base, runpod.api_key = before, None
    assert output[0]["final"] is True
    assert base64.b64decode(output[0]["audio_base64"]).startswith(b"ID3")
    assert records[-1]["final"] is True
    assert status == "COMPLETED"


def test_the_examples_of_the_documentation_run(endpoints: tuple[str, str], tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "gateway.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    env = {**os.environ, "GATEWAY_URL": endpoints[0].replace("http", "ws"), "GATEWAY_TOKEN": TOKEN}
    output = [
        subprocess.run(
            [sys.executable, "-c", example], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        ).stdout
        for example in examples
    ]
    assert output[0].startswith("0 These words come one by one,")
    assert output[2] == "spoken by the voice default\n"
    assert (tmp_path / "words.mp3").stat().st_size > 10_000
    for name in ("whole.mp3", "talk.mp3", "openai.mp3"):
        assert (tmp_path / name).stat().st_size > 5_000


def test_the_page_names_exactly_the_settings_that_exist() -> None:
    page = (ROOT / "docs" / "how-to" / "gateway.md").read_text(encoding="utf-8")

    assert {f"GATEWAY_{name.upper()}" for name in NAMES} == set(re.findall(r"\bGATEWAY_[A-Z_]+", page)) - {
        "GATEWAY_URL",
        "GATEWAY_TOKEN",
    }


@pytest.mark.parametrize(
    ("options", "env", "message"),
    [
        ([], {"RUNPOD_API_KEY": ""}, "gateway: RUNPOD_API_KEY is not set"),
        (["--host", "0.0.0.0"], {}, "gateway: GATEWAY_TOKENS is not set: without tokens"),
        ([], {"GATEWAY_TOKEN": "x"}, "gateway: GATEWAY_TOKEN is not a setting of the gateway"),
        ([], {"RUNPOD_ENDPOINT_ID": "a/b"}, "gateway: the endpoint's id has characters"),
        (["--port", "99999"], {}, "gateway: cannot listen on 127.0.0.1:99999: bind(): port must be 0-65535"),
    ],
)
def test_a_gateway_that_cannot_start_prints_one_line_and_exits_with_1(
    options: list[str], env: dict[str, str], message: str
) -> None:
    required = {"RUNPOD_ENDPOINT_ID": "local", "RUNPOD_API_KEY": KEY, "PATH": os.environ["PATH"]}
    environment = required | {"PYTHONPATH": os.pathsep.join(sys.path)} | env
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *options],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert KEY not in done.stderr


def test_a_taken_port_and_a_missing_package_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "websockets.py").write_text("raise ImportError\n")  # stands before the installed one
    required = {"RUNPOD_ENDPOINT_ID": "local", "RUNPOD_API_KEY": KEY, "PATH": os.environ["PATH"]}
    message = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for first in ([], [str(tmp_path)]):
            environment = required | {"PYTHONPATH": os.pathsep.join([*first, *sys.path])}
            command = [sys.executable, "-m", "gateway", "--port", str(port)]
            done = subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
            )
            message.append((done.returncode, done.stderr))
    assert message == [
        (1, f"gateway: cannot listen on 127.0.0.1:{port}: [Errno 98] Address already in use\n"),
        (1, "gateway: the package websockets is missing: pip install '.[gateway]'\n"),
    ]


def test_audio_does_not_wait_until_the_client_has_acknowledged_what_came_before_it() -> None:
    with bind("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_gateway_logs_where_it_listens_and_exits_with_0_without_another_line(
    number: signal.Signals,
) -> None:
    required = {"RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_API_KEY": KEY, "GATEWAY_TOKENS": TOKEN}
    command = [sys.executable, "-m", "gateway", "--port", "0"]
    env = {**os.environ, **required, "RUNPOD_ENDPOINT_BASE_URL": "http://127.0.0.1:9/v2"}
    with subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        output = process.stderr.readline()
        process.send_signal(number)
        assert (process.stderr.read(), process.wait(30)) == ("", 0)
    assert re.fullmatch(
        r"gateway: http://127\.0\.0\.1:\d+ \(tokens: 1\), speaking through http://127\.0\.0\.1:9/v2/ep\n",
        output,
    )


@pytest.mark.timing
async def test_a_gateway_that_is_stopped_cancels_its_queued_jobs_without_another_line() -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        with running("--workers", "0") as pod:
            with gateway(pod) as (url, log):
                asking = [
                    asyncio.create_task(http.post(f"{url}/v1/audio/speech", json={"input": "Hello."})),
                    asyncio.create_task(http.get(f"{url}/v1/audio/voices")),
                ]
                await http.post(f"{url}/v1/speech", json={"text": "Hello."})
                ws = await connect(url.replace("http", "ws") + "/v1/stream", additional_headers=headers)
                await ws.send(json.dumps({"type": "speak", "text": "Hello."}))
                async with asyncio.timeout(20):
                    while len(get_json(f"{pod}/localpod/state")["jobs"]) < 4:
                        await asyncio.sleep(0.05)
                began = time.monotonic()
            took = time.monotonic() - began
            states = [job["status"] for job in get_json(f"{pod}/localpod/state")["jobs"]]
        statuses = [(await answer).status_code for answer in asking]
        await ws.wait_closed()
    assert (statuses, ws.close_code) == ([503, 503], 1012)
    assert states == ["CANCELLED"] * 4
    assert took < 10 * SECOND
    assert len(log) == 1


async def test_a_job_that_the_endpoint_lost_is_not_taken_for_a_missing_endpoint(
    endpoints: tuple[str, str],
) -> None:
    endpoint = RunPodQueue(GatewaySettings(endpoint_id="local", api_key="any", base_url=f"{endpoints[1]}/v2"))
    with pytest.raises(Incomplete):
        await anext(endpoint.receive("gone-u1"))
    await endpoint.close()


def test_a_missing_endpoint_is_reported_to_the_client_and_logged_in_one_line(
    endpoints: tuple[str, str],
) -> None:
    with gateway(endpoints[1], endpoint="other") as (url, log):
        answer = httpx.post(
            f"{url}/v1/audio/speech",
            json={"input": "Hello."},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )
    message = "the endpoint does not exist, or the gateway's own key is not for it"
    assert (answer.status_code, answer.json()["error"]["message"]) == (502, message)
    assert log[1:] == [f"gateway: {message}"]


def test_a_wrong_key_is_reported_without_the_key(tmp_path: Path) -> None:
    with endpoint(tmp_path, "--api-key", "another-key") as pod, gateway(pod) as (url, log):
        answer = httpx.post(
            f"{url}/v1/audio/speech",
            json={"input": "Hello."},
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=30,
        )
    assert answer.status_code == 502
    assert answer.json()["error"]["message"] == "the endpoint does not accept the gateway's own key"
    assert KEY not in json.dumps(answer.json()) + "\n".join(log)
