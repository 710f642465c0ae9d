"""Which released files are wanted, and how each is known: `weights.lock`, and the hub's listing.

The lock is TOML: `repository`, `revision` (a commit, 40 hexadecimal digits), and under `files` each
file's `size` in bytes and `sha256`.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from worker.engines.chatterbox.catalogue import MODELS, find_model
from worker.engines.chatterbox.model import Model
from worker.errors import StartError

__all__ = [
    "Listed",
    "Lock",
    "Pin",
    "git_hash",
    "listing",
    "locked",
    "revision_of",
]

COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """How a file is known: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """One revision of the repository, file by file."""

    revision: str
    files: Mapping[str, Pin]
    repository: str

    @property
    def size(self) -> int:
        """All files' bytes."""
        return sum(pin.size for pin in self.files.values())

    @classmethod
    def read(cls, file: Path) -> "Lock":
        """Return what a lock file pins.

        Raises:
            StartError: It is not there, or something in it cannot be.
        """
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StartError(f"{file} is missing") from error
        except ValueError as error:
            raise StartError(f"{file} is not a lock ({error})") from error
        return cls.of(found, str(file))

    @classmethod
    def of(cls, found: Mapping[str, Any], where: str) -> "Lock":
        """Return a lock from its parsed text.

        Raises:
            StartError: A revision, size or digest cannot be one, or a file is not pinned.
        """
        try:
            files = {name: Pin(int(pin["size"]), str(pin["sha256"])) for name, pin in found["files"].items()}
            lock = cls(str(found.get("revision", "")), files, str(found.get("repository")))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StartError(f"{where}: a file needs `size` and `sha256` ({error!r})") from error
        if not COMMIT.fullmatch(lock.revision):
            raise StartError(f"{where}: revision is {lock.revision!r}, expected 40 hexadecimal digits")
        model = find_model(lock.repository, files)
        if model is None:
            known = " or ".join(dict.fromkeys(each.repository for each in MODELS.values()))
            raise StartError(f"{where}: repository is {lock.repository!r}, expected {known}")
        wanted = model.released
        if missing := [name for name in wanted if name not in files]:
            raise StartError(f"{where} does not pin {', '.join(missing)}")
        for name, pin in files.items():
            if name not in wanted or pin.size < 1 or not SHA256.fullmatch(pin.sha256):
                raise StartError(f"{where}: size or sha256 of {name!r} cannot be one, or it is not used")
        return lock

    def text(self) -> str:
        """Return the lock file's text."""
        head = (
            "# Made from the hub's own digests; each file is checked by size and SHA-256.",
            f'repository = "{self.repository}"',
            f'revision = "{self.revision}"',
            "",
            "[files]",
        )
        pins = (
            f'"{name}" = {{ size = {pin.size}, sha256 = "{pin.sha256}" }}'
            for name, pin in sorted(self.files.items())
        )
        return "\n".join((*head, *pins, ""))


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the hub lists it: large ones by SHA-256, small ones by git's own hash alone."""

    size: int
    git: str
    sha256: str | None = field(default=None)


def revision_of(answer: Any) -> str:
    """Return the commit that the hub's answer is about.

    Raises:
        StartError: It names none.
    """
    revision = answer.get("sha") if isinstance(answer, dict) else None
    if not isinstance(revision, str) or not COMMIT.fullmatch(revision):
        raise StartError("the hub's answer names no revision: is the address a hub's?")
    return revision


def listing(answer: Any, model: Model) -> dict[str, Listed]:
    """Return the files that are used, from the hub's answer (`/api/models/…?blobs=true`).

    Raises:
        StartError: One is missing there, or described otherwise than expected.
    """
    found: dict[str, Listed] = {}
    wanted = model.released
    try:
        for row in answer["siblings"]:
            if row["rfilename"] in wanted:
                large = row.get("lfs") or {}
                found[row["rfilename"]] = Listed(int(row["size"]), str(row["blobId"]), large.get("sha256"))
    except (KeyError, TypeError, ValueError) as error:
        raise StartError(f"the hub describes its files otherwise than expected ({error!r})") from error
    if missing := [name for name in wanted if name not in found]:
        raise StartError(f"the hub's repository has no {', '.join(missing)}")
    return found


def locked(
    revision: str,
    files: Mapping[str, Listed],
    fetched: Callable[[str], bytes],
    repository: str,
) -> Lock:
    """Return the lock of a listing; `fetched` brings a small file, whose git hash is checked.

    Raises:
        StartError: A file is not what the hub lists.
    """
    pins: dict[str, Pin] = {}
    for name, listed in files.items():
        digest = listed.sha256
        if digest is None:
            data = fetched(name)
            if len(data) != listed.size or git_hash(data) != listed.git:
                raise StartError(f"{name} is not the file that the hub lists: try again")
            digest = hashlib.sha256(data).hexdigest()
        pins[name] = Pin(listed.size, digest)
    return Lock(revision, pins, repository)


def git_hash(data: bytes) -> str:
    """Return git's name of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()  # noqa: S324 - git's own choice
