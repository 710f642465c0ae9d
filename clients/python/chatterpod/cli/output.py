"""What the commands write: lines or JSON, and files that appear whole."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from chatterpod.errors import ConfigError
from chatterpod.joining import FileParts
from chatterpod.mp3 import Chapter

__all__ = ["AudioFile", "Player", "Printer", "Stream", "audio_file", "player"]

PLAYERS = (
    ("mpv", "--no-terminal", "--no-video", "-"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-"),
    ("mpg123", "-q", "-"),
    ("vlc", "-I", "dummy", "--play-and-exit", "-"),
)


class Printer:
    """Prints lines for people, or one JSON object for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, content: Any, *lines: str) -> None:
        """Print a result: as JSON, or in these lines."""
        if self.as_json:
            print(json.dumps(content, ensure_ascii=False))
            return
        for line in lines:
            print(line)


class AudioFile:
    """A file of audio as it comes: frames under a temporary name, at the end whole under its own."""

    def __init__(self, path: Path, form: str) -> None:
        self._path = path
        self._frames = path.with_name(path.name + ".part")
        self._whole = path.with_name(path.name + ".new")
        self._parts = FileParts(form)
        self._out = self._frames.open("wb")

    def write(self, audio: bytes) -> None:
        """Add frames; who follows the `.part` file hears them now."""
        self._parts.push(audio)
        self._out.write(audio)
        self._out.flush()

    def finish(self, duration_ms: int, chapters: Sequence[Chapter]) -> int:
        """Put head and frames together under the file's name; return its size."""
        self._out.close()
        with self._whole.open("wb") as out, self._frames.open("rb") as frames:
            out.write(self._parts.head(duration_ms, chapters))
            shutil.copyfileobj(frames, out)
        self._whole.replace(self._path)
        return self._path.stat().st_size

    def close(self) -> None:
        """Leave nothing half-written."""
        self._out.close()
        for file in (self._frames, self._whole):
            file.unlink(missing_ok=True)


class Stream:
    """Standard output, or a player: frames as they come, no head."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._size = 0

    def write(self, audio: bytes) -> None:
        """Write frames."""
        self._size += len(audio)
        self._out.write(audio)
        self._out.flush()

    def finish(self, _duration_ms: int, _chapters: Sequence[Chapter]) -> int:
        """Return what was written."""
        return self._size


@contextmanager
def audio_file(path: str | None, form: str) -> Iterator[AudioFile | Stream]:
    """Open standard output (`-`), nothing (None), or a file that appears only when it is whole."""
    if path == "-":
        yield Stream(sys.stdout.buffer)
        return
    if path is None:
        with Path(os.devnull).open("wb") as nowhere:
            yield Stream(nowhere)
        return
    file = AudioFile(Path(path), form)
    try:
        yield file
    finally:
        file.close()


class Player:
    """A program that plays what it is given."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - one of our own list
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def write(self, audio: bytes) -> None:
        """Play frames; one that was closed by its user just plays no more."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(audio)
                self._process.stdin.flush()

    def stop(self) -> None:
        """Be silent now."""
        self._process.terminate()

    def close(self) -> None:
        """Wait until all is heard."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait()


@contextmanager
def player(wanted: bool, form: str) -> Iterator[Player | None]:  # noqa: FBT001 - the command line's own flag
    """Start whichever player is installed, if one is wanted.

    Raises:
        ConfigError: There is none, or the format is one that none knows.
    """
    if not wanted:
        yield None
        return
    if form != "mp3":
        raise ConfigError("--play plays mp3: leave --format out")
    found = next((command for command in PLAYERS if shutil.which(command[0])), None)
    if found is None:
        names = ", ".join(command[0] for command in PLAYERS)
        raise ConfigError(f"--play needs a player, and none of {names} is installed")
    playing = Player(found)
    try:
        yield playing
    except KeyboardInterrupt:  # Ctrl-C ends the player as well, SIGTERM reaches us alone
        playing.stop()
        raise
    finally:
        playing.close()
