"""Pools of threads for what the engine's thread must not do."""

import threading

from worker.threads import DaemonThreads

__all__ = ["started_pool"]


def started_pool(threads: int, name: str) -> DaemonThreads:
    """Return a pool all of whose threads run.

    A pool starts a thread when work is handed to it, and waits until it runs: up to 5 ms beside a thread that
    computes, in which whoever hands the work over would hold its lock.
    """
    pool, together = DaemonThreads(threads, name), threading.Barrier(threads)
    for _ in range(threads):
        pool.submit(together.wait)
    return pool
