"""How a command is stopped from outside: SIGTERM as Ctrl-C. Here alone: a library installs no handlers."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ["Terminated", "stoppable"]


class Terminated(KeyboardInterrupt):
    """SIGTERM came: what Ctrl-C cancels and removes is cancelled and removed."""


def terminate(_signal: int, _frame: Any) -> NoReturn:
    """Leave whatever runs.

    Raises:
        Terminated: Always.
    """
    raise Terminated


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Terminated at SIGTERM, where it would end the process at once with all left behind.

    One that is ignored, or that a program around us handles, stays as it is; and Python takes
    handlers in its main thread only.
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
