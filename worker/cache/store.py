"""The cache's folder on the volume: files appear in one step, are verified when read, and have a limit.

Several workers share the folder, so it has no index: a file's name is its key, and a file is whole
or absent. A failure of the folder never fails a job: it becomes a warning.
"""

import contextlib
import errno
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from worker.cache.entry import BadEntry, StoredSpeech, unpack

__all__ = ["Cache", "Publication"]

log = logging.getLogger("worker")
STALE_SECONDS = 3_600.0  # the age of a temporary file whose worker is gone
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def reason(error: Exception) -> str:
    """Return a cache error for a client: the system's description, without a path."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or type(error).__name__


class Publication:
    """A speech on its way into the cache, and how the write ended."""

    def __init__(self) -> None:
        self.done: Future[str | None] = Future()  # None, or a warning for the client
        self._lock = threading.Lock()
        self._abandoned = False

    def abandon(self) -> None:
        """Keep the entry as it is: a write that is not committed yet never appears."""
        with self._lock:
            self._abandoned = True

    def commit(self, temporary: Path, path: Path) -> None:
        """Rename the written file to its own name, unless the write was abandoned."""
        with self._lock:
            if not self._abandoned:
                temporary.replace(path)


class Cache:
    """A folder of finished speech; every method may be called from any thread.

    Args:
        folder: Created with the first file.
        max_bytes: Of all files together; the least recently used are removed.
        wall_clock: The time in seconds, as files' times are.
    """

    def __init__(self, folder: Path, max_bytes: int, wall_clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._wall_clock = wall_clock
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._unswept = max_bytes  # bytes written since the last sweep; the first write sweeps

    def pool(self) -> ThreadPoolExecutor:
        """Return the cache's threads, which start when they are first used."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(2, "cache")
            return self._pool

    def close(self) -> None:
        """Wait for the current writes and end the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def path(self, key: str, format_name: str) -> Path:
        """Return the path of an entry; `key` is hexadecimal, so it cannot leave the folder."""
        return self.folder / f"{key}.{format_name}"

    def entries(self) -> int:
        """Return how many speeches are stored."""
        return sum(path.suffix != ".part" for path in self._files())

    def read(self, key: str, format_name: str) -> tuple[StoredSpeech, bytes] | None:
        """Return the stored speech and its file, or None; remove a file that is not what was stored."""
        path = self.path(key, format_name)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            speech = unpack(data, format_name)
        except BadEntry as error:
            log.warning("cache entry %s.%s removed: %s", key, format_name, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the sweep removes the least recently used
        return speech, data

    def put(self, key: str, format_name: str, file: Callable[[], bytes]) -> Publication:
        """Write the file that `file` returns into the folder; both on the cache's threads."""
        publication = Publication()
        self.pool().submit(self._put, publication, self.path(key, format_name), file)
        return publication

    def _put(self, publication: Publication, path: Path, file: Callable[[], bytes]) -> None:
        try:
            content = file()
            self._write_or_make_room(publication, path, content)
        except Exception as error:  # noqa: BLE001 - the cache never fails a job
            log.warning("not cached: %s", error)
            publication.done.set_result(f"not cached: {reason(error)}")
        else:
            publication.done.set_result(None)
            self._sweep_sometimes(len(content))

    def _write_or_make_room(self, publication: Publication, path: Path, content: bytes) -> None:
        try:
            self._write(publication, path, content)
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.sweep(make_room=len(content))
            self._write(publication, path, content)

    def _write(self, publication: Publication, path: Path, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            temporary.write_bytes(content)
            publication.commit(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _sweep_sometimes(self, written: int) -> None:
        with self._lock:
            self._unswept += written
            due = self._unswept >= self.max_bytes // 50
            if due:
                self._unswept = 0
        if due:
            self.sweep()

    def sweep(self, make_room: int = 0) -> None:
        """Remove stale temporary files, then the least recently used entries above the limit.

        With `make_room`, at least so many bytes are removed if there are as many.
        """
        now = self._wall_clock()
        entries: list[tuple[float, int, Path]] = []
        for path in self._files():
            with contextlib.suppress(OSError):
                stat = path.stat()
                if path.suffix == ".part":
                    if abs(now - stat.st_mtime) > STALE_SECONDS:
                        path.unlink()
                else:
                    entries.append((stat.st_mtime, stat.st_size, path))
        self._evict(sorted(entries, key=lambda entry: entry[:2]), make_room)

    def _files(self) -> Sequence[Path]:
        try:
            return [path for path in self.folder.iterdir() if path.suffix in {".mp3", ".pcm", ".part"}]
        except OSError:
            return []

    def _evict(self, entries: Sequence[tuple[float, int, Path]], make_room: int) -> None:
        total = sum(size for _, size, _ in entries)
        limit = min(self.max_bytes, total - make_room) if make_room else self.max_bytes
        for _, size, path in entries:
            if total <= limit:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
