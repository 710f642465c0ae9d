"""Threads that the process's end does not wait for: for work that may never return."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

__all__ = ["DaemonThreads"]

Result = TypeVar("Result")


class DaemonThreads:
    """Up to `most` threads, which start when they are needed and run what is submitted in its order.

    The threads of an executor of the standard library are joined when the process ends: one that hangs
    in a call of the system would keep it.

    Args:
        most: Threads at once.
        name: Of the threads.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, most: int, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._name = name
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._began: dict[int, float] = {}  # when the work of a thread began, by thread
        self._threads = 0
        self._closed = False

    def submit(self, function: Callable[..., Result], *args: Any) -> "Future[Result]":
        """Return the future of `function(*args)`; after `close` it is cancelled at once."""
        future: Future[Result] = Future()
        with self._changed:
            if self._closed:
                future.cancel()
                return future
            self._waiting.append((future, partial(function, *args)))
            if len(self._waiting) + len(self._began) > self._threads and self._threads < self.most:
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._changed.notify()
        return future

    def began(self) -> list[float]:
        """Return when the work that runs now began, in seconds of the clock."""
        with self._changed:
            return list(self._began.values())

    def close(self, seconds: float) -> None:
        """Take no more work; wait up to `seconds` until what was submitted is done, and drop the rest."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._threads, seconds)
            left, self._waiting = list(self._waiting), deque()
        for future, _ in left:
            future.cancel()

    def _run(self) -> None:
        while (work := self._next()) is not None:
            future, function = work
            if future.set_running_or_notify_cancel():
                try:
                    result = function()
                except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del work, future, function  # a thread that waits keeps nothing alive

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        """Return the next work; None at the end."""
        me = threading.get_ident()
        with self._changed:
            self._began.pop(me, None)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                self._threads -= 1
                self._changed.notify_all()
                return None
            self._began[me] = self._clock()
            return self._waiting.popleft()
