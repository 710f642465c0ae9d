"""How much of a speech is read before its listener takes it, a job's and all of a process's."""

import asyncio

import pytest
from chatterpod import Chunk

from gateway import read_ahead
from gateway.read_ahead import JobAudio, ReadAhead
from tests.kits.timing import SECOND

KILOBYTE = 1_000


def chunk(size: int) -> Chunk:
    return Chunk(bytes(size), 0, 0, (), None)


async def read(job: JobAudio, sizes: list[int]) -> int:
    """Read chunks as far as there is room; return how many."""
    read = 0

    async def reading() -> None:
        nonlocal read
        for size in sizes:
            await job.put(chunk(size))
            read += 1
            await job.room()

    task = asyncio.create_task(reading())
    await asyncio.wait({task}, timeout=0.05)
    task.cancel()
    return read


@pytest.mark.parametrize(
    ("sizes", "expected"), [([400 * KILOBYTE] * 9, 2), ([900 * KILOBYTE] * 9, 1), ([1 * KILOBYTE] * 20, 8)]
)
async def test_a_job_that_nobody_takes_is_read_within_its_bytes_and_chunks(
    sizes: list[int], expected: int
) -> None:
    assert await read(JobAudio(ReadAhead(), lambda: True), sizes) == expected


async def test_what_is_being_sent_counts_until_the_next_is_asked_for() -> None:
    ahead = ReadAhead()
    job = JobAudio(ahead, lambda: True)
    await job.put(chunk(600))
    await job.put(chunk(500))
    assert (await job.get(), ahead.size) == (chunk(600), 1_100)
    assert (await job.get(), ahead.size) == (chunk(500), 500)
    await job.put(None)
    assert (await job.get(), ahead.size) == (None, 0)


async def test_a_process_that_is_full_reads_only_for_listeners_that_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_ahead, "PROCESS_BYTES", 10_000)
    monkeypatch.setattr(read_ahead, "LOOK_S", 0.01)
    ahead = ReadAhead()
    silent = [JobAudio(ahead, lambda: True) for _ in range(40)]
    later = JobAudio(ahead, lambda: False)
    listening = JobAudio(ahead, lambda: True)
    for job in silent:
        await read(job, [1_000] * 3)
    assert ahead.size < 10_000 + 41 * 1_000
    held = ahead.size
    assert await read(later, [0, 1_000]) == 1
    await listening.put(chunk(1_000))
    assert await listening.get() == chunk(1_000)
    taking = asyncio.create_task(listening.get())
    await asyncio.sleep(0)
    async with asyncio.timeout(20 * SECOND):
        await listening.room()
    await listening.put(chunk(7))
    assert await taking == chunk(7)
    for job in (*silent, later, listening):
        job.drop()
    assert (held > 10_000, ahead.size) == (True, 0)
