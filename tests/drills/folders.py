"""Drills of the cache's folder: shared, damaged, full, gone."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from encoder import Mp3Error, read_file
from tests.drills.kit import Endpoint, Outcome, Watch, audio, drilled
from tests.drills.workers import TEXTS, known, spoken

__all__ = ["damaged", "full", "gone", "shared"]


def damage_cut(path: Path) -> None:
    """Leave half of a file."""
    os.truncate(path, path.stat().st_size // 2)


def damage_flip(path: Path) -> None:
    """Turn one byte of the audio around."""
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 0xFF
    path.write_bytes(data)


def damage_empty(path: Path) -> None:
    """Leave nothing of a file."""
    path.write_bytes(b"")


def shared(times: int) -> Outcome:
    """Two workers on one folder, with the same keys and different ones at once."""
    watch = Watch()
    with drilled("--workers", "2", "--queue-delay", "0") as endpoint:
        lost = spoken(endpoint, times // 2, cache="refresh") + spoken(endpoint, times - times // 2)
        workers = len(endpoint.workers())
        files = list(endpoint.folder.rglob("*.mp3"))
        lost += sum(not is_whole(path) for path in files)
    return Outcome("shared folder", times, lost, watch.seconds, f"{workers} workers, {len(files)} files")


def is_whole(path: Path) -> bool:
    """Whether a stored file verifies."""
    try:
        read_file(path.read_bytes())
    except Mp3Error:
        return False
    return True


def damaged(times: int) -> Outcome:
    """Cut, flip and empty the stored files; each must be noticed, spoken anew and stored again."""
    watch, lost = Watch(), 0
    kinds = (damage_cut, damage_flip, damage_empty)
    with drilled(speed=400) as endpoint:
        spoken(endpoint, len(TEXTS))
        for number in range(times):
            said = TEXTS[number % len(TEXTS)]
            lost += not mends(endpoint, said, kinds[number % 3])
    return Outcome("damaged files", times, lost, watch.seconds, "cut, flipped, empty")


def mends(endpoint: Endpoint, said: str, damage: Callable[[Path], None]) -> bool:
    """Damage the file of a text; say whether the text is then spoken right, and from its file again after."""
    first = endpoint.end(endpoint.run(said))
    key = first["output"][-1]["cache_key"]
    damage(endpoint.folder / f"{key}.mp3")
    anew, again = (endpoint.end(endpoint.run(said)) for _ in range(2))
    right = all(known().is_right(said, audio(job["output"])) for job in (anew, again))
    return right and [job["output"][-1]["cache_hit"] for job in (anew, again)] == [False, True]


def full(times: int) -> Outcome:
    """A folder without room; every speech must be delivered all the same, with a warning."""
    watch = Watch()
    with small_folder() as (folder, kind), drilled(cache=folder) as endpoint:
        lost = spoken(endpoint, times)
        lost += not warned(endpoint)
    return Outcome("folder full", times, lost, watch.seconds, kind)


def gone(times: int) -> Outcome:
    """Take the folder away while the worker speaks, and put a file in its place half of the time."""
    watch, lost = Watch(), 0

    def one(number: int) -> bool:
        shutil.rmtree(endpoint.folder, ignore_errors=True)
        return bool(spoken(endpoint, 2, cache="refresh" if number % 2 else "use"))

    with tempfile.TemporaryDirectory() as name, drilled(cache=Path(name) / "cache") as endpoint:
        lost = sum(one(number) for number in range(times))
    return Outcome("folder gone", times, lost, watch.seconds)


def warned(endpoint: Endpoint) -> bool:
    """Whether a speech that could not be stored says so."""
    ended = endpoint.end(endpoint.run(TEXTS[0], cache="refresh"))
    return bool(ended["output"][-1]["warnings"])


@contextmanager
def small_folder() -> Iterator[tuple[Path, str]]:
    """Yield a folder that has no room: a tiny file system, or a file in its place."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "small"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            try:
                yield folder, "a file system of 8 kB"
            finally:
                subprocess.run(["umount", "-l", str(folder)], check=True)
        else:
            folder.rmdir()
            folder.write_text("in the way")
            yield folder, "a file in its place (no right to mount)"
