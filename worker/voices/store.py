"""The voices on the volume: a folder for each, with its clip and what engines learned from it.

Several workers share them. A voice's folder holds `clip.<extension>` and, for each recipe (the weights
and precision of an engine), `<first 16 digits of the clip's SHA-256>.<recipe>`.
"""

import contextlib
import hashlib
import re
import shutil
import stat
import uuid
from collections.abc import Sequence
from pathlib import Path

from worker.errors import InvalidInputError, UnknownVoiceError
from worker.voices.clips import MOST_BYTES, extension
from worker.volume import read_regular, write_whole

__all__ = ["VoiceStore"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
SHOWN = 20  # names in an error
LEARNED_BYTES = 1_000_000_000  # more than any engine's conditioning has


class VoiceStore:
    """A folder of named clips; every method reads the disk, so that it sees other workers' voices.

    Args:
        folder: Where voices are added and removed.
        built_in: The engine's own voices, which have no clip.
        image: A folder of the image's voices; one in `folder` with the same name is used instead.
    """

    def __init__(
        self, folder: Path, built_in: Sequence[str] = ("default",), image: Path | None = None
    ) -> None:
        self.folder = folder
        self.built_in = tuple(built_in)
        self._folders = [folder] if image is None else [folder, image]
        self._digests: dict[tuple[Path, int, int], str] = {}  # by path, modification time and size
        self._with_clips: dict[Path, int] = {}  # folders that have one: their modification times

    def names(self) -> list[str]:
        """Return the names: the engine's own, then those of the folders with a clip, sorted."""
        found: set[str] = set()
        for parent in self._folders:
            with contextlib.suppress(OSError):
                found |= {entry.name for entry in parent.iterdir() if self._is_voice(entry)}
        return [*self.built_in, *sorted(found - {*self.built_in})]

    def _is_voice(self, folder: Path) -> bool:
        """Whether a folder is that of a voice; one that has not changed is not read again."""
        if not NAME.fullmatch(folder.name):
            return False
        with contextlib.suppress(OSError):
            changed = folder.stat().st_mtime_ns
            if self._with_clips.get(folder) == changed:
                return True
            if clips(folder):
                self._with_clips[folder] = changed
                return True
        return False

    def digest(self, name: str) -> str:
        """Return the SHA-256 of the clip of `name`, in hexadecimal.

        Raises:
            UnknownVoiceError: There is no such voice; the message lists some of the voices.
        """
        path = self._clip(name)
        stat = path.stat()
        mark = (path, stat.st_mtime_ns, stat.st_size)
        if mark not in self._digests:
            self._digests[mark] = hashlib.sha256(read_regular(path, MOST_BYTES)).hexdigest()
        return self._digests[mark]

    def clip(self, name: str) -> bytes:
        """Return the clip's file; raises UnknownVoiceError as `digest` does."""
        return read_regular(self._clip(name), MOST_BYTES)

    def add(self, name: str, data: bytes) -> bool:
        """Keep a clip that `read_clip` accepts as the voice `name`; return whether it replaced one.

        Raises:
            InvalidInputError: The name is not allowed, or is one of the engine's own voices.
            OSError: The folder takes no file.
        """
        folder = self._own(name)
        path = folder / f"clip.{extension(data)}"
        replaced = bool(clips(folder))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write_whole(path, data)
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only an empty one goes
            raise
        learned = hashlib.sha256(data).hexdigest()[:16]
        for other in folder.iterdir():
            if other != path and other.suffix != ".part" and not other.name.startswith(learned):
                other.unlink(missing_ok=True)
        return replaced

    def remove(self, name: str) -> None:
        """Remove a voice, in one step for all workers.

        Raises:
            InvalidInputError: The name is not allowed, or is one of the engine's or the image's voices.
            UnknownVoiceError: There is no such voice.
        """
        folder = self._own(name)
        gone = self.folder / f".removed-{uuid.uuid4().hex}"
        try:
            folder.rename(gone)
        except FileNotFoundError:
            if any(clips(parent / name) for parent in self._folders):
                raise InvalidInputError(
                    f"name is {name!r}, a voice of the image: add a voice with this name to replace it"
                ) from None
            raise self.unknown(name) from None
        shutil.rmtree(gone, ignore_errors=True)

    def learned(self, name: str, sha256: str, recipe: str) -> bytes | None:
        """Return what an engine learned from this clip, or None."""
        with contextlib.suppress(OSError, UnknownVoiceError):
            return read_regular(self._clip(name).parent / f"{sha256[:16]}.{recipe}", LEARNED_BYTES)
        return None

    def keep(self, name: str, sha256: str, recipe: str, data: bytes) -> None:
        """Keep what an engine learned, unless the voice was removed or has another clip by now."""
        with contextlib.suppress(OSError, UnknownVoiceError):
            if self.digest(name) == sha256:
                write_whole(self._clip(name).parent / f"{sha256[:16]}.{recipe}", data)

    def unknown(self, name: str) -> UnknownVoiceError:
        """Return the error about an unknown name, which lists the voices."""
        names = self.names()
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return UnknownVoiceError(
            f"there is no voice {name!r}; the voices are {', '.join(names[:SHOWN])}{more}"
        )

    def _clip(self, name: str) -> Path:
        for parent in self._folders if NAME.fullmatch(name) else ():
            if found := clips(parent / name):
                return found[-1]
        raise self.unknown(name)

    def _own(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise InvalidInputError(f"name is {name[:80]!r}, expected 1 to 64 letters, digits, '_' or '-'")
        if name in self.built_in:
            raise InvalidInputError(f"name is {name!r}, which is the engine's own voice; choose another name")
        return self.folder / name


def clips(folder: Path) -> list[Path]:
    """Return the clips in a voice's folder, the newest last; there are two while one replaces another."""
    found: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError):
        for path in folder.glob("clip.*"):
            status = path.lstat()
            if path.suffix != ".part" and stat.S_ISREG(status.st_mode):
                found.append((status.st_mtime_ns, path))
    return [path for _, path in sorted(found)]
