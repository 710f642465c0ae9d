"""The Edge Functions in the real Deno, against localpod and a stand-in for Supabase."""

import base64
import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.running import running
from encoder import read_file
from tests.kits.edge_functions import FUNCTIONS, free_port, function
from tests.kits.javascript import ROOT, deno, run
from tests.kits.supabase import ANON_KEY, SERVICE_KEY, USER, USER_TOKEN, Supabase, supabase
from tests.kits.timing import until

SECRET = "a-secret-of-twenty-four-letters"
KEY = "rpa_the-key-that-nobody-sees"
PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)


@dataclass
class Site:
    """Both functions, the endpoint behind them, and Supabase beside them."""

    speech: str
    webhook: str
    pod: str
    supabase: Supabase
    log: list[str]

    def ask(self, body: Any, token: str = USER_TOKEN) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(self.speech, json=body, headers=headers, timeout=60)

    def jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = httpx.get(f"{self.pod}/localpod/state").json()["jobs"]
        return jobs


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("supabase")
    worker = [
        "env",
        f"TTS_CACHE_DIR={folder}",
        "TTS_ENGINE=tone",
        "TTS_TONE_SPEED=20",
        sys.executable,
        "-m",
        "worker",
    ]
    ports = free_port(), free_port()
    with ExitStack() as stack:
        pod = stack.enter_context(running("--idle-timeout", "60", "--command", shlex.join(worker)))
        base = stack.enter_context(supabase())
        env = {
            "RUNPOD_ENDPOINT_ID": "local",
            "RUNPOD_API_KEY": KEY,
            "RUNPOD_ENDPOINT_BASE_URL": f"{pod}/v2",
            "SUPABASE_URL": base.url,
            "SUPABASE_ANON_KEY": ANON_KEY,
            "SUPABASE_SERVICE_ROLE_KEY": SERVICE_KEY,
            "PODCAST_WEBHOOK_SECRET": SECRET,
            "PODCAST_WEBHOOK_URL": f"http://127.0.0.1:{ports[1]}/podcast_audio_webhook",
            "PODCAST_STREAM_CHARACTERS": "1500",
            "DENO_DIR": str(folder / "deno"),
            "DENO_NO_UPDATE_CHECK": "1",
        }
        logs: tuple[list[str], list[str]] = ([], [])
        speech = stack.enter_context(function("podcast_generate_audio", ports[0], env, logs[0]))
        webhook = stack.enter_context(function("podcast_audio_webhook", ports[1], env, logs[1]))
        yield Site(speech, webhook, pod, base, logs[0])


def test_a_short_text_is_a_whole_file_and_the_second_time_comes_from_the_cache(site: Site) -> None:
    first, second = (site.ask({"text": "Good morning."}) for _ in range(2))
    assert first.headers["content-type"] == "audio/mpeg"
    assert read_file(first.content).samples * 1000 // 24_000 == pytest.approx(
        int(first.headers["x-duration-ms"]), abs=1
    )
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("miss", "hit")
    assert second.content == first.content


def test_every_field_that_the_worker_takes_may_be_asked_for(site: Site) -> None:
    fields = {"normalize_numbers": False, "cache": "refresh", "opening": "even", "bit_rate": 96, "speed": 1.5}
    plain, asked = (site.ask({"text": "Room 21.", **given}) for given in ({}, fields))
    assert (plain.status_code, asked.status_code) == (200, 200)
    assert asked.content != plain.content
    refused = site.ask({"text": "Room 21.", "turns": []})
    assert refused.status_code == 400
    assert "normalize_numbers" in refused.json()["error"]["message"]


