"""Real time in tests: units that the variable `TESTS_TIMEOUT_FACTOR` scales, for machines that are slow.

What is waited for comes as soon as it can (`until`); only what must not come, and what a process does by its
own clock, is given a time. Such a test is marked `timing`: `make timing` runs each twenty times, on a
busy machine.
"""

import os
import time
from collections.abc import Callable
from typing import Any

__all__ = ["MS", "SECOND", "until"]

SECOND = float(os.environ.get("TESTS_TIMEOUT_FACTOR", "1"))
MS = SECOND / 1000
PATIENCE = 60 * SECOND  # for what will come


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait for something that will come, and return it; fail when it does not."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"it did not come within {seconds} s")
