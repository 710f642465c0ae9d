"""Localpod as a child process, for tests, demos and benchmarks."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["running"]

STOP_S = 30.0


@contextmanager
def running(*arguments: str, log: int | None = subprocess.DEVNULL) -> Iterator[str]:
    """Run `python -m localpod` with these arguments on a free port; yield its address, `http://…`.

    Its log and its workers' output go to `log` (None: our own standard error). At the end it and its
    workers are gone.

    Raises:
        RuntimeError: it ended instead of answering.
    """
    command = [sys.executable, "-m", "localpod", "--port", "0", *arguments]
    # The command is this Python, the arguments the caller's own.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise RuntimeError(f"localpod exited with code {process.wait()} instead of answering")
            yield line.split()[1]
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