def asked(site: Site, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(
        site.speech, json=body, headers={"Authorization": f"Bearer {USER_TOKEN}", **headers}, timeout=60
    )


@pytest.mark.parametrize("text", ["Good morning.", PROSE * 4], ids=["whole", "streamed"])
def test_supabases_own_client_gets_bytes_that_it_leaves_as_they_are(site: Site, text: str) -> None:
    """Its `invoke` makes a Blob of application/octet-stream and text of audio/mpeg."""
    answer = asked(site, {"text": text}, Accept="application/octet-stream")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.content == site.ask({"text": text}).content


def test_captions_come_beside_the_audio_where_json_is_asked_for(site: Site) -> None:
    text = "Good morning. It is ten past nine."
    content = asked(site, {"text": text}, Accept="application/json").json()
    assert base64.b64decode(content["audio_base64"]) == site.ask({"text": text}).content
    assert "".join(segment["text"] for segment in content["segments"]).replace(" ", "") == text.replace(
        " ", ""
    )
    assert content["segments"][-1]["end_ms"] <= content["duration_ms"]


def test_a_page_can_warm_a_worker_without_waiting_for_it(site: Site) -> None:
    before = len(site.jobs())
    answer = asked(site, {"warm": True})
    assert (answer.status_code, answer.json()) == (202, {"warming": True})
    until(lambda: len(site.jobs()) == before + 1)
    assert asked(site, {"warm": True, "text": "a"}).status_code == 400


def test_a_page_in_another_region_passes_the_preflight(site: Site) -> None:
    answer = httpx.options(site.speech, headers={"Origin": "https://page.example"})
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "apikey", "content-type", "x-client-info", "x-region"} <= set(allowed)


def test_the_folder_has_all_that_its_functions_import(tmp_path: Path) -> None:
    run(["cp", "-rL", f"{FUNCTIONS}/.", str(tmp_path)], tmp_path)
    sources = sorted(map(str, tmp_path.glob("*/index.ts")))
    run([deno(), "check", "--no-lock", "--config", "deno.json", *sources], tmp_path)


def test_a_text_streams_while_it_is_made(site: Site) -> None:
    body = {"text": PROSE * 6, "seed": 2}
    headers = {"Authorization": f"Bearer {USER_TOKEN}"}
    with httpx.stream("POST", site.speech, json=body, headers=headers, timeout=60) as answer:
        blocks = answer.iter_raw()
        got = next(blocks)
        assert site.jobs()[0]["status"] == "IN_PROGRESS"
        got += b"".join(blocks)
    assert answer.headers["content-type"] == "audio/mpeg"
    again = site.ask(body)
    assert got == again.content
    assert len(got) > 500_000


def test_a_caller_who_leaves_has_the_job_cancelled(site: Site) -> None:
    headers = {"Authorization": f"Bearer {USER_TOKEN}"}
    body = {"text": PROSE * 7, "seed": 3}
    with httpx.stream("POST", site.speech, json=body, headers=headers, timeout=60) as answer:
        next(answer.iter_raw())
    until(lambda: site.jobs()[0]["status"] == "CANCELLED")


def test_a_long_text_is_answered_at_once_and_written_to_storage_when_it_is_made(site: Site) -> None:
    answer = site.ask({"text": PROSE * 9, "seed": 4})
    told = answer.json()
    assert answer.status_code == 202
    assert told["audio"].startswith(f"{USER}/")
    until(lambda: f"podcasts/{told['result']}" in site.supabase.objects)
    kind, audio = site.supabase.objects[f"podcasts/{told['audio']}"]
    result = json.loads(site.supabase.objects[f"podcasts/{told['result']}"][1])
    assert kind == "audio/mpeg"
    assert read_file(audio).samples * 1000 // 24_000 == pytest.approx(result["summary"]["duration_ms"], abs=1)
    assert result["segments"][0]["text"].startswith("The harbour")
    assert SECRET not in answer.text
    before = len(site.supabase.uploads)
    path = told["audio"].removesuffix(".mp3")
    again = httpx.post(f"{site.webhook}/{SECRET}/{path}", json={"id": told["job"], "status": "COMPLETED"})
    assert again.status_code == 200
    assert len(site.supabase.uploads) == before


def test_a_webhook_that_could_not_store_is_asked_again_and_then_does(site: Site) -> None:
    job = httpx.get(f"{site.pod}/localpod/state").json()["jobs"]
    done = next(row["id"] for row in job if row["status"] == "COMPLETED" and not row["id"].startswith("sync"))
    path = f"{USER}/11111111-2222-4333-8444-555555555555"
    site.supabase.failures = 1
    address = f"{site.webhook}/{SECRET}/{path}"
    statuses = [httpx.post(address, json={"id": done}, timeout=30).status_code for _ in range(2)]
    assert statuses == [500, 200]
    assert f"podcasts/{path}.mp3" in site.supabase.objects


