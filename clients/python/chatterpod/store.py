"""Stores of finished parts, so that a second run speaks only those that are missing."""

from pathlib import Path
from typing import Protocol

__all__ = ["Folder", "Store"]


class Store(Protocol):
    """Keeps finished parts of long texts by name."""

    def get(self, name: str) -> bytes | None:
        """Return the data of a name, or None."""

    def put(self, name: str, data: bytes) -> None:
        """Keep data under a name."""


class Folder:
    """A store in a folder, which is created with its first file; each file appears when it is complete."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def get(self, name: str) -> bytes | None:
        """Return the data of a name, or None."""
        try:
            return (self.path / f"{name}.part.json").read_bytes()
        except FileNotFoundError:
            return None

    def put(self, name: str, data: bytes) -> None:
        """Keep data under a name."""
        self.path.mkdir(parents=True, exist_ok=True)
        temporary = self.path / f"{name}.tmp"
        temporary.write_bytes(data)
        temporary.replace(self.path / f"{name}.part.json")

    def clear(self) -> None:
        """Remove all parts, and the folder if it is then empty."""
        for file in [*self.path.glob("*.part.json"), *self.path.glob("*.tmp")]:
            file.unlink(missing_ok=True)
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()
