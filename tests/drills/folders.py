"""Drills of the cache's folder: shared, damaged, full, read-only, gone and back."""

import errno
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.drills.kit import (
    SIDE_BY_SIDE,
    TEXTS,
    Endpoint,
    Outcome,
    Watch,
    drilled,
    hit,
    side_by_side,
    spoken,
    wrong,
)
from tests.drills.workers import standin
from tests.kits.pods import until
from tests.kits.timing import SECOND

__all__ = ["damaged", "engines", "full", "gone", "readonly", "shared", "stuck"]

SEVERAL = (2, 4)  # workers on one folder
HANGS = ("read", "write", "rename", "list")
LATE_SECONDS = 2.5 * SECOND
REST_SECONDS = 1.5  # after a hang: the stand-in leaves its volume alone for one
REFUSALS = {"ro": errno.EROFS, "size=8k": errno.ENOSPC}  # what writing then says


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
    """Have two and four workers on one folder, with the same keys and different ones at once."""
    watch, lost, left, took = Watch(), 0, [], []
    each = times // len(SEVERAL) // 2
    for count in SEVERAL:
        several = ("--workers", str(count), "--queue-delay", "0")
        with drilled(*several, speed=100, TTS_SLOTS="2") as endpoint:
            start_all(endpoint, count)
            endpoint.begin()
            taken = {worker["id"]: worker["taken"] for worker in endpoint.workers()}
            lost += spoken(endpoint, each, width=4 * count, cache="refresh")
            lost += spoken(endpoint, each, width=4 * count)
            took.append(sum(worker["taken"] > taken[worker["id"]] for worker in endpoint.workers()))
        left += endpoint.left
    note = f"{took[0]} and {took[1]} workers had jobs"
    return Outcome("shared folder", times, lost, watch.seconds, note, tuple(left))


def start_all(endpoint: Endpoint, count: int) -> None:
    """Keep the queue long until all workers are there."""
    jobs: list[str] = []

    def there() -> bool:
        if endpoint.health()["inQueue"] < count:
            jobs.extend(endpoint.run(TEXTS[0] * 20, cache="off") for _ in range(2 * count))
        workers = endpoint.workers()
        return len(workers) == count and all(worker["state"] != "initializing" for worker in workers)

    until(there)
    for job in jobs:
        endpoint.cancel(job)


