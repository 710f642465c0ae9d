"""RunPod's SDK without a queue: its test API and its one job, in the real process, speak."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.kits.pods import address, started, until
from worker.__main__ import options

ROOT = Path(__file__).parents[2]
HELLO = {"input": {"text": "Hello."}}
GHOST = {"input": {"text": "Hello.", "voice": "ghost"}}
UNKNOWN = "unknown_voice: there is no voice 'ghost'"


def surroundings(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing comes from RunPod."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RUNPOD_"))}
    path = os.pathsep.join([str(ROOT), *sys.path])
    return ours | {"TTS_ENGINE": "tone", "TTS_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": path}


def ended(folder: Path, *line: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "worker", *line],
        cwd=folder,
        env=surroundings(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def spoken(records: list[dict[str, Any]]) -> bool:
    """Whether these are the records of a whole speech."""
    return records[-1]["final"] and records[-1]["duration_ms"] > 0 and len(records[0]["audio_base64"]) > 1_000


def test_the_sdks_test_api_speaks_and_sigterm_ends_it(tmp_path: Path) -> None:
    log: list[str] = []
    command = ("-m", "worker", "--rp_serve_api", "--rp_api_host", "127.0.0.1", "--rp_api_port", "0")
    with (
        started(command, surroundings(tmp_path), log) as process,
        httpx.Client(base_url=until(lambda: address(log)), timeout=20) as http,
    ):
        job = http.post("/runsync", json=HELLO).json()
        assert (job["status"], spoken(job["output"])) == ("COMPLETED", True)
        refused = http.post("/runsync", json=GHOST).json()
        assert refused["output"][-1]["error"].startswith(UNKNOWN)
        name = http.post("/run", json=HELLO).json()["id"]
        streamed = http.post(f"/stream/{name}").json()
        assert spoken([item["output"] for item in streamed["stream"]])
        name = http.post("/run", json=HELLO).json()["id"]
        assert spoken(http.post(f"/status/{name}").json()["output"])
        assert http.post("/runsync", json={"input": {"op": "warm"}}).json()["output"][-1]["op"] == "warm"
        process.terminate()
        assert process.wait(20) == -signal.SIGTERM


def test_a_test_input_is_spoken_and_one_that_fails_ends_with_1(tmp_path: Path) -> None:
    code, printed, _ = ended(tmp_path, "--test_input", json.dumps(HELLO))
    assert (code, "Job local_test completed successfully" in printed, "'final': True" in printed) == (
        0,
        True,
        True,
    )
    code, printed, _ = ended(tmp_path, f"--test_input={json.dumps(GHOST)}")
    assert (code, f"Job local_test failed with error: {UNKNOWN}" in printed) == (1, True)


def test_the_job_of_a_test_input_file_is_spoken(tmp_path: Path) -> None:
    (tmp_path / "test_input.json").write_text(json.dumps(HELLO))
    code, printed, _ = ended(tmp_path)
    assert (code, "'final': True" in printed) == (0, True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "not JSON: Expecting property name"),
        ("[]", 'expected an object with an input, as {"input": {"text": "Hello."}}'),
        ('{"input": "Hello."}', "expected an object with an input"),
    ],
)
def test_a_test_input_that_is_not_a_job_is_refused_in_one_line(
    given: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        options(["--test_input", given])
    assert refused.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"python -m worker: error: argument --test_input: {message}")
