"""The voices on the volume: a folder each, with its clip and what engines learned of it.

    python -m worker.voices add NAME FILE | list | remove NAME | starters | fill FOLDER

Several workers share the folder. A name's folder holds `clip.<ending>` and, for each recipe (the
weights and precision of an engine), `<beginning of the clip's hash>.<recipe>`.
"""

import argparse
import contextlib
import hashlib
import re
import shutil
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from worker.clips import extension, read_clip
from worker.errors import InvalidInput, SpeechError, StartError, UnknownVoice
from worker.settings import Settings

__all__ = ["Voices"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
SHOWN = 20  # names in an error
CLIPS = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"}


class Voices:
    """A folder of named clips; every method reads the disk, so that other workers' voices count.

    Args:
        folder: Where voices are added and removed.
        built_in: The engine's own voices, which have no clip.
        image: A folder of voices that came with the image; those of `folder` go before them.
    """

    def __init__(
        self, folder: Path, built_in: Sequence[str] = ("default",), image: Path | None = None
    ) -> None:
        self.folder = folder
        self.built_in = tuple(built_in)
        self._places = [folder] if image is None else [folder, image]
        self._digests: dict[tuple[Path, int, int], str] = {}  # by path, time and size

    def names(self) -> list[str]:
        """Return the names: the engine's own, then those of the folders, sorted."""
        found: set[str] = set()
        for place in self._places:
            with contextlib.suppress(OSError):
                found |= {entry.name for entry in place.iterdir() if NAME.fullmatch(entry.name)}
        return [*self.built_in, *sorted(found - {*self.built_in})]

    def digest(self, name: str) -> str:
        """Return the SHA-256 of the clip of `name`, in hexadecimal.

        Raises:
            UnknownVoice: There is no such voice; the message lists some that there are.
        """
        path = self._clip(name)
        stat = path.stat()
        mark = (path, stat.st_mtime_ns, stat.st_size)
        if mark not in self._digests:
            self._digests[mark] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._digests[mark]

    def clip(self, name: str) -> bytes:
        """Return the clip's file; raises UnknownVoice as `digest` does."""
        return self._clip(name).read_bytes()

    def add(self, name: str, data: bytes) -> bool:
        """Keep a clip that `read_clip` accepts as the voice `name`; return whether it replaced one.

        Raises:
            InvalidInput: The name is not allowed, or an engine's own.
        """
        folder = self._own(name)
        path = folder / f"clip.{extension(data)}"
        replaced = bool(clips(folder))
        folder.mkdir(parents=True, exist_ok=True)
        write(path, data)
        learned = hashlib.sha256(data).hexdigest()[:16]
        for other in folder.iterdir():
            if other != path and other.suffix != ".part" and not other.name.startswith(learned):
                other.unlink(missing_ok=True)
        return replaced

    def remove(self, name: str) -> None:
        """Remove a voice, at once for all who look.

        Raises:
            InvalidInput: The name is not allowed, an engine's own, or that of a voice of the image.
            UnknownVoice: There is no such voice.
        """
        folder = self._own(name)
        gone = self.folder / f".removed-{uuid.uuid4().hex}"
        try:
            folder.rename(gone)
        except FileNotFoundError:
            if any(clips(place / name) for place in self._places):
                raise InvalidInput(
                    f"name is {name!r}, a voice of the image: one added under its name goes before it"
                ) from None
            raise self.unknown(name) from None
        shutil.rmtree(gone, ignore_errors=True)

    def learned(self, name: str, sha256: str, recipe: str) -> bytes | None:
        """Return what an engine learned of this clip, or None."""
        with contextlib.suppress(OSError, UnknownVoice):
            return (self._clip(name).parent / f"{sha256[:16]}.{recipe}").read_bytes()
        return None

    def keep(self, name: str, sha256: str, recipe: str, data: bytes) -> None:
        """Keep what an engine learned; nothing where the voice is gone or has another clip by now."""
        with contextlib.suppress(OSError, UnknownVoice):
            if self.digest(name) == sha256:
                write(self._clip(name).parent / f"{sha256[:16]}.{recipe}", data)

    def unknown(self, name: str) -> UnknownVoice:
        """Return the error that says which voices there are."""
        names = self.names()
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return UnknownVoice(f"there is no voice {name!r}; the voices are {', '.join(names[:SHOWN])}{more}")

    def _clip(self, name: str) -> Path:
        for place in self._places if NAME.fullmatch(name) else ():
            if found := clips(place / name):
                return found[-1]
        raise self.unknown(name)

    def _own(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise InvalidInput(f"name is {name[:80]!r}, expected 1 to 64 letters, digits, '_' or '-'")
        if name in self.built_in:
            raise InvalidInput(f"name is {name!r}, which is the engine's own voice; choose another name")
        return self.folder / name


def clips(folder: Path) -> list[Path]:
    """Return the clips in a voice's folder, the newest last: there are two while one replaces another."""
    with contextlib.suppress(OSError):
        found = [path for path in folder.glob("clip.*") if path.suffix != ".part"]
        return sorted(found, key=lambda path: path.stat().st_mtime_ns)
    return []


def write(path: Path, data: bytes) -> None:
    """Write a file in one step: others see all of it or none."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Manage the voices from a shell on the volume; return 1 where that failed."""
    parser = argparse.ArgumentParser(prog="python -m worker.voices", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="keep a clip (WAV, FLAC, OGG, MP3; 5 to 60 s) as a voice")
    add.add_argument("name")
    add.add_argument("file", type=Path)
    commands.add_parser("list", help="print the names")
    commands.add_parser("remove", help="remove a voice").add_argument("name")
    commands.add_parser("starters", help="make two voices that may be given away")
    fill = commands.add_parser("fill", help="keep every clip of a folder under its file's name")
    fill.add_argument("source", type=Path)
    given = parser.parse_args(arguments)
    try:
        voices = Voices(Settings.from_env().voices_folder()[0])
        for line in managed(voices, given):
            print(line)
    except (SpeechError, StartError, OSError) as error:
        print(f"voices: {error}", file=sys.stderr)
        return 1
    return 0


def managed(voices: Voices, given: argparse.Namespace) -> list[str]:
    """Do one command; return what to print."""
    if given.command == "list":
        return voices.names()
    if given.command == "remove":
        voices.remove(given.name)
        return [f"removed {given.name}"]
    if given.command == "starters":
        from worker.starters import starters  # noqa: PLC0415 - the preview voice, for this alone

        made = starters()
    elif given.command == "fill":
        voices.folder.mkdir(parents=True, exist_ok=True)
        files = sorted(path for path in given.source.iterdir() if path.suffix.lower() in CLIPS)
        made = {path.stem: path.read_bytes() for path in files}
    else:
        made = {given.name: given.file.read_bytes()}
    lines = []
    for name, data in made.items():
        clip = read_clip(data)
        verb = "replaced" if voices.add(name, data) else "added"
        lines.append(f"{verb} {name}: {clip.seconds:.1f} s, {clip.sha256[:16]}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
