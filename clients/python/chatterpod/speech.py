"""A whole speech, and how a file of it is written."""

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

    audio: bytes  # a whole file: MP3 with its tags, or PCM (s16le, 24 kHz, mono)
    duration_ms: int
    segments: tuple[Mapping[str, Any], ...]  # as docs/api.md describes them
    summary: Mapping[str, Any]  # the last record's fields: cache_hit, engine, warnings …
    chapters: Sequence[Chapter] = ()

    def save(self, path: str | Path) -> Path:
        """Write the file; it appears under its name only when it is complete."""
        return saved(self.audio, path)

    def vtt(self) -> str:
        """Return the captions as WebVTT."""
        return vtt(self.segments)

    def srt(self) -> str:
        """Return the captions as SubRip."""
        return srt(self.segments)


def saved(data: bytes, path: str | Path) -> Path:
    """Write a file as `.part` and rename it when it is complete; return its path."""
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
