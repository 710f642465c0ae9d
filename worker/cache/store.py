"""Whole speech on the volume: published in one step, verified when read, bounded in size.

Several workers share the folder, so there is no index: a name is the content's key, a file is
either whole or not there, and trouble is never an error, only a warning.
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

from worker.cache.entry import BadEntry, StoredSpeech, pack, unpack

__all__ = ["Cache", "Publication"]

log = logging.getLogger("worker")
STALE_SECONDS = 3_600.0  # a temporary file this old belongs to a worker that is gone
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def reason(error: Exception) -> str:
    """Return what a client may know of trouble with the cache: the system's words, without any path."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or type(error).__name__


class Publication:
    """A speech on its way into the cache: its file, and whether the write went well."""

    def __init__(self) -> None:
        self.file: Future[bytes] = Future()
        self.done: Future[str | None] = Future()  # None, or a warning for the client
        self._lock = threading.Lock()
        self._abandoned = False

    def abandon(self) -> None:
        """Leave the entry as it was: a write that is not through yet never appears."""
        with self._lock:
            self._abandoned = True

    def commit(self, part: Path, path: Path) -> None:
        """Make the file visible, unless the write was abandoned."""
        with self._lock:
            if not self._abandoned:
                part.replace(path)


class Cache:
    """A folder of finished speech; every method is safe from any thread."""

    def __init__(self, folder: Path, max_bytes: int, wall_clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._wall_clock = wall_clock
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._unswept = max_bytes  # so that the first publication sweeps

    def pool(self) -> ThreadPoolExecutor:
        """Return the cache's threads, started on first use."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(2, "cache")
            return self._pool

    def close(self) -> None:
        """Wait for the writes under way and end the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def path(self, key: str, format_name: str) -> Path:
        """Return where the entry stands; `key` is hexadecimal, so it cannot leave the folder."""
        return self.folder / f"{key}.{format_name}"

    def entries(self) -> int:
        """Return how many speeches are stored."""
        return sum(path.suffix != ".part" for path in self._files())

    def read(self, key: str, format_name: str) -> tuple[StoredSpeech, bytes] | None:
        """Return the stored speech and its file, or None; a file that does not verify is removed."""
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
            os.utime(path)  # least recent use is what the sweep goes by
        return speech, data

    def publish(self, key: str, format_name: str, speech: StoredSpeech, *, keep: bool = True) -> Publication:
        """Put the speech's file together and, with `keep`, write it; both in the background."""
        publication = Publication()
        self.pool().submit(
            self._publish, publication, self.path(key, format_name), format_name, speech, keep=keep
        )
        return publication

    def _publish(
        self, publication: Publication, path: Path, format_name: str, speech: StoredSpeech, *, keep: bool
    ) -> None:
        content = pack(speech, format_name)
        publication.file.set_result(content)
        if not keep:
            publication.done.set_result(None)
            return
        try:
            self._write_or_make_room(publication, path, content)
        except Exception as error:  # noqa: BLE001 - trouble with the cache never fails a job
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
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        try:
            part.write_bytes(content)
            publication.commit(part, path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _sweep_sometimes(self, written: int) -> None:
        with self._lock:
            self._unswept += written
            due = self._unswept >= self.max_bytes // 50
            if due:
                self._unswept = 0
        if due:
            self.sweep()

    def sweep(self, make_room: int = 0) -> None:
        """Remove stale temporaries, then the least recently used until the bound holds."""
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
