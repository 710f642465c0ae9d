"""A command that is stopped leaves no job running and nothing half-written."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kits.endpoint import FakeEndpoint, records
from tests.kits.served import serving

PATIENCE = 60  # seconds, for what will come


class Endless(FakeEndpoint):
    """Speaks one record and never ends; `read` is set when the client asks for more."""

    def __init__(self) -> None:
        super().__init__([])
        self.read = threading.Event()
        self.asked = 0

    def route(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if not path.startswith("/stream/"):
            return super().route(path, body)
        self.asked += 1
        if self.asked > 1:
            self.read.set()
        items = [{"output": records(2)[0]}] if self.asked == 1 else []
        return {"status": "IN_PROGRESS", "stream": items}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endless]:
    endpoint = Endless()
    with serving(endpoint) as url:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", url)
        monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "ep")
        monkeypatch.setenv("RUNPOD_API_KEY", "any")
        yield endpoint


def stopped(endpoint: Endless, by: signal.Signals, folder: Path, *options: str) -> tuple[int, str]:
    """Speak until audio is there, send the signal; return exit code and errors."""
    command = [sys.executable, "-m", "chatterpod", "speak", "Hello.", "-q", *options]
    # A shell without job control has what it runs in the background ignore Ctrl-C, and its children too.
    command = ["env", "--default-signal=INT,TERM", *command]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as speaking:
        try:
            assert endpoint.read.wait(PATIENCE)
            assert list(folder.glob("*.part")) or "--play" in options
            speaking.send_signal(by)
            _, err = speaking.communicate(timeout=PATIENCE)
        finally:
            speaking.kill()
    return speaking.returncode, err


@pytest.mark.parametrize(("by", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_cancel_the_job_and_leave_no_file(
    endpoint: Endless, tmp_path: Path, by: signal.Signals, code: int
) -> None:
    assert stopped(endpoint, by, tmp_path, "-o", "a.mp3") == (code, "chatterpod: cancelled: cancelled\n")
    assert endpoint.cancelled
    assert list(tmp_path.iterdir()) == []


def test_sigterm_stops_a_player_at_once(
    endpoint: Endless, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = tmp_path / "bin" / "mpv"
    player.parent.mkdir()
    player.write_text("#!/bin/sh\nexec sleep 100\n", encoding="utf-8")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{player.parent}:{os.environ['PATH']}")
    assert stopped(endpoint, signal.SIGTERM, tmp_path, "--play")[0] == 143
    assert endpoint.cancelled
