"""The examples of the clients' pages run as they stand, against the real worker."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pods import running

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "clients"


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
    with running(folder / "cache", "--idle-timeout", "300", TTS_ENGINE="tone") as pod:
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
    [(page, number) for page in ("cli.md", "bash.md") for number in range(len(blocks(page, "sh")))],
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


@pytest.mark.parametrize("number", range(len(blocks("../api.md", "sh"))))
def test_an_example_of_the_interface_runs(number: int, env: dict[str, str], tmp_path: Path) -> None:
    script = blocks("../api.md", "sh")[number].replace(
        "https://api.runpod.ai/v2", "$RUNPOD_ENDPOINT_BASE_URL"
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "COMPLETED" in done.stdout


def test_the_pages_have_the_examples_that_are_run() -> None:
    assert len(blocks("python.md", "python")) >= 7
    assert len(blocks("cli.md", "sh")) >= 6
    assert len(blocks("bash.md", "sh")) >= 2
    assert len(blocks("../api.md", "sh")) >= 2
