"""A whole speech, and where its chapters begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatterpod.captions import srt, vtt
from chatterpod.mp3 import Chapter

__all__ = ["Speech", "saved"]


@dataclass(frozen=True, slots=True)
class Speech:
    """A whole speech."""

    audio: bytes  # the file, tags included
    duration_ms: int
    segments: tuple[Mapping[str, Any], ...]
    summary: Mapping[str, Any]
    chapters: Sequence[Chapter] = ()

    def save(self, path: str | Path) -> Path:
        """Write the file; it appears under its name only when it is whole."""
        return saved(self.audio, path)

    def vtt(self) -> str:
        """Return the captions as WebVTT."""
        return vtt(self.segments)

    def srt(self) -> str:
        """Return the captions as SubRip."""
        return srt(self.segments)


def saved(data: bytes, path: str | Path) -> Path:
    """Write a file that appears under its name only when it is whole."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
