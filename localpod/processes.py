"""Worker processes, each the head of a group that is killed as a whole, and that ends when localpod does."""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["GRACE_S", "WorkerProcess"]

GRACE_S = 5.0  # from SIGTERM to SIGKILL

log = logging.getLogger("localpod")


class WorkerProcess:
    """A worker that was started; `start` makes one."""

    def __init__(self, worker_id: str, process: Process, guard: Process) -> None:
        self.pid = process.pid
        self._id = worker_id
        self._process = process
        self._guard = guard

    @classmethod
    async def start(
        cls, worker_id: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> "WorkerProcess":
        """Start the command as the head of a process group.

        A killed worker leaves its ping process behind, which is killed with the group. Its output goes to
        standard error, since standard output may be a pipe whose reader expects only the first line.

        Raises:
            OSError: The command cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdin=DEVNULL, stdout=2, start_new_session=True
        )
        log.info("worker %s: started, pid %d", worker_id, process.pid)
        return cls(worker_id, process, await _guard(process.pid))

    async def ended(self) -> int:
        """Wait until the process has ended and its group is gone; return the exit code."""
        code = await self._process.wait()
        self.kill()
        await self._guard.communicate(b"\n")
        log.info("worker %s: exited with code %d", self._id, code)
        return code

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Send SIGTERM, and kill the group if the process runs `grace_s` later."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(grace_s):
                await self._process.wait()
        except TimeoutError:
            log.warning("worker %s: still running %g s after SIGTERM, killing it", self._id, grace_s)
            self.kill()

    @property
    def is_frozen(self) -> bool:
        """Whether the process was stopped by a signal, and runs no more until another one comes."""
        try:
            status = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:  # it has ended, or this system has no such files
            return False
        return status.rpartition(")")[2].split()[0] == "T"

    def kill(self) -> None:
        """Kill the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


async def _guard(group: int) -> Process:
    """Start a shell that kills the process group if this process ends without having written it a line.

    After a SIGKILL to localpod the SDK would otherwise poll a closed port without a pause.
    """
    script = 'read -r line || kill -9 -"$0"'
    return await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        script,
        str(group),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )
