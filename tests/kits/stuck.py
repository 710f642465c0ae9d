"""Files that hang: the system's calls do not return, as those on a network volume whose server is gone."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["CALLS", "Stuck", "hung_while", "stuck"]

# The calls in `os` by what hangs. The cache makes its folder before it writes; `io` opens by itself.
CALLS = {
    "read": ("open",),
    "write": ("mkdir",),
    "rename": ("replace", "rename"),
    "list": ("scandir", "listdir"),
}


def hung_while(hangs: Callable[[str, Path], bool]) -> Callable[[], None]:
    """Have calls of `os` sleep while `hangs` says so of what they do and where; return what undoes it."""
    before: list[tuple[str, Any]] = []
    for kind, names in CALLS.items():
        for name in names:
            real = getattr(os, name)
            before.append((name, real))
            setattr(os, name, sleepy(kind, real, hangs))

    def undo() -> None:
        for name, real in before:
            setattr(os, name, real)

    return undo


def sleepy(kind: str, real: Callable[..., Any], hangs: Callable[[str, Path], bool]) -> Callable[..., Any]:
    """Return a call of the system that takes as long as `hangs` says."""

    def call(path: Any = ".", *args: Any, **options: Any) -> Any:
        while isinstance(path, str | os.PathLike) and hangs(kind, Path(os.fspath(path))):
            time.sleep(0.02)
        return real(path, *args, **options)

    return call


class Stuck:
    """What hangs now, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kinds: set[str] = set()
        self.met = threading.Event()  # whether a call has hung

    def hangs(self, kind: str, path: Path) -> bool:
        """Whether a call of this kind at this path hangs."""
        found = kind in self.kinds and self.folder in (path, *path.parents)
        if found:
            self.met.set()
        return found


@contextmanager
def stuck(folder: Path) -> Iterator[Stuck]:
    """Yield what can be made to hang in a folder; at the end all calls return."""
    made = Stuck(folder)
    undo = hung_while(made.hangs)
    try:
        yield made
    finally:
        made.kinds.clear()
        undo()
