"""The commands' outputs: lines or JSON, audio files, standard output and players."""

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
from chatterpod.joining import FileHead
from chatterpod.mp3 import Chapter

__all__ = ["AudioFile", "FrameStream", "Player", "Printer", "audio_file", "player"]

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
        """Print `content` as JSON, or else the lines."""
        if self.as_json:
            print(json.dumps(content, ensure_ascii=False))
            return
        for line in lines:
            print(line)


class AudioFile:
    """An audio file: frames go into `.part` as they come; the complete file then gets its name."""

    def __init__(self, path: Path, audio_format: str) -> None:
        self._path = path
        self._frames = path.with_name(path.name + ".part")
        self._whole = path.with_name(path.name + ".new")
        self._head = FileHead(audio_format)
        self._out = self._frames.open("wb")

    def write(self, audio: bytes) -> None:
        """Add frames to the `.part` file, where a player that follows it finds them at once."""
        self._head.add(audio)
        self._out.write(audio)
        self._out.flush()

    def finish(self, duration_ms: int, chapters: Sequence[Chapter]) -> int:
        """Write head and frames under the file's name; return its size in bytes."""
        self._out.close()
        with self._whole.open("wb") as out, self._frames.open("rb") as frames:
            out.write(self._head.build(duration_ms, chapters))
            shutil.copyfileobj(frames, out)
        self._whole.replace(self._path)
        return self._path.stat().st_size

    def close(self) -> None:
        """Remove the temporary files."""
        self._out.close()
        for file in (self._frames, self._whole):
            file.unlink(missing_ok=True)


class FrameStream:
    """Standard output or a null device: frames as they come, without a file's head."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._size = 0

    def write(self, audio: bytes) -> None:
        """Write frames."""
        self._size += len(audio)
        self._out.write(audio)
        self._out.flush()

    def finish(self, _duration_ms: int, _chapters: Sequence[Chapter]) -> int:
        """Return the bytes written."""
        return self._size


@contextmanager
def audio_file(path: str | None, audio_format: str) -> Iterator[AudioFile | FrameStream]:
    """Open standard output for `-`, the null device for None, or else a file."""
    if path == "-":
        yield FrameStream(sys.stdout.buffer)
        return
    if path is None:
        with Path(os.devnull).open("wb") as null:
            yield FrameStream(null)
        return
    file = AudioFile(Path(path), audio_format)
    try:
        yield file
    finally:
        file.close()


class Player:
    """A running player, which reads audio from its standard input."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - a command of PLAYERS
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def write(self, audio: bytes) -> None:
        """Play frames; ignore them if the user has closed the player."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.write(audio)
                self._process.stdin.flush()

    def stop(self) -> None:
        """Stop playing at once."""
        self._process.terminate()

    def close(self) -> None:
        """Wait until everything was played."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait()


@contextmanager
def player(wanted: bool, audio_format: str) -> Iterator[Player | None]:  # noqa: FBT001 - the value of --play
    """Start the first of PLAYERS that is installed, if wanted; wait for its end on leaving.

    Raises:
        ConfigError: No player is installed, or the format is not MP3.
    """
    if not wanted:
        yield None
        return
    if audio_format != "mp3":
        raise ConfigError("--play plays mp3: leave --format out")
    found = next((command for command in PLAYERS if shutil.which(command[0])), None)
    if found is None:
        names = ", ".join(command[0] for command in PLAYERS)
        raise ConfigError(f"--play needs a player, and none of {names} is installed")
    playing = Player(found)
    try:
        yield playing
    except KeyboardInterrupt:  # Ctrl-C reaches the player too, but SIGTERM reaches only this process
        playing.stop()
        raise
    finally:
        playing.close()
