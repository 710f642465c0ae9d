"""A volume that hangs: no job waits longer for it than its time, and who needs none waits for nothing."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from tests.kits.clips import wav
from tests.kits.stuck import stuck
from tests.kits.workers import audio_of, run_job, working
from worker.errors import VolumeError
from worker.threads import DaemonThreads
from worker.volume import FILE_THREADS, Volume, read_regular

PATIENCE = 0.2  # seconds, where the worker has two
TEXT = {"text": "Hello there."}


@pytest.mark.parametrize("kind", ["read", "write", "rename"])
async def test_a_job_ends_with_its_audio_while_the_cache_hangs(tmp_path: Path, kind: str) -> None:
    with working(tmp_path / "volume", patience=PATIENCE) as kit, stuck(tmp_path) as volume:
        volume.kinds.add(kind)
        jobs = [run_job(kit, {"text": f"Job {n}."}, f"job-{n}") for n in range(8)]
        spoken = await asyncio.gather(*jobs)
        assert volume.met.is_set()
        for records in spoken:
            assert audio_of(records)
            assert [warning.split(":")[0] for warning in records[-1]["warnings"]] == ["not cached"]
        volume.kinds.clear()


@pytest.mark.parametrize("kind", ["read", "write", "rename", "list"])
async def test_what_needs_no_volume_is_done_at_once_while_others_wait(tmp_path: Path, kind: str) -> None:
    with working(tmp_path / "volume", patience=60.0) as kit, stuck(tmp_path) as volume:
        volume.kinds.add(kind)
        first = asyncio.create_task(run_job(kit, {"op": "voices"} if kind == "list" else TEXT))
        async with asyncio.timeout(20):
            while not volume.met.is_set():
                await asyncio.sleep(0.01)
            records = await run_job(kit, {"text": "Another.", "cache": "off"})
            assert records[-1]["warnings"] == []
            assert (await run_job(kit, {"op": "warm"}))[-1]["final"] is True
        assert not first.done()
        volume.kinds.clear()
        await first


async def test_a_voice_that_is_ready_speaks_on_and_another_one_is_refused_with_a_word(tmp_path: Path) -> None:
    with working(tmp_path / "volume", patience=PATIENCE) as kit, stuck(tmp_path) as volume:
        for name, pitch in (("ann", 100), ("bob", 200)):
            kit.store.add(name, wav(pitch))
        spoken = await run_job(kit, TEXT | {"voice": "ann"})
        volume.kinds.add("read")
        again = await run_job(kit, TEXT | {"voice": "ann", "cache": "off"})
        other = await run_job(kit, TEXT | {"voice": "bob"})
        listed = await run_job(kit, {"op": "voices"})
        volume.kinds.clear()
    assert audio_of(again) == audio_of(spoken)
    assert other == [{"error": "engine_failed: the volume does not answer within 0.2 s: send the job again"}]
    assert listed[0]["voices"] == ["default", "low"]
    assert listed[0]["warnings"] == ["voices are missing: the volume does not answer"]


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_after_a_hang_the_volume_is_left_alone_for_half_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, free, begun = Clock(), threading.Event(), threading.Semaphore(0)
    volume = Volume(2.0, 30.0, clock)

    def hang() -> str:
        begun.release()
        assert free.wait(20)
        return "answered"

    hung = [volume.submit(hang)]
    assert begun.acquire(timeout=20)
    clock.now = 1.9
    assert not volume.is_left_alone
    for tried in range(1, FILE_THREADS):
        clock.now += 2.1 if tried == 1 else 2.0
        assert volume.is_left_alone
        with pytest.raises(VolumeError):
            await volume.run(hang)
        clock.now += 30.0
        assert not volume.is_left_alone
        hung.append(volume.submit(hang))
        assert begun.acquire(timeout=20)
    clock.now += 1_000
    assert volume.is_left_alone  # all its threads hang
    assert len(caplog.records) == FILE_THREADS - 1  # a line each time that it is left alone
    free.set()
    assert [each.result(20) for each in hung] == ["answered"] * FILE_THREADS
    assert await volume.run(lambda: "as before") == "as before"
    volume.close()


def test_only_a_regular_file_is_read_and_no_more_than_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(file)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(200 * 2**30)
    assert read_regular(file, 7) == b"content"
    for name in ("pipe", "folder", "link", "loop", "zero", "huge", "none"):
        with pytest.raises(OSError, match=r"\S"):
            read_regular(tmp_path / name, 1_000)
    with pytest.raises(OSError, match="File larger than 6 bytes"):
        read_regular(file, 6)


def test_threads_are_reused_and_close_runs_what_waits() -> None:
    threads = DaemonThreads(2, "test")
    seen = [threads.submit(threading.get_ident) for _ in range(50)]
    threads.close(20)
    assert 1 <= len({each.result() for each in seen}) <= 2
    assert threads.submit(threading.get_ident).cancelled()
    assert threads.began() == []
