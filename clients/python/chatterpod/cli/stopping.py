"""SIGTERM stops a command as Ctrl-C does. Only the command line handles signals, not the library."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ["Terminated", "stoppable"]


class Terminated(KeyboardInterrupt):
    """Raised at SIGTERM, so that all clean-up for Ctrl-C runs."""


def terminate(_signal: int, _frame: Any) -> NoReturn:
    """Interrupt the main thread.

    Raises:
        Terminated: Always.
    """
    raise Terminated


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Terminated at SIGTERM, which would otherwise end the process without clean-up.

    Do nothing if SIGTERM is ignored or has a handler already, or outside the main thread, where
    Python does not allow handlers.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
