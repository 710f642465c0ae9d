"""A file of the cache is whole or absent, even while other workers write it."""

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoder import Mp3Encoder
from worker.cache.entry import BadEntry, SpeechFile, StoredSpeech, pack, unpack
from worker.cache.store import Cache, Publication
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


def test_an_abandoned_write_never_appears(tmp_path: Path) -> None:
    temporary, path = tmp_path / "x.part", tmp_path / "x.mp3"
    temporary.write_bytes(b"x")
    publication = Publication()
    publication.abandon()
    publication.commit(temporary, path)
    assert not path.exists()


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
