"""What a drill may leave over: memory, files and threads of a process, processes, files of the cache."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from worker.cache.entry import BadEntry, unpack
from worker.cache.store import Cache

__all__ = ["Footprint", "footprint", "grown", "processes_of", "unfit"]

STALE_SECONDS = 7_200.0  # a temporary file this old is swept
ALLOWED_MB, ALLOWED_FILES, ALLOWED_THREADS = 30, 24, 8  # what a process may take more at its end


@dataclass(frozen=True)
class Footprint:
    """What a process holds."""

    memory_mb: float
    files: int
    threads: int

    def __str__(self) -> str:
        return f"{self.memory_mb:.0f} MB, {self.files} files, {self.threads} threads"


def footprint(pid: int) -> Footprint | None:
    """Measure a process; one that is gone is None."""
    try:
        process = psutil.Process(pid)
        return Footprint(process.memory_info().rss / 1e6, process.num_fds(), process.num_threads())
    except psutil.Error:
        return None


def grown(before: Footprint, after: Footprint, *, memory: bool) -> list[str]:
    """Return what a process has too much of; `memory`: whether that counts."""
    changes = {
        "MB": (after.memory_mb - before.memory_mb if memory else 0, ALLOWED_MB),
        "files": (after.files - before.files, ALLOWED_FILES),
        "threads": (after.threads - before.threads, ALLOWED_THREADS),
    }
    return [f"{more:.0f} {what} more" for what, (more, allowed) in changes.items() if more > allowed]


def processes_of(variable: str, value: str) -> list[str]:
    """Return the processes with this variable in their environment."""
    left = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value:
                left.append(f"process {process.pid}: {' '.join(process.cmdline()[:4])}")
        except psutil.Error:
            continue
    return left


def unfit(folder: Path) -> list[str]:
    """Sweep the folder as a worker does hours later; return the files that should not be there."""
    Cache(folder, 10**12, wall_clock=lambda: time.time() + STALE_SECONDS).sweep()
    left = []
    for path in folder.glob("*.*") if folder.is_dir() else ():
        try:
            unpack(path.read_bytes(), path.suffix.removeprefix("."))
        except (BadEntry, OSError) as error:
            left.append(f"{path.name}: {error}")
    return left
