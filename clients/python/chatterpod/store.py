"""Finished parts in a folder, so that a second run speaks only what is missing."""

from pathlib import Path
from typing import Protocol

__all__ = ["Folder", "Store"]


class Store(Protocol):
    """Keeps finished parts by name."""

    def get(self, name: str) -> bytes | None:
        """Return what was put, or None."""

    def put(self, name: str, data: bytes) -> None:
        """Keep it."""


class Folder:
    """Files in one folder, made when the first is put; each appears whole."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def get(self, name: str) -> bytes | None:
        """Return what was put, or None."""
        try:
            return (self.path / f"{name}.part.json").read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes) -> None:
        """Keep it."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f"{name}.tmp"
        temporary.write_bytes(data)
        temporary.replace(self.path / f"{name}.part.json")

    def clear(self) -> None:
        """Remove the parts, and the folder if nothing else is in it."""
        for file in [*self.path.glob("*.part.json"), *self.path.glob("*.tmp")]:
            file.unlink(missing_ok=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()
