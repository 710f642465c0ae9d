"""The bash client against the real worker, on a platform that goes wrong."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from encoder import read_file
from tests.kits.pods import Pod, running

SCRIPT = Path(__file__).parents[2] / "clients" / "bash" / "runpod_serverless.sh"
TEXT = "It was a quiet evening by the harbour, and nobody spoke. " * 12


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Pod, Path]]:
    folder = tmp_path_factory.mktemp("cache")
    options = ("--idle-timeout", "300", "--retries", "5", "--api-key", "the-key")
    with running(folder, *options, TTS_ENGINE="tone", TTS_TONE_SPEED="150") as pod:
        yield pod, folder


def bash(pod: Pod, *arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    settings = {"RUNPOD_ENDPOINT_BASE_URL": pod.url.removesuffix("/local"), "RUNPOD_ENDPOINT_ID": "local"}
    settings |= {"RUNPOD_API_KEY": "the-key", "PATH": os.environ["PATH"]} | env
    return subprocess.run([SCRIPT, *arguments], cwd=cwd, env=settings, capture_output=True, check=False)


def faults(pod: Pod, **values: float) -> None:
    address = f"{pod.url.removesuffix('/v2/local')}/localpod/faults"
    httpx.delete(address).raise_for_status()
    if values:
        httpx.post(address, json=values).raise_for_status()


def test_the_tools_that_the_script_needs_are_installed() -> None:
    missing = [tool for tool in ("bash", "curl", "jq", "base64", "shellcheck") if shutil.which(tool) is None]
    assert missing == [], "install them, or run `make tools` as root"


def test_shellcheck_finds_nothing() -> None:
    checked = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert checked.stdout == ""


def test_the_whole_suite_passes_and_writes_its_files(pod: tuple[Pod, Path], tmp_path: Path) -> None:
    done = bash(pod[0], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"all passed\n")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "run.mp3",
        "runsync.mp3",
        "stream.mp3",
        "tags.mp3",
    ]
    for name in ("runsync", "run", "tags"):
        assert read_file((tmp_path / f"{name}.mp3").read_bytes()).samples > 24_000


TROUBLE: dict[str, dict[str, float]] = {
    "nothing": {},
    "one reply in five is lost": {"drop.api": 5},
    "stream replies are lost": {"drop.stream": 2},
    "429 and 500": {"429.api": 4, "500.api": 5, "retry-after": 0},
    "the worker is killed": {"kill.records": 2},
}


@pytest.mark.parametrize("trouble", sorted(TROUBLE))
def test_the_streamed_bytes_are_those_that_were_made(
    trouble: str, pod: tuple[Pod, Path], tmp_path: Path
) -> None:
    where, folder = pod
    before = set(folder.glob("*.mp3"))
    faults(where, **TROUBLE[trouble])
    done = bash(where, "stream", f"{trouble}. {TEXT}", "-", cwd=tmp_path)
    faults(where)
    assert done.returncode == 0, done.stderr
    (made,) = set(folder.glob("*.mp3")) - before
    assert done.stdout == read_file(made.read_bytes()).audio


@pytest.mark.parametrize(
    ("arguments", "env", "code", "message"),
    [
        (["runsync", "Hello."], {"RUNPOD_API_KEY": ""}, 2, "no API key: set RUNPOD_API_KEY"),
        (["runsync", "Hello."], {"RUNPOD_ENDPOINT_ID": ""}, 2, "no endpoint: set RUNPOD_ENDPOINT_ID"),
        (["runsync"], {}, 2, "runsync needs a text"),
        (["sing"], {}, 2, "unknown command sing"),
        (["runsync", "Hello."], {"TTS_INPUT": "[]"}, 2, "TTS_INPUT is not a JSON object"),
        (["runsync", "Hello."], {"RUNPOD_API_KEY": "a-wrong-one"}, 3, "refused the API key"),
        (["runsync", "Hello."], {"RUNPOD_ENDPOINT_ID": "nowhere"}, 3, "no such endpoint"),
        (["stream", "Hello.", "x.mp3"], {"TTS_INPUT": '{"voice": "nobody"}'}, 4, "unknown_voice: there is"),
        (["run", "!", "x.mp3"], {}, 4, "invalid_input: text has nothing to speak"),
    ],
)
def test_a_failure_is_one_line_with_its_exit_code_and_leaves_no_file(
    arguments: list[str], env: dict[str, str], code: int, message: str, pod: tuple[Pod, Path], tmp_path: Path
) -> None:
    done = bash(pod[0], *arguments, cwd=tmp_path, **env)
    line = done.stderr.decode()
    assert (done.returncode, line.count("\n")) == (code, 1)
    assert message in line
    assert "a-wrong-one" not in line
    assert list(tmp_path.iterdir()) == []


def test_a_missing_tool_is_named(pod: tuple[Pod, Path], tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "env", "curl", "base64"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    done = bash(pod[0], "health", cwd=tmp_path, PATH=str(tools))
    assert (done.returncode, done.stderr) == (2, b"runpod_serverless.sh: jq is missing: install it\n")
