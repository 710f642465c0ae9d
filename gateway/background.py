"""Tasks that outlive the connection that started them: cancelling jobs, warming a worker."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from chatterpod import ChatterpodError

from gateway.errors import GatewayError

__all__ = ["BackgroundTasks"]

log = logging.getLogger("gateway")


class BackgroundTasks:
    """All such tasks of a gateway."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task; its errors are handled as in `guarded`."""
        task = asyncio.create_task(guarded(work))
        self.keep(task)
        return task

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Have `settle` wait for this task too."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, seconds: float) -> int:
        """Wait up to `seconds` for all tasks; cancel those left, and return how many they were."""
        ends = time.monotonic() + seconds
        while self._tasks and (left := ends - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        late = len(self._tasks)
        for task in self._tasks:
            task.cancel()
        return late


async def guarded(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`; drop the endpoint's errors, log all others."""
    try:
        await work
    except (ChatterpodError, GatewayError):
        pass
    except Exception:
        log.exception("a background task failed")
