"""Where the bash client writes, and what it does about a missing target or endpoint."""

import base64
import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.kits.bash import SCRIPT, by_bash
from tests.kits.endpoint import FakeEndpoint, records

COMMANDS = ("runsync", "run", "stream")


def speech() -> FakeEndpoint:
    made = records(3)
    return FakeEndpoint([made[:2], made[2:]], made)


AUDIO = b"".join(base64.b64decode(record["audio_base64"]) for record in records(3))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_complete_and_no_part_file_is_left(command: str, tmp_path: Path) -> None:
    done = by_bash(speech(), command, "Hello.", "x.mp3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"x.mp3": AUDIO}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dash_is_standard_output_with_nothing_but_audio(command: str) -> None:
    assert by_bash(speech(), command, "Hello.", "-").stdout == AUDIO


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_is_written_and_stays_one(command: str, tmp_path: Path) -> None:
    pipe = tmp_path / "player"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as player:
        done = by_bash(speech(), command, "Hello.", str(pipe))
        assert (done.returncode, player.communicate()[0]) == (0, AUDIO)
    assert pipe.is_fifo()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("target", "message"),
    [
        (".", ". is a folder: name a file in it"),
        (
            "nowhere/x.mp3",
            "nowhere/x.mp3 cannot be written: does its folder exist, and may you write to it?",
        ),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_before_anything_is_sent(
    target: str, message: str, command: str, tmp_path: Path
) -> None:
    endpoint = speech()
    done = by_bash(endpoint, command, "Hello.", target, cwd=tmp_path)
    assert (done.returncode, done.stderr.decode()) == (1, f"runpod_serverless.sh: {message}\n")
    assert (endpoint.seen, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_line_and_leaves_no_cut_file(command: str, tmp_path: Path) -> None:
    (tmp_path / "x.mp3").write_bytes(b"of before")
    (tmp_path / "x.mp3.part").symlink_to("/dev/full")  # the disk is full where the part file is
    done = by_bash(speech(), command, "Hello.", "x.mp3", cwd=tmp_path)
    message = "the audio cannot be written: its reader has closed, or the disk is full"
    assert (done.returncode, done.stderr.decode()) == (1, f"runpod_serverless.sh: {message}\n")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"x.mp3": b"of before"}


def run_with(tools: Path, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {"RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_API_KEY": "any", "PATH": f"{tools}:{os.environ['PATH']}"}
    return subprocess.run([SCRIPT, "health"], env=settings | env, capture_output=True, text=True, check=False)


def test_an_endpoint_that_cannot_be_reached_is_given_up_within_ten_seconds(tmp_path: Path) -> None:
    sleep = tmp_path / "sleep"  # reports how long it was to sleep, and returns at once
    sleep.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/slept\n")
    sleep.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = run_with(tmp_path, RUNPOD_ENDPOINT_BASE_URL=f"http://127.0.0.1:{port}")
    assert done.returncode == 3
    assert done.stderr.startswith("runpod_serverless.sh: the endpoint cannot be reached: curl: (7)")
    assert max(map(int, (tmp_path / "slept").read_text().split())) < 10


def test_a_timeout_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    done = run_with(tmp_path, TTS_TIMEOUT="soon")
    assert (done.returncode, done.stderr) == (
        2,
        "runpod_serverless.sh: TTS_TIMEOUT is not a whole number of seconds from 1 to 999999\n",
    )