def engines(times: int) -> Outcome:
    """Have two images with different engines on one folder: neither may play the other's speech."""
    watch = Watch()
    with drilled(speed=400) as tone, drilled(cache=tone.folder, engine="preview") as preview:
        images = (tone, preview)

        def one(number: int) -> bool:
            said, endpoint = TEXTS[number // 2 % len(TEXTS)], images[number % 2]
            return wrong(endpoint, said, endpoint.run(said))

        lost = sum(side_by_side(one, times))
        files = len(list(tone.folder.glob("*.mp3")))
    note = f"tone and preview, {files} files"
    return Outcome("two engines", times, lost, watch.seconds, note, (*tone.left, *preview.left))


def damaged(times: int) -> Outcome:
    """Cut, flip and empty the stored files; each must be noticed, spoken anew and stored again."""
    watch = Watch()
    kinds = (damage_cut, damage_flip, damage_empty)
    with drilled(speed=400) as endpoint:
        lost = sum(not mends(endpoint, TEXTS[n % len(TEXTS)], kinds[n % 3]) for n in range(times))
    return Outcome("damaged files", times, lost, watch.seconds, "cut, flipped, empty", tuple(endpoint.left))


def mends(endpoint: Endpoint, said: str, damage: Callable[[Path], None]) -> bool:
    """Damage the file of a text; say whether the text is then spoken right, and from its file again after."""
    first = endpoint.end(endpoint.run(said))
    damage(endpoint.folder / f"{first['output'][-1]['cache_key']}.mp3")
    anew = endpoint.end(endpoint.run(said))
    right = endpoint.is_right(said, anew["output"]) and not anew["output"][-1]["cache_hit"]
    return right and hit(endpoint, said)


@dataclass(frozen=True)
class Room:
    """A folder that can be without room or closed to writing, and localpod's options that this needs."""

    folder: Path
    kind: str
    options: tuple[str, ...]
    mounted: bool

    def limit(self, option: str) -> None:
        """Change the file system by an option of mount; without one, have the worker's cache behave so."""
        if self.mounted:
            mount = ["mount", "-o", f"remount,{option}", str(self.folder)]
            subprocess.run(mount, check=True)
        elif option in REFUSALS:
            (self.folder / "refuse").write_text(str(REFUSALS[option]))
        else:
            (self.folder / "refuse").unlink()


@contextmanager
def room() -> Iterator[Room]:
    """Yield an empty folder: a small file system of its own, or where nobody may mount, a stand-in."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "small"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            yield Room(folder, "a stand-in (no right to mount)", standin("refusing"), mounted=False)
            return
        try:
            yield Room(folder, "a file system in memory", (), mounted=True)
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def full(times: int) -> Outcome:
    """Give the folder no room: every speech must be delivered, with a warning; then room for a few."""
    watch = Watch()
    with room() as place, drilled(*place.options, cache=place.folder) as endpoint:
        if not place.mounted:
            place.limit("size=8k")
        lost = spoken(endpoint, times) + (not warned(endpoint))
        place.limit("size=800k")
        lost += spoken(endpoint, times) + warned(endpoint)  # what was used least makes room
        files = len(list(place.folder.glob("*.mp3")))
    note = f"{place.kind}: no room, then for {files} of {min(times, len(TEXTS))}"
    return Outcome("folder full", 2 * times, lost, watch.seconds, note, tuple(endpoint.left))


def readonly(times: int) -> Outcome:
    """Close the folder to writing: what is stored is found, the rest spoken with a warning; and open it."""
    watch = Watch()
    with room() as place, drilled(*place.options, cache=place.folder) as endpoint:
        if place.mounted:
            place.limit("size=64m")
        spoken(endpoint, 4)
        place.limit("ro")
        lost = spoken(endpoint, times) + sum(not hit(endpoint, said) for said in TEXTS[:4])
        lost += not warned(endpoint)
        place.limit("rw")
        lost += spoken(endpoint, 8) + sum(not hit(endpoint, said) for said in TEXTS[:8])
    return Outcome("folder read-only", times, lost, watch.seconds, place.kind, tuple(endpoint.left))


def gone(times: int) -> Outcome:
    """Take the folder away while the worker speaks, put a file in its place, and bring it back."""
    watch = Watch()

    def one() -> int:
        away = endpoint.folder.with_name("away")
        endpoint.folder.rename(away)
        lost = spoken(endpoint, 2)
        shutil.rmtree(endpoint.folder)
        endpoint.folder.write_text("in the way")
        lost += spoken(endpoint, 2) + (not warned(endpoint))
        endpoint.folder.unlink()
        away.rename(endpoint.folder)
        return lost + sum(not hit(endpoint, said) for said in TEXTS[2:4])

    with tempfile.TemporaryDirectory() as name, drilled(speed=400, cache=Path(name) / "cache") as endpoint:
        spoken(endpoint, 4)
        lost = sum(one() for _ in range(times))
    note = "away, a file in its place, back"
    return Outcome("folder gone", times, lost, watch.seconds, note, tuple(endpoint.left))


def stuck(times: int) -> Outcome:
    """Have the volume hang on reading, writing, renaming, listing by turns: nobody may wait for it long."""
    watch, lost, worst = Watch(), 0, 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cache"
        with drilled(*standin("stuck"), speed=400, cache=folder) as endpoint:
            own = max(late_jobs(endpoint, "off")[1] for _ in range(2))
            for number in range(times):
                sign = folder.with_name("stuck")
                sign.write_text(HANGS[number % len(HANGS)])
                wrong_ones, slowest = late_jobs(endpoint, "refresh" if number % 2 else "use")
                lost += wrong_ones + (slowest > own + LATE_SECONDS)
                worst = max(worst, slowest - own)
                sign.unlink()
                time.sleep(REST_SECONDS)
            lost += spoken(endpoint, 8) + sum(not hit(endpoint, said) for said in TEXTS[:8])
    note = f"in {', '.join(HANGS)}; at most {worst:.1f} s later than the slowest of {own:.1f} s"
    return Outcome("volume stuck", times * SIDE_BY_SIDE, lost, watch.seconds, note, tuple(endpoint.left))


def late_jobs(endpoint: Endpoint, cache: str) -> tuple[int, float]:
    """Run jobs side by side, some without the cache, and a listing; return the wrong, and the slowest."""

    def one(number: int) -> tuple[bool, float]:
        watch, said = Watch(), TEXTS[number]
        if number == 0:
            listed = endpoint.pod.runsync({"op": "voices"})
            return listed["status"] != "COMPLETED", watch.seconds
        job = endpoint.run(said, cache=cache if number % 2 else "off")
        return wrong(endpoint, said, job), watch.seconds

    found = side_by_side(one, SIDE_BY_SIDE)
    return sum(is_wrong for is_wrong, _ in found), max(seconds for _, seconds in found)


def warned(endpoint: Endpoint) -> bool:
    """Whether a speech that is to be stored says that it could not be."""
    ended = endpoint.end(endpoint.run(TEXTS[0], cache="refresh"))
    return bool(ended["output"][-1]["warnings"])
