"""Pools of threads for what the engine's thread must not do."""

import threading
from collections.abc import Callable
from typing import Any

from worker.threads import DaemonThreads

__all__ = ["LONG_CHARACTERS", "LONG_THREADS", "PLANNING_THREADS", "Planners", "started_pool"]

# Not the encoders', where a chunk takes 200 ms: the first segment of a speech must not wait for one. So many
# that texts which take long to plan do not hold up the others.
PLANNING_THREADS = 4
# Texts that may take long, hundreds of milliseconds, have few threads of their own: short ones wait for none
# of them, and every thread that computes delays all others by up to 5 ms each time.
LONG_CHARACTERS, LONG_THREADS = 1_000, 2


def started_pool(threads: int, name: str) -> DaemonThreads:
    """Return a pool all of whose threads run.

    A pool starts a thread when work is handed to it, and waits until it runs: up to 5 ms beside a thread that
    computes, in which whoever hands the work over would hold its lock.
    """
    pool, together = DaemonThreads(threads, name), threading.Barrier(threads)
    for _ in range(threads):
        pool.submit(together.wait)
    return pool


class Planners:
    """The threads that plan texts, all of them running."""

    def __init__(self) -> None:
        self._short = started_pool(PLANNING_THREADS, "plan")
        self._long = started_pool(LONG_THREADS, "planlong")

    def submit(self, length: int, function: Callable[..., object], *args: Any) -> None:
        """Have a thread for texts of so many characters call `function(*args)`."""
        (self._long if length > LONG_CHARACTERS else self._short).submit(function, *args)

    def close(self) -> None:
        """End the threads; one that plans for ever is not waited for."""
        self._short.close(0.0)
        self._long.close(0.0)
