"""The examples of the clients' pages run as they stand, against the real worker."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kits.clips import wav
from tests.kits.pods import running

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    """Return a page's fenced blocks in one language."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the environment of a user with a local endpoint, a player, and the command installed."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "mpv").write_text("#!/bin/sh\ncat > /dev/null\n", encoding="utf-8")
    (folder / "mpv").chmod(0o755)
    (folder / "chatterpod").write_text(f'#!/bin/sh\nexec {sys.executable} -m chatterpod "$@"\n')
    (folder / "chatterpod").chmod(0o755)
    voices = str(folder / "voices")
    with running(folder / "cache", "--idle-timeout", "300", TTS_ENGINE="tone", TTS_VOICES_DIR=voices) as pod:
        yield {
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "clients" / "python"),
            "RUNPOD_ENDPOINT_BASE_URL": pod.url.removesuffix("/local"),
            "RUNPOD_ENDPOINT_ID": "local",
            "RUNPOD_API_KEY": "any",
        }


@pytest.mark.parametrize("number", range(len(blocks("python.md", "python"))))
def test_an_example_of_the_python_page_runs(number: int, env: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", blocks("python.md", "python")[number]]
    if "import" not in command[-1]:  # it goes on with what the page has imported before
        command[-1] = "from chatterpod import Client\n" + command[-1]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("page", "number"),
    [(page, number) for page in ("command-line.md", "bash.md") for number in range(len(blocks(page, "sh")))],
)
def test_an_example_of_a_page_of_commands_runs(
    page: str, number: int, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "clients").symlink_to(ROOT / "clients")
    script = "set -euo pipefail\n" + blocks(page, "sh")[number]
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def pasted(script: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page's example in a shell."""
    command = ["bash", "-uc", script]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def local(page: str, env: dict[str, str]) -> list[str]:
    """Return a page's blocks with the test's endpoint in place of RunPod's, or of `make serve-queue`'s."""
    places = re.compile(r"https://api\.runpod\.ai/v2|http://127\.0\.0\.1:8008/v2")
    return [places.sub(env["RUNPOD_ENDPOINT_BASE_URL"], block) for block in blocks(page, "sh")]


@pytest.mark.parametrize("number", range(len(blocks("../reference/api.md", "sh"))))
def test_an_example_of_the_interface_runs(number: int, env: dict[str, str], tmp_path: Path) -> None:
    done = pasted("set -eo pipefail\n" + local("../reference/api.md", env)[number], env, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "COMPLETED" in done.stdout


def test_the_interfaces_loop_leaves_the_same_file_when_it_is_run_again(
    env: dict[str, str], tmp_path: Path
) -> None:
    files = []
    for _ in range(2):
        pasted(local("../reference/api.md", env)[1], env, tmp_path)
        files.append((tmp_path / "hello.mp3").read_bytes())
    assert files[0] == files[1] != b""


@pytest.mark.parametrize("job", ["gone-u1", ""], ids=["a lost job", "none"])
def test_the_interfaces_loop_ends_with_an_error_reply(job: str, env: dict[str, str], tmp_path: Path) -> None:
    script = re.sub(r"^job=.*", f"job={job}", local("../reference/api.md", env)[1], flags=re.MULTILINE)
    done = pasted(script, env, tmp_path)
    assert "The requested URL returned error: 404" in done.stderr
    assert "Cannot iterate" not in done.stderr
    assert (tmp_path / "hello.mp3").read_bytes() == b""


def test_the_voices_page_adds_a_clip_of_the_length_that_it_recommends(
    env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "ann.wav").write_bytes(wav(150, seconds=10))
    [script] = local("voices.md", env)
    done = pasted("set -eo pipefail\n" + script, env, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["output"][0]["name"] == "ann"


@pytest.mark.parametrize("page", ["../../README.md", "../start/local.md"])
def test_a_page_points_a_client_to_the_local_queue(page: str, env: dict[str, str], tmp_path: Path) -> None:
    script = local(page, env)[0]
    stranger = {name: value for name, value in env.items() if not name.startswith("RUNPOD_")}
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(env["PATH"].split(":")[0])
    done = pasted(f"{script}\n.venv/bin/chatterpod health", stranger, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("completed")


def test_the_pages_have_the_examples_that_are_run() -> None:
    assert len(blocks("python.md", "python")) >= 7
    assert len(blocks("command-line.md", "sh")) >= 6
    assert len(blocks("bash.md", "sh")) >= 2
    assert len(blocks("../reference/api.md", "sh")) >= 2
