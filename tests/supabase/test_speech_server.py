"""The Edge Function that speaks, with a load balancer of direct workers instead of a queue."""

import base64
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from bench.running import running
from tests.kits.edge_functions import free_port, function
from tests.kits.supabase import ANON_KEY, SERVICE_KEY, USER_TOKEN, supabase
from tests.kits.timing import until

KEY = "a-token-that-nobody-sees"
PROSE = "The harbour was quiet that morning, and only the gulls had opinions. Nobody waved. "


class Asked:
    """The function's address, that of the balancer behind it, and the function's log."""

    def __init__(self, function: str, balancer: str, log: list[str]) -> None:
        self.function, self.balancer, self.log = function, balancer, log

    def ask(self, body: Any, **headers: str) -> httpx.Response:
        allowed = {"Authorization": f"Bearer {USER_TOKEN}", **headers}
        return httpx.post(self.function, json=body, headers=allowed, timeout=60)

    def in_flight(self) -> int:
        workers = httpx.get(f"{self.balancer}/localpod/state").json()["workers"]
        return sum(row["in_flight"] for row in workers)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("server")
    settings = [f"TTS_CACHE_DIR={folder}", "TTS_ENGINE=tone", "TTS_TONE_SPEED=20"]
    worker = shlex.join(["env", *settings, sys.executable, "-m", "gateway.direct", "--host", "127.0.0.1"])
    log: list[str] = []
    with ExitStack() as stack:
        balancer = stack.enter_context(running("--load-balancer", "--api-key", KEY, "--command", worker))
        base = stack.enter_context(supabase())
        env = {
            "CHATTERPOD_URL": balancer,
            "CHATTERPOD_TOKEN": KEY,
            "SUPABASE_URL": base.url,
            "SUPABASE_ANON_KEY": ANON_KEY,
            "SUPABASE_SERVICE_ROLE_KEY": SERVICE_KEY,
            "PODCAST_WEBHOOK_SECRET": "a-secret-of-twenty-four-letters",
            "PODCAST_STREAM_CHARACTERS": "1500",
            "RUNPOD_ENDPOINT_ID": "",
            "RUNPOD_API_KEY": "",
            "DENO_DIR": str(folder / "deno"),
            "DENO_NO_UPDATE_CHECK": "1",
        }
        address = stack.enter_context(function("podcast_generate_audio", free_port(), env, log))
        yield Asked(address, balancer, log)


def test_it_speaks_with_and_without_captions(site: Asked) -> None:
    plain = site.ask({"text": PROSE, "speed": 1.25, "opening": "even"}, Accept="application/octet-stream")
    assert (plain.status_code, plain.headers["content-type"]) == (200, "application/octet-stream")
    told = site.ask({"text": PROSE}, Accept="application/json").json()
    audio = base64.b64decode(told["audio_base64"])
    assert len(audio) > len(plain.content) > 10_000
    assert [segment["text"] for segment in told["segments"]][-1] == "Nobody waved."
    assert told["segments"][-1]["end_ms"] <= told["duration_ms"]
    assert len(audio) / 8 == pytest.approx(told["duration_ms"], abs=100)  # 64 kbit/s


def test_a_caller_who_leaves_ends_the_speech(site: Asked) -> None:
    allowed = {"Authorization": f"Bearer {USER_TOKEN}"}
    with httpx.stream(
        "POST", site.function, json={"text": PROSE * 16}, headers=allowed, timeout=60
    ) as answer:
        parts = answer.iter_raw()
        next(parts)
        assert site.in_flight() == 1
    until(lambda: site.in_flight() == 0)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": PROSE, "voice": "ghost"}, 400, "unknown_voice"),
        ({"text": PROSE * 20}, 413, "text_too_long"),
        ({"text": PROSE, "webhook": "http://evil.example"}, 400, "invalid_input"),
    ],
)
def test_a_wrong_request_has_its_code(site: Asked, body: Any, status: int, code: str) -> None:
    answer = site.ask(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_it_warms_a_worker_and_keeps_the_token_to_itself(site: Asked) -> None:
    assert site.ask({"warm": True}).json() == {"warming": True}
    assert KEY not in "\n".join(site.log)
