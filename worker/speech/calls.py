"""Functions that wait for the engine's thread."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from worker.errors import SpeechError

__all__ = ["EngineCall", "EngineCalls"]

Result = TypeVar("Result")


class EngineCall:
    """A function to call, and the future of its result."""

    def __init__(self, function: Callable[[], Any], future: "Future[Any]") -> None:
        self._function = function
        self._future = future

    def start(self) -> bool:
        """Whether it is still wanted."""
        return self._future.set_running_or_notify_cancel()

    def run(self) -> None:
        """Call the function, once started."""
        try:
            self._future.set_result(self._function())
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets it
            self._future.set_exception(error)

    def fail(self, error: SpeechError) -> None:
        """End it without a call."""
        if self.start():
            self._future.set_exception(error)


class EngineCalls:
    """What waits to be called, in order; whoever uses it holds the scheduler's lock."""

    def __init__(self) -> None:
        self._waiting: deque[EngineCall] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, function: Callable[[], Result]) -> "Future[Result]":
        """Add a function; return the future of its result."""
        future: Future[Result] = Future()
        self._waiting.append(EngineCall(function, future))
        return future

    def take(self) -> EngineCall | None:
        """Return the next one, if any waits."""
        return self._waiting.popleft() if self._waiting else None
