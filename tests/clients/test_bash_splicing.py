"""The bash client makes of a job that is run again what the Python client makes of it, byte for byte."""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random

import pytest
from bash_kit import by_bash
from chatterpod import Client
from endpoint import FakeEndpoint, records
from studio_kit import Record
from takes import takes

SEEDS = (3, 4, 7, 11, 17, 27, 35, 103)  # each rule, left out, shows in one of them
Take = list[Record]


def by_python(endpoint: FakeEndpoint) -> bytes:
    with Client("ep", "any", base_url="http://fake/v2", transport=endpoint, sleep=lambda _: None) as client:
        return b"".join(chunk.audio for chunk in client.receive("job-1"))


def assert_spliced_alike(replies: Sequence[Take], whole: Take) -> None:
    here, there = FakeEndpoint(replies, whole), FakeEndpoint(replies, whole)
    done = by_bash(there)
    assert done.returncode == 0, done.stderr
    assert done.stdout == by_python(here)
    assert not there.cancelled


def again(take: Take) -> Take:
    return [record | {"attempt": "again"} for record in take]


@pytest.mark.parametrize("form", ["mp3", "pcm"])
@pytest.mark.parametrize("other", ["second", "stored"])
async def test_another_take_goes_on_as_in_the_python_client(other: str, form: str, tmp_path: Path) -> None:
    made = await takes(tmp_path, form)
    whole = again(made[other])
    for before in range(1, len(made["first"])):
        assert_spliced_alike([made["first"][:before], whole], whole)


@pytest.mark.parametrize(("one", "other"), [("second", "second"), ("second", "stored"), ("stored", "second")])
async def test_the_same_take_goes_on_byte_for_byte(one: str, other: str, tmp_path: Path) -> None:
    made = await takes(tmp_path, "mp3")
    whole = again(made[other])
    audio = b"".join(base64.b64decode(record["audio_base64"]) for record in whole)
    for before in range(1, len(made[one])):
        assert by_bash(FakeEndpoint([made[one][:before], whole], whole)).stdout == audio


async def test_what_a_lost_reply_held_of_another_take_comes_from_status(tmp_path: Path) -> None:
    made = await takes(tmp_path, "mp3")
    whole = made["second"]
    for lost in range(1, len(whole)):
        assert_spliced_alike([made["first"][:2], whole[:lost], whole[lost + 1 :]], whole)


def improvised(chance: Random, attempt: int, head: bytes) -> Take:
    """Return a take as no worker would make it: frames of few kinds, times that are hardly true."""
    made: Take = []
    clock, turn = 0, 0
    for seq in range(chance.randint(3, 7)):
        frames = [
            head + bytes([chance.choice((1, 1, 1, 2))]) * (192 - len(head))
            for _ in range(chance.randint(1, 20))
        ]
        segments = []
        for _ in range(chance.choice((0, 1, 1, 2))):
            begins = clock + chance.randint(0, 300)
            place = {"turn": turn // 2, "char_end": 90 - turn // 2 + turn % 2 * 50}
            segments.append(place | {"start_ms": begins, "end_ms": begins + chance.randint(0, 400)})
            turn += 1
        record = {"seq": seq, "attempt": attempt, "start_ms": clock, "segments": segments}
        clock += 24 * len(frames)
        record["end_ms"] = max(clock - chance.randint(0, 100), 0)
        made.append(record | {"audio_base64": base64.b64encode(b"".join(frames)).decode()})
    made[-1] |= {"final": True, "duration_ms": clock}
    return made


@pytest.mark.parametrize("head", [b"\xff\xf3\x84\xc4", b""], ids=["mp3", "pcm"])
def test_takes_that_no_worker_would_make_are_spliced_alike_too(head: bytes) -> None:
    for seed in SEEDS:
        chance = Random(seed)  # noqa: S311 - repeatable, not secret
        *left, whole = [improvised(chance, attempt, head) for attempt in range(chance.randint(2, 5))]
        replies = [take[: chance.randint(2, len(take) - 1)] for take in left]
        lost = chance.randint(1, 2 * len(whole))
        assert_spliced_alike([*replies, whole[:lost], whole[lost + 1 :]], whole)


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
    said = "the audio cannot be written: its reader is gone, or there is no room"
    assert done.stderr.decode() == f"runpod_serverless.sh: {said}\n"
