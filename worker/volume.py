"""The volume: its files are read and written on threads of their own, and each operation has a time.

A network volume that hangs keeps whoever called the system, for minutes or for good. So no job waits longer
than two seconds for it, and after a first hang it is left alone for a while: jobs go on without it at once.
"""

import asyncio
import contextlib
import errno
import logging
import os
import stat
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from worker.errors import VolumeError
from worker.threads import DaemonThreads

__all__ = ["PATIENCE_SECONDS", "Volume", "read_regular", "write_whole"]

log = logging.getLogger("worker")
PATIENCE_SECONDS = 2.0  # how long one operation may take
REST_SECONDS = 30.0  # how long the volume is left alone after one took longer
# One that hangs keeps its thread: so many are tried while none returns, one every half minute.
FILE_THREADS = 4
FOLDER_THREADS = 2  # for what reads a whole folder, and takes long where there are many files
PIECE = 1 << 20
Result = TypeVar("Result")


class Volume:
    """Runs operations on files; every method but the coroutines may be called from any thread.

    Args:
        seconds: How long one operation may take.
        rest_seconds: How long the volume is left alone after one took longer.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        seconds: float = PATIENCE_SECONDS,
        rest_seconds: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._rest_seconds = rest_seconds
        self._clock = clock
        self._files = DaemonThreads(FILE_THREADS, "volume", clock)
        self._folders = DaemonThreads(FOLDER_THREADS, "folders", clock)
        self._lock = threading.Lock()
        self._rests_until = float("-inf")

    @property
    def is_left_alone(self) -> bool:
        """Whether an operation has taken too long lately, or all threads are at such ones."""
        now = self._clock()
        overdue = [began + self.seconds for began in self._files.began() if began + self.seconds <= now]
        self._leave_alone(max((since + self._rest_seconds for since in overdue), default=float("-inf")))
        return now < self._rests_until or len(overdue) >= FILE_THREADS

    def _leave_alone(self, until: float) -> None:
        """Leave the volume alone until then at least; the log says so when that begins."""
        now = self._clock()
        with self._lock:
            begins = self._rests_until <= now < until
            self._rests_until = max(self._rests_until, until)
        if begins:
            log.warning(
                "the volume did not answer within %g s: it is left alone for %g s",
                self.seconds,
                self._rest_seconds,
            )

    def submit(self, work: Callable[..., Result], *args: Any) -> "Future[Result]":
        """Return the future of an operation on a few files; while the volume is left alone, it has failed."""
        if self.is_left_alone:
            future: Future[Result] = Future()
            future.set_exception(self._error())
            return future
        return self._files.submit(work, *args)

    async def run(self, work: Callable[..., Result], *args: Any) -> Result:
        """Return the result of an operation on a few files; raises what `work` raises.

        Raises:
            VolumeError: It took too long, or the volume is left alone.
        """
        future = self.submit(work, *args)
        try:
            return await self._in_time(future)
        except VolumeError:
            if future.running():  # it may have begun a little after it was asked for
                self._leave_alone(self._clock() + self._rest_seconds)
            raise

    async def look(self, work: Callable[..., Result], *args: Any) -> Result:
        """Return the result of an operation that reads a folder; one that takes long is no hang.

        Raises:
            VolumeError: It took too long, or the volume is left alone.
        """
        if self.is_left_alone:
            raise self._error()
        return await self._in_time(self._folders.submit(work, *args))

    def later(self, work: Callable[..., object], *args: Any) -> None:
        """Run an operation on a whole folder some time; nobody waits for it."""
        self._folders.submit(work, *args)

    def close(self) -> None:
        """Wait a while until the operations under way are done, and take no more."""
        self._files.close(self.seconds)
        self._folders.close(self.seconds)

    async def _in_time(self, future: "Future[Result]") -> Result:
        try:
            async with asyncio.timeout(self.seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise self._error() from None

    def _error(self) -> VolumeError:
        return VolumeError(f"the volume does not answer within {self.seconds:g} s: send the job again")


def read_regular(path: Path, most: int) -> bytes:
    """Return the bytes of a regular file; opening waits for nobody, as that of a named pipe would.

    Raises:
        OSError: It cannot be read, is a link or something else than a file, or has more than `most` bytes.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"File larger than {most} bytes")
        pieces = []
        left = most
        while left and (piece := os.read(handle, min(left, PIECE))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes, *, may: Callable[[], bool] = lambda: True) -> None:
    """Write a file in one step: other processes see all of it or nothing.

    `may` is asked before the last step, the renaming: a file that is not wanted any more does not appear.
    """
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        temporary.write_bytes(data)
        if may():
            os.replace(temporary, path)  # noqa: PTH105 - one function of the system, which a drill has hang
            return
        temporary.unlink()
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
