"""The JavaScript client in Deno and in Node: against a fake, and against the real worker through faults."""

import asyncio
import base64
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from chatterpod.protocol import Reception

from bench.running import running
from tests.kits.javascript import ROOT, SOURCE, deno, node, run, transpiled
from tests.kits.takes import takes

HERE = Path(__file__).parent
PLAYER = ROOT / "clients" / "web" / "chatterpod-player.js"
WORKER = (sys.executable, "-m", "worker")
RUNPOD = {"RUNPOD_ENDPOINT_ID": "local", "RUNPOD_API_KEY": "any"}
FAULTS = {"drop.stream": 5, "429.api": 7, "500.api": 7, "close.api": 7}
PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)


def commands(runtime: str, folder: Path) -> tuple[list[str], list[str], dict[str, str]]:
    """Return how a runtime runs tests and scripts, and where it finds the client."""
    if runtime == "deno":
        allowed = ["--no-config", "--no-lock", "--allow-net", "--allow-env", "--allow-read"]
        return [deno(), "test", *allowed], [deno(), "run", *allowed], {"CHATTERPOD_JS": SOURCE.as_uri()}
    return [node(), "--test"], [node()], {"CHATTERPOD_JS": transpiled(folder).as_uri()}


@pytest.mark.parametrize("runtime", ["deno", "node"])
def test_the_protocol_core_passes_its_own_tests(runtime: str, tmp_path: Path) -> None:
    test, _, env = commands(runtime, tmp_path)
    told = run([*test, str(HERE / "chatterpod.test.mjs")], tmp_path, **env)
    passed = re.search(r"(\d+) passed|# pass (\d+)", told)
    assert passed is not None
    assert int(passed[1] or passed[2]) == 16


def test_the_sources_have_sound_types_and_nothing_to_erase_but_types(tmp_path: Path) -> None:
    run([deno(), "check", "--no-lock", str(SOURCE)], tmp_path)
    run([deno(), "lint", "--no-config", str(SOURCE)], tmp_path)
    run([deno(), "fmt", "--no-config", "--check", "--line-width", "110", str(SOURCE)], tmp_path)
    source = SOURCE.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(?:export )?(?:enum|namespace) |^import ", source, re.MULTILINE)
    assert not re.search(r"constructor\([^)]*\b(?:private|public|readonly) ", source)


def received(attempts: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return what the Python client gives out of a job that was run again."""
    reception, chunks = Reception(), []
    for records in attempts:
        chunks += reception.take_stream({"status": "IN_PROGRESS", "stream": [{"output": r} for r in records]})
    return [
        {
            "audio": base64.b64encode(chunk.audio).decode(),
            "startMs": chunk.start_ms,
            "endMs": chunk.end_ms,
            "segments": list(chunk.segments),
            "summary": chunk.summary,
        }
        for chunk in chunks
    ]


Spliced = list[tuple[list[dict[str, Any]], Any]]


@pytest.fixture(scope="module")
def spliced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Spliced]:
    """What the Python client makes of jobs that were run again, and what those in JavaScript make."""
    return {form: asyncio.run(splices(tmp_path_factory.mktemp(form), form)) for form in ("mp3", "pcm")}


async def splices(folder: Path, form: str) -> Spliced:
    """Return what each client makes of jobs in one format."""
    made = await takes(folder / form, form)
    made["same"] = [record | {"attempt": "same"} for record in made["second"]]
    pairs = [("first", "second"), ("first", "stored"), ("second", "same"), ("stored", "same")]
    cases = [[made[a][:before], made[b]] for a, b in pairs for before in range(1, len(made[a]))]
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    _, script, env = commands("node", folder)
    env |= {"CASES": str(folder / "cases.json"), "PLAYER_JS": PLAYER.as_uri()}
    told = json.loads(run([*script, str(HERE / "splice.mjs")], folder, **env))
    return [(received(attempts), there) for attempts, there in zip(cases, told, strict=True)]


def test_a_job_that_was_run_again_is_spliced_as_in_the_python_client(spliced: dict[str, Spliced]) -> None:
    for here, there in spliced["mp3"] + spliced["pcm"]:
        assert there["client"] == here


def test_the_web_player_splices_in_the_same_way(spliced: dict[str, Spliced]) -> None:
    for here, there in spliced["mp3"]:
        audio = b"".join(base64.b64decode(chunk["audio"]) for chunk in here)
        assert base64.b64decode(there["player"]["audio"]) == audio
        assert there["player"]["segments"] == [segment for chunk in here for segment in chunk["segments"]]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An endpoint that drops one reply in five, refuses and closes, and whose worker is killed once a job."""
    cache = tmp_path_factory.mktemp("cache")
    settings = ["env", f"TTS_CACHE_DIR={cache}", "TTS_ENGINE=tone", "TTS_TONE_SPEED=60", *WORKER]
    faults = [f"--fault={name}={value}" for name, value in FAULTS.items()]
    with running(
        "--idle-timeout", "60", *faults, "--fault=kill.records=3", "--command", " ".join(settings)
    ) as url:
        yield url


def asked(url: str) -> Any:
    """Return an answer of the endpoint, which may fail a few times."""
    for _ in range(20):
        with suppress(httpx.HTTPError):
            reply = httpx.get(url, headers={"Authorization": "any"})
            if reply.is_success:
                return reply.json()
    raise AssertionError("the endpoint does not answer")


@pytest.mark.parametrize("runtime", ["deno", "node"])
def test_through_every_fault_the_bytes_received_are_the_bytes_made(
    runtime: str, faulty: str, tmp_path: Path
) -> None:
    _, script, env = commands(runtime, tmp_path)
    texts = [f"{runtime} {number}. {PROSE * 4}" for number in range(2)]
    told: Any = json.loads(
        run(
            [*script, str(HERE / "live.mjs")],
            tmp_path,
            **env,
            BASE_URL=f"{faulty}/v2",
            TEXTS=json.dumps(texts),
        )
    )
    for speech in told["speeches"]:
        status = asked(f"{faulty}/v2/local/status/{speech['job']}")
        made = b"".join(base64.b64decode(record["audio_base64"]) for record in status["output"])
        assert speech["sha256"] == hashlib.sha256(made).hexdigest()
        assert speech["chunks"] > 1
    assert told["short"]["size"] == told["short"]["told"]
    struck = asked(f"{faulty}/localpod/faults")["struck"]
    assert struck["kill"] >= 1, struck
    assert struck["drop.stream"] >= 1


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An endpoint without faults."""
    settings = ["env", f"TTS_CACHE_DIR={tmp_path_factory.mktemp('sound')}", "TTS_ENGINE=tone", *WORKER]
    with running("--idle-timeout", "60", "--command", " ".join(settings)) as url:
        yield url


def test_the_examples_of_the_documentation_run(sound: str, tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/javascript.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```ts\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(examples) == 3
    shutil.copy(SOURCE, tmp_path)
    told = []
    for number, example in enumerate(examples):
        (tmp_path / f"example{number}.ts").write_text(example, encoding="utf-8")
        command = [deno(), "run", "--check", "--no-lock", "-A", f"example{number}.ts"]
        told.append(run(command, tmp_path, **{**RUNPOD, "RUNPOD_ENDPOINT_BASE_URL": f"{sound}/v2"}))
    assert told[0].startswith("0 Speech that starts while it is being made.")
    assert (tmp_path / "speech.mp3").stat().st_size > 10_000
    assert re.fullmatch(r"\d{4,} bytes\n", told[1])
    assert "unknown_voice - there is no voice 'nobody'" in told[2]
    assert (tmp_path / "whole.mp3").read_bytes().startswith(b"ID3")
