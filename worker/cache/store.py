"""The cache's folder on the volume: files appear in one step, are verified when read, and have a limit.

Several workers share the folder, so it has no index: a file's name is its key, and a file is whole
or absent. A failure of the folder never fails a job: it becomes a warning. Nor does it delay one by more than
the time that `Volume` gives an operation.
"""

import contextlib
import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from worker.cache.entry import BadEntry, StoredSpeech, unpack
from worker.chunks import JOB_BYTES
from worker.errors import VolumeError
from worker.volume import Volume, read_regular, write_whole

__all__ = ["Cache", "Publication"]

log = logging.getLogger("worker")
STALE_SECONDS = 3_600.0  # the age of a temporary file whose worker is gone
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
ENTRY_BYTES = 2 * JOB_BYTES  # more than any speech has
SUFFIXES = (".mp3", ".pcm", ".part")
Entry = tuple[tuple[bool, float, int], int, Path]  # the order of eviction, bytes, where


def reason(error: Exception) -> str:
    """Return a cache error for a client: the system's description, without a path."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or type(error).__name__


class Publication:
    """A speech on its way into the cache, and how the write ended.

    Args:
        seconds: How long a job waits for it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.done: Future[str | None] = Future()  # None, or a warning for the client
        self.is_wanted = True

    def abandon(self) -> None:
        """Keep the entry as it is: a file that is not renamed yet never appears. Waits for nothing."""
        self.is_wanted = False


class Cache:
    """A folder of finished speech; every method but `find` may be called from any thread.

    Args:
        folder: Created with the first file.
        max_bytes: Of all files together; the least recently used are removed.
        wall_clock: The time in seconds, as files' times are.
        volume: Runs what reads and writes the folder.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        wall_clock: Callable[[], float] = time.time,
        volume: Volume | None = None,
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.volume = volume or Volume()
        self._wall_clock = wall_clock
        self._packer: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._unswept = max_bytes  # bytes written since the last sweep; the first write sweeps
        self._sweeps = False  # whether a sweep is under way or will be

    def close(self) -> None:
        """Wait a while for the current writes, and end the threads."""
        if self._packer is not None:
            self._packer.shutdown()
        self.volume.close()

    def path(self, key: str, format_name: str) -> Path:
        """Return the path of an entry; `key` is hexadecimal, so it cannot leave the folder."""
        return self.folder / f"{key}.{format_name}"

    def entries(self) -> int:
        """Return how many speeches are stored."""
        return sum(not name.endswith(".part") for name in self._names())

    async def find(self, key: str, format_name: str) -> tuple[StoredSpeech, bytes] | None:
        """Return what `read` does, or None if the volume does not answer in time."""
        try:
            return await self.volume.run(self.read, key, format_name)
        except VolumeError:
            return None

    def read(self, key: str, format_name: str) -> tuple[StoredSpeech, bytes] | None:
        """Return the stored speech and its file, or None; remove a file that is not what was stored."""
        path = self.path(key, format_name)
        try:
            data = read_regular(path, ENTRY_BYTES)
        except OSError as error:
            if error.errno == errno.EFBIG:
                self._remove(path, "larger than any speech")
            return None
        try:
            speech = unpack(data, format_name)
        except BadEntry as error:
            self._remove(path, str(error))
            return None
        with contextlib.suppress(OSError):
            os.utime(path, follow_symlinks=False)  # the sweep removes the least recently used
        return speech, data

    def _remove(self, path: Path, why: str) -> None:
        log.warning("cache entry %s removed: %s", path.name, why)
        with contextlib.suppress(OSError):
            path.unlink()

    def put(self, key: str, format_name: str, file: Callable[[], bytes]) -> Publication:
        """Write the file that `file` returns into the folder; each on a thread of its own kind."""
        publication = Publication(self.volume.seconds)
        with self._lock:
            self._packer = self._packer or ThreadPoolExecutor(1, "pack")
        self._packer.submit(self._pack, publication, self.path(key, format_name), file)
        return publication

    def _pack(self, publication: Publication, path: Path, file: Callable[[], bytes]) -> None:
        try:
            content = b"" if self.volume.is_left_alone else file()
        except Exception as error:  # noqa: BLE001 - the cache never fails a job
            self._ended(publication, error)
            return
        work = self.volume.submit(self._put, publication, path, content)
        work.add_done_callback(partial(self._written, publication))

    def _written(self, publication: Publication, work: "Future[None]") -> None:
        if not work.cancelled():
            self._ended(publication, work.exception())

    def _ended(self, publication: Publication, error: BaseException | None) -> None:
        if isinstance(error, VolumeError):
            publication.done.set_result("not cached: the volume does not answer")
        elif isinstance(error, Exception):
            log.warning("not cached: %s", error)
            publication.done.set_result(f"not cached: {reason(error)}")
        else:
            publication.done.set_result(None)

    def _put(self, publication: Publication, path: Path, content: bytes) -> None:
        try:
            self._write(publication, path, content)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.sweep(make_room=len(content))
            self._write(publication, path, content)
        self._sweep_sometimes(len(content))

    def _write(self, publication: Publication, path: Path, content: bytes) -> None:
        if publication.is_wanted:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, content, may=lambda: publication.is_wanted)

    def _sweep_sometimes(self, written: int) -> None:
        with self._lock:
            self._unswept += written
            due = self._unswept >= self.max_bytes // 50 and not self._sweeps
            if due:
                self._unswept, self._sweeps = 0, True
        if due:
            self.volume.later(self._sweep_once)

    def _sweep_once(self) -> None:
        try:
            self.sweep()
        finally:
            self._sweeps = False

    def sweep(self, make_room: int = 0) -> None:
        """Remove stale temporary files and what is no file, then the least recently used above the limit.

        With `make_room`, at least so many bytes are removed if there are as many. Several workers may
        sweep at once: each removes what is due by its own list, and counts what another one removed as gone.
        """
        entries = sorted(self._look(), key=lambda entry: entry[0])
        total = sum(size for _, size, _ in entries)
        limit = min(self.max_bytes, total - make_room) if make_room else self.max_bytes
        for _, size, path in entries:
            if total <= limit:
                return
            try:
                path.unlink()
            except FileNotFoundError:
                total -= 0 if make_room else size  # room that another worker made, it needs itself
            except OSError:
                continue
            else:
                total -= size

    def _look(self) -> Iterator[Entry]:
        """Yield the entries; remove temporary files that are stale, and links, pipes and the like."""
        now = self._wall_clock()
        for name in self._names():
            path = self.folder / name
            with contextlib.suppress(OSError):
                found = path.lstat()
                age = now - found.st_mtime
                if stat.S_ISDIR(found.st_mode):
                    continue
                if not stat.S_ISREG(found.st_mode):
                    path.unlink()
                elif not name.endswith(".part"):
                    # A time to come is that of a clock that was wrong: when it was used, nobody knows.
                    order = age >= -STALE_SECONDS, found.st_mtime, found.st_size
                    yield order, found.st_size, path
                elif abs(age) > STALE_SECONDS:
                    path.unlink()

    def _names(self) -> Sequence[str]:
        try:
            with os.scandir(self.folder) as found:
                return [entry.name for entry in found if entry.name.endswith(SUFFIXES)]
        except OSError:
            return []
