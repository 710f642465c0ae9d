"""A file of the cache is whole or absent, even while other workers write it."""

import errno
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoder import Mp3Encoder
from worker.cache.entry import BadEntry, SpeechFile, StoredSpeech, pack, unpack
from worker.cache.store import Cache, Entry, Publication
from worker.chunks import Caption

KEY = "ab" * 32


def speech(seconds: float = 1.0, pitch: float = 0.05) -> StoredSpeech:
    samples = round(seconds * 24_000)
    made = Mp3Encoder()
    wave = (0.3 * np.sin(np.arange(samples) * pitch)).astype(np.float32)
    audio = made.push(wave) + made.flush()
    captions = (Caption(0, 0, 5, 0, 400), Caption(0, 6, 9, 500, 1_000))
    return StoredSpeech(audio, samples, captions, {"seed": 7})


def published(cache: Cache, key: str, stored: StoredSpeech) -> str | None:
    return cache.put(key, "mp3", SpeechFile(stored, "mp3").content).done.result(20)


@pytest.mark.parametrize("format_name", ["mp3", "pcm"])
def test_what_is_packed_is_unpacked(format_name: str) -> None:
    assert unpack(pack(speech(), format_name), format_name) == speech()


def test_a_file_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10**9)
    assert published(cache, KEY, replace(speech(), samples=10**9)) == "not cached: Mp3Error"
    assert cache.entries() == 0
    cache.close()


@pytest.mark.parametrize("format_name", ["mp3", "pcm"])
@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "foreign"])
def test_a_damaged_file_is_removed_and_counts_as_missing(
    tmp_path: Path, format_name: str, damage: str
) -> None:
    whole = pack(speech(), format_name)
    flipped = bytearray(whole)
    flipped[-100] ^= 1
    content = {"cut": whole[:-200], "empty": b"", "flipped": bytes(flipped), "foreign": b"RIFF" * 100}[damage]
    cache = Cache(tmp_path, 10**9)
    cache.path(KEY, format_name).write_bytes(content)
    with pytest.raises(BadEntry):
        unpack(content, format_name)
    assert cache.read(KEY, format_name) is None
    assert not cache.path(KEY, format_name).exists()
    assert cache.read(KEY, format_name) is None


def test_readers_see_a_whole_speech_or_none_while_sixteen_caches_write(tmp_path: Path) -> None:
    caches = [Cache(tmp_path, 10**9) for _ in range(16)]
    stored = [speech(0.5, 0.01 * n) for n in range(16)]
    seen: list[StoredSpeech] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            if found := caches[0].read(KEY, "mp3"):
                seen.append(found[0])

    reader = threading.Thread(target=read)
    reader.start()
    warnings = [published(cache, KEY, one) for cache, one in zip(caches, stored, strict=True)]
    stop.set()
    reader.join()
    for cache in caches:
        cache.close()
    assert warnings == [None] * 16
    assert all(one in stored for one in seen)
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp3"]


class Abandoning(Cache):
    """A folder where writing takes so long that the job does not wait for the end."""

    def _write(self, publication: Publication, path: Path, content: bytes) -> None:
        publication.abandon()
        super()._write(publication, path, content)


def test_an_abandoned_write_never_appears(tmp_path: Path) -> None:
    cache = Abandoning(tmp_path, 10**9)
    published(cache, KEY, speech())
    cache.close()
    assert list(tmp_path.iterdir()) == []


def test_the_sweep_removes_stale_files_and_the_least_recently_used(tmp_path: Path) -> None:
    size = len(pack(speech(), "mp3"))
    cache = Cache(tmp_path, 2 * size, wall_clock=lambda: 10_000.0)
    for age, name in enumerate(["old", "used", "new"]):
        path = cache.path(name, "mp3")
        path.write_bytes(pack(speech(), "mp3"))
        os.utime(path, (5_000 + age, 5_000 + age))
    for name, changed in (("stale", 1_000), ("fresh", 9_999)):
        temporary = tmp_path / f"{name}.part"
        temporary.write_bytes(b"x")
        os.utime(temporary, (changed, changed))
    os.utime(cache.path("old", "mp3"), (9_000, 9_000))
    cache.sweep()
    assert {path.name for path in tmp_path.iterdir()} == {"old.mp3", "new.mp3", "fresh.part"}


def test_reading_counts_as_use(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 10**9)
    published(cache, KEY, speech())
    os.utime(cache.path(KEY, "mp3"), (1, 1))
    assert cache.read(KEY, "mp3") is not None
    assert cache.path(KEY, "mp3").stat().st_mtime > 1
    cache.close()


