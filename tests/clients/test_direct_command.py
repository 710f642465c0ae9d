"""The command line with --url, and `chatterpod serve`."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from chatterpod.cli import main

from tests.clients.test_direct import FramedQueue
from tests.kits.gateway import TOKEN, running_gateway

CLIENT = Path(__file__).parents[2] / "clients" / "python"


async def test_speak_writes_a_file_and_captions_through_a_url(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATTERPOD_TOKEN", TOKEN)
    output, captions = tmp_path / "a.mp3", tmp_path / "a.vtt"
    speak = ["speak", "Hello there. This is spoken.", "-o", str(output), "--captions", str(captions)]
    async with running_gateway(FramedQueue()) as gateway:
        assert await asyncio.to_thread(main, [*speak, "--url", gateway.url]) == 0
        line = capsys.readouterr().err.splitlines()[-1]
        monkeypatch.setenv("CHATTERPOD_URL", gateway.url)
        assert await asyncio.to_thread(main, [*speak, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
    assert output.stat().st_size == report["size_bytes"] > 3000
    assert line.endswith(f"{report['size_bytes']:,} bytes -> {output}")
    assert "None" not in line
    assert "This is spoken." in captions.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["health"], "no_queue: this command needs an endpoint with a queue: leave out --url"),
        (["speak", "Hello.", "--endpoint", "ep"], "bad_input: url and endpoint_id are two ways"),
        (["speak", "Hello.", "--workers", "2"], "no_queue: this command needs an endpoint with a queue"),
    ],
)
def test_what_a_url_does_not_have_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--url", "http://127.0.0.1:1"]) == 2
    assert message in capsys.readouterr().err


def served(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `chatterpod serve` where `gateway` is what `folder` has."""
    env = {**os.environ, "PYTHONPATH": f"{folder}:{CLIENT}", "PYTHONSAFEPATH": "1", **environment}
    command = [sys.executable, "-S", "-c", BARE, *arguments]
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60
    )


# Without the site's packages, of which the client needs httpx and this checkout is one.
BARE = """
import sys, types
sys.modules["httpx"] = types.ModuleType("httpx")
for name in ("Client", "AsyncClient", "BaseTransport", "AsyncBaseTransport", "Response", "HTTPError", "URL"):
    setattr(sys.modules["httpx"], name, type(name, (), {}))
for name in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol"):
    setattr(sys.modules["httpx"], name, type(name, (Exception,), {}))
from chatterpod.cli import main
sys.exit(main(["serve", *sys.argv[1:]]))
"""
SERVER = """
import os, sys
print(sys.argv[1:], "RUNPOD_ENDPOINT_ID" in os.environ, os.environ["TTS_ENGINE"])
sys.exit(7)
"""


def test_serve_becomes_the_direct_server_with_its_settings_and_exit_code(tmp_path: Path) -> None:
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway/__init__.py").touch()
    (tmp_path / "gateway/direct.py").write_text(SERVER)
    done = served(tmp_path, "--port", "8123", TTS_ENGINE="tone", RUNPOD_ENDPOINT_ID="of-the-queue")
    assert (done.returncode, done.stderr) == (7, "")
    assert done.stdout == "['--host', '127.0.0.1', '--port', '8123'] False tone\n"


def test_serve_without_the_server_says_how_to_install_it(tmp_path: Path) -> None:
    done = served(tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "chatterpod: bad_input: serve needs the server, which is not installed: "
        "pip install '.[gateway,speech,preview]' in the repository's folder\n"
    )
