"""`make image-check` where there is no Docker, and what it reads from one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image.containers import Image, docker

ROOT = Path(__file__).parents[2]
ROWS = [
    {"Size": "31", "CreatedBy": "COPY worker/ worker/"},
    {"Size": "0", "CreatedBy": "ENV  A=b"},
    {"Size": "5000", "CreatedBy": "base"},
]


def command(folder: Path, *lines: str) -> dict[str, str]:
    """Put a `docker` that runs these lines into a folder; return the environment that finds it alone."""
    if lines:
        file = folder / "docker"
        file.write_text("\n".join(("#!/bin/sh", *lines)) + "\n", encoding="utf-8")
        file.chmod(0o755)
    return os.environ | {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "docker is missing: the image is built with it (docs/start/deploy.md)"),
        (("echo warning >&2; echo no daemon >&2; exit 1",), "docker does not answer: no daemon"),
        (("exit 1",), "docker does not answer: no answer"),
    ],
)
def test_without_a_docker_that_answers_it_ends_with_one_line(
    tmp_path: Path, lines: tuple[str, ...], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.image"],
        cwd=ROOT,
        env=command(tmp_path, *lines),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (2, [said], "")


def test_a_step_that_fails_is_told_by_its_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", command(tmp_path, "echo a step; echo no space left >&2; exit 1")["PATH"])
    with pytest.raises(RuntimeError, match=r"docker build failed:\na step\nno space left"):
        docker("build", ".")


def test_layers_are_told_from_the_lowest_with_the_step_that_made_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"echo '{json.dumps(row)}'" for row in ROWS]
    monkeypatch.setenv("PATH", command(tmp_path, *lines)["PATH"])
    assert Image("a:b", "tone").layers() == [(5000, "base"), (31, "COPY worker/ worker/")]