def test_a_job_that_failed_is_written_down_with_its_reason(site: Site) -> None:
    job = httpx.post(
        f"{site.pod}/v2/local/run",
        json={"input": {"text": "a", "voice": "ghost"}},
        headers={"Authorization": "any"},
    ).json()["id"]
    until(lambda: next(row for row in site.jobs() if row["id"] == job)["status"] == "FAILED")
    path = f"{USER}/22222222-2222-4333-8444-555555555555"
    assert httpx.post(f"{site.webhook}/{SECRET}/{path}", json={"id": job}, timeout=30).status_code == 200
    result = json.loads(site.supabase.objects[f"podcasts/{path}.json"][1])
    assert result["error"]["code"] == "unknown_voice"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"wrong-secret-wrong-secret/{USER}/11111111-2222-4333-8444-555555555556", '{"id": "x"}', 404),
        (f"{SECRET}/../11111111-2222-4333-8444-555555555556", '{"id": "x"}', 404),
        (f"{SECRET}/{USER}/no-name", '{"id": "x"}', 404),
        (f"{SECRET}/{USER}/11111111-2222-4333-8444-555555555556", "no json", 500),
        (f"{SECRET}/{USER}/11111111-2222-4333-8444-555555555556", '{"id": "a/../b"}', 500),
    ],
)
def test_a_webhook_that_is_not_runpods_stores_nothing(site: Site, path: str, body: str, status: int) -> None:
    before = len(site.supabase.uploads)
    assert httpx.post(f"{site.webhook}/{path}", content=body, timeout=30).status_code == status
    assert len(site.supabase.uploads) == before


@pytest.mark.parametrize("token", ["", ANON_KEY, SERVICE_KEY, "x"])
def test_only_signed_in_users_are_served(site: Site, token: str) -> None:
    jobs = len(site.jobs())
    answer = site.ask({"text": "Hello."}, token or "none")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert len(site.jobs()) == jobs


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": ""}, 400, "invalid_input"),
        ({"text": "..."}, 400, "invalid_input"),
        ({"text": "a", "webhook": "http://evil.example"}, 400, "invalid_input"),
        ({"text": "a", "voice": "ghost"}, 400, "unknown_voice"),
        ({"text": PROSE * 3, "voice": "ghost"}, 400, "unknown_voice"),
        ({"text": "a" * 10_001}, 413, "text_too_long"),
        ({"text": "a" * 200_000}, 413, "too_large"),
        ([], 400, "invalid_input"),
    ],
)
def test_a_wrong_request_has_its_code(site: Site, body: Any, status: int, code: str) -> None:
    answer = site.ask(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_no_secret_is_in_the_log(site: Site) -> None:
    site.ask({"text": "Quinquireme of Nineveh.", "voice": "ghost"})
    told = "\n".join(site.log)
    for secret in (KEY, SERVICE_KEY, SECRET, USER_TOKEN, "Quinquireme"):
        assert secret not in told


def test_the_sources_have_sound_types(tmp_path: Path) -> None:
    sources = sorted(str(file) for file in FUNCTIONS.glob("*/*.ts") if not file.is_symlink())
    run([deno(), "check", "--no-lock", "--config", str(FUNCTIONS / "deno.json"), *sources], tmp_path)
    run([deno(), "lint", "--no-config", *sources], tmp_path)
    run([deno(), "fmt", "--no-config", "--check", "--line-width", "110", *sources], tmp_path)


def test_a_page_asks_as_the_documentation_shows(site: Site, tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/supabase.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```ts\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.ts").write_text(example, encoding="utf-8")
    told = run(
        [deno(), "run", "-A", "--no-lock", "example.ts"], tmp_path, FUNCTION_URL=site.speech, TOKEN=USER_TOKEN
    )
    assert re.fullmatch(r"audio/mpeg \d{4,} bytes\n", told)