def folder_of(folder: Path, count: int, size: int = 1_000) -> None:
    """Fill a folder with entries, each used a second after the one before it."""
    for number in range(count):
        path = folder / f"{number:064x}.mp3"
        path.write_bytes(bytes(size))
        os.utime(path, (1_000 + number, 1_000 + number))


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem, 16) for path in folder.glob("*.mp3"))


@pytest.mark.parametrize("workers", [2, 8])
def test_workers_that_sweep_at_once_remove_what_is_due_and_no_more(tmp_path: Path, workers: int) -> None:
    folder_of(tmp_path, 600)
    ready = threading.Barrier(workers)

    def sweep() -> None:
        cache = Cache(tmp_path, 500_000, wall_clock=lambda: 2_000.0)
        ready.wait(20)
        cache.sweep()

    threads = [threading.Thread(target=sweep) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(tmp_path) == list(range(100, 600))


class Beaten(Cache):
    """A cache whose neighbour always sweeps between its look at the folder and its first removal."""

    def _look(self) -> Iterator[Entry]:
        found = list(super()._look())
        Cache(self.folder, self.max_bytes, wall_clock=lambda: 2_000.0).sweep()
        yield from found


def test_what_another_worker_removed_counts_as_gone(tmp_path: Path) -> None:
    folder_of(tmp_path, 20)
    Beaten(tmp_path, 10_000, wall_clock=lambda: 2_000.0).sweep()
    assert numbers(tmp_path) == list(range(10, 20))


def test_the_sweep_measures_a_link_itself_and_removes_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    target = tmp_path / "target"
    with target.open("wb") as huge:
        huge.truncate(2**40)
    os.utime(target, (4_000_000_000, 4_000_000_000))
    folder_of(tmp_path / "cache", 10)
    (tmp_path / "cache" / "a.mp3").symlink_to(target)
    (tmp_path / "cache" / "b.part").symlink_to(target)
    os.mkfifo(tmp_path / "cache" / "c.pcm")
    (tmp_path / "cache" / "d.mp3").mkdir()
    Cache(tmp_path / "cache", 10_000, wall_clock=lambda: 2_000.0).sweep()
    assert numbers(tmp_path / "cache") == [*range(10), 0xD]
    assert [path.suffix for path in (tmp_path / "cache").iterdir()].count(".pcm") == 0
    assert target.stat().st_size == 2**40


def test_an_entry_dated_in_the_future_goes_before_one_just_written(tmp_path: Path) -> None:
    folder_of(tmp_path, 10)
    for number in range(5):
        path = tmp_path / f"{number:064x}.mp3"
        os.utime(path, (90_000, 90_000))
    Cache(tmp_path, 4_000, wall_clock=lambda: 2_000.0).sweep()
    assert numbers(tmp_path) == [6, 7, 8, 9]


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "huge"])
def test_an_entry_that_is_no_regular_file_is_a_miss_and_its_target_stays(tmp_path: Path, kind: str) -> None:
    cache = Cache(tmp_path / "cache", 10**9)
    cache.folder.mkdir()
    target = tmp_path / "target"
    target.write_bytes(pack(speech(), "mp3"))
    path = cache.path(KEY, "mp3")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(target)
    elif kind == "folder":
        path.mkdir()
    else:
        with path.open("wb") as huge:
            huge.truncate(200 * 2**30)
    assert cache.read(KEY, "mp3") is None
    warning = published(cache, KEY, speech())
    assert warning == ("not cached: Is a directory" if kind == "folder" else None)
    assert (cache.read(KEY, "mp3") is None) == (kind == "folder")
    assert target.read_bytes() == pack(speech(), "mp3")
    cache.close()


class FullOnce(Cache):
    """A folder with no space left, until something is removed."""

    full = True

    def _write(self, publication: Publication, path: Path, content: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super()._write(publication, path, content)

    def sweep(self, make_room: int = 0) -> None:
        self.full = False
        super().sweep(make_room)


def test_a_full_folder_is_swept_once_and_the_write_tried_again(tmp_path: Path) -> None:
    cache = FullOnce(tmp_path, 10**9)
    assert published(cache, KEY, speech()) is None
    assert cache.read(KEY, "mp3") is not None
    cache.close()


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    cache = Cache(blocked / "tts_cache", 10**9)
    assert published(cache, KEY, speech()) == "not cached: Not a directory"
    assert cache.read(KEY, "mp3") is None
    assert cache.entries() == 0
    cache.close()
