"""What the bash client writes of a job that RunPod runs again, and of audio that cannot be written."""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from subprocess import CompletedProcess

import av
import pytest

from tests.kits.bash import by_bash
from tests.kits.endpoint import FRAME, FakeEndpoint, records
from tests.kits.takes import takes
from tests.kits.workers import Record

DIFFERS = "the job was run again and its audio differs from what was written: run the command again"
UNWRITTEN = "the audio cannot be written: its reader has closed, or the disk is full"


def audio_of(attempt: list[Record]) -> bytes:
    return b"".join(base64.b64decode(record["audio_base64"]) for record in attempt)


def again(attempt: list[Record]) -> list[Record]:
    return [record | {"attempt": "again"} for record in attempt]


def to_file(endpoint: FakeEndpoint, folder: Path) -> tuple[CompletedProcess[bytes], dict[str, bytes]]:
    """Stream into a file; return how it went, and the folder's files."""
    folder.mkdir(exist_ok=True)
    done = by_bash(endpoint, "stream", "Hello.", "x.mp3", cwd=folder)
    return done, {file.name: file.read_bytes() for file in folder.iterdir()}


def samples(mp3: bytes) -> int:
    with av.open(BytesIO(mp3), format="mp3") as file:
        return sum(frame.samples for frame in file.decode(audio=0))


@pytest.mark.parametrize("other", ["second", "stored"])
async def test_a_file_is_that_of_the_new_attempt_whole_and_playable(other: str, tmp_path: Path) -> None:
    made = await takes(tmp_path / "worker", "mp3")
    audio = audio_of(made[other])
    for before in range(1, len(made["first"])):
        endpoint = FakeEndpoint([made["first"][:before], again(made[other])])
        done, files = to_file(endpoint, tmp_path / "out")
        assert (done.returncode, endpoint.cancelled) == (0, False), done.stderr
        assert files == {"x.mp3": audio}
    assert samples(audio) == len(audio) // FRAME * 576


async def test_what_a_lost_reply_held_of_the_new_attempt_comes_from_status(tmp_path: Path) -> None:
    made = await takes(tmp_path / "worker", "mp3")
    whole = again(made["second"])
    for lost in range(1, len(whole)):
        endpoint = FakeEndpoint([made["first"][:2], whole[:lost], whole[lost + 1 :]], whole)
        assert to_file(endpoint, tmp_path / "out")[1] == {"x.mp3": audio_of(whole)}


def changed(attempt: list[Record], seq: int) -> list[Record]:
    """Return another attempt whose record `seq` ends differently."""
    audio = base64.b64decode(attempt[seq]["audio_base64"])
    other = base64.b64encode(audio[:-1] + b"\xaa").decode()
    return again([*attempt[:seq], attempt[seq] | {"audio_base64": other}, *attempt[seq + 1 :]])


@pytest.mark.parametrize("seq", range(3))
def test_a_file_keeps_the_beginning_that_both_attempts_share(seq: int, tmp_path: Path) -> None:
    made = records(4)
    other = changed(made, seq)
    _, files = to_file(FakeEndpoint([made[:3], other]), tmp_path)
    assert files == {"x.mp3": audio_of(other)}


@pytest.mark.parametrize("count", [1, 2])
def test_a_file_follows_a_new_attempt_that_is_shorter(count: int, tmp_path: Path) -> None:
    other = again(records(count))
    _, files = to_file(FakeEndpoint([records(4)[:3], other]), tmp_path)
    assert files == {"x.mp3": audio_of(other)}


@pytest.mark.parametrize("other", [changed(records(4), 0), changed(records(4), 2), again(records(2))])
def test_standard_output_ends_with_a_code_and_a_sentence_and_cancels_the_job(other: list[Record]) -> None:
    made = records(4)
    endpoint = FakeEndpoint([made[:3], other])
    done = by_bash(endpoint)
    assert (done.returncode, done.stderr.decode()) == (6, f"runpod_serverless.sh: {DIFFERS}\n")
    assert done.stdout == audio_of(made[:3])
    assert endpoint.cancelled


@pytest.mark.parametrize(("one", "other"), [("second", "second"), ("second", "stored"), ("stored", "second")])
async def test_repeated_records_of_the_same_audio_are_dropped(one: str, other: str, tmp_path: Path) -> None:
    made = await takes(tmp_path, "mp3")
    for before in range(1, len(made[one])):
        endpoint = FakeEndpoint([made[one][:before], again(made[other])])
        done = by_bash(endpoint)
        assert (done.returncode, done.stdout) == (0, audio_of(made[other])), done.stderr
        assert not endpoint.cancelled


def test_a_record_that_comes_twice_is_written_once() -> None:
    made = records(4)
    done = by_bash(FakeEndpoint([made[:2], made[1:3], made[:1], made[2:]]))
    assert (done.returncode, done.stdout) == (0, audio_of(made)), done.stderr


@contextmanager
def full_disk() -> Iterator[int]:
    with Path("/dev/full").open("wb") as full:
        yield full.fileno()


@contextmanager
def closed_player() -> Iterator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


@pytest.mark.parametrize("trouble", [full_disk, closed_player])
def test_audio_that_cannot_be_written_ends_and_cancels_the_job(
    trouble: Callable[[], AbstractContextManager[int]],
) -> None:
    made = records(4)
    endpoint = FakeEndpoint([made[:2], made[2:]])
    with trouble() as out:
        done = by_bash(endpoint, out=out)
    assert (done.returncode, endpoint.cancelled) == (1, True)
    assert done.stderr.decode() == f"runpod_serverless.sh: {UNWRITTEN}\n"
