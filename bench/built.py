"""What takes long to build and comes out the same each time is built once and kept in `.checkpoints`."""

import hashlib
import shutil
import uuid
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["BUILT", "PACKAGES", "ROOT", "SOURCES", "key", "once"]

ROOT = Path(__file__).parent.parent
BUILT = ROOT / ".checkpoints"
SOURCES = (  # what the checkpoints are made by and of
    "LICENSE",
    "bench/built.py",
    "bench/checkpoints.py",
    "bench/multilingual_checkpoints.py",
    "bench/upstream.py",
    "segmenter/words/tables/*.toml",
    "worker/engines/chatterbox/files.py",
    "worker/engines/chatterbox/multilingual/entry.py",
    "worker/engines/chatterbox/multilingual/text.py",
    "worker/engines/chatterbox/nano/entry.py",
    "worker/engines/chatterbox/turbo/entry.py",
    "worker/engines/chatterbox/turbo/text.py",
)
PACKAGES = ("chatterbox-tts", "spacy-pkuseg", "tokenizers", "torch")


def once(name: str, build: Callable[[Path], object], root: Path = BUILT) -> Path:
    """Return a folder that `build` filled, now or at an earlier call with the same sources and packages.

    Processes may call this at the same time: each builds under a name of its own, and the first to finish
    gives the folder its name.

    Args:
        name: What is built; the folder's name is this and `key()`.
        build: Makes and fills the folder it is given.
        root: Where the folder is kept; made by `build` with the folder.
    """
    folder = root / f"{name}-{key()}"
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.part")
        build(part)
        publish(part, folder)
    return folder


def publish(part: Path, folder: Path) -> None:
    """Rename a folder, or remove it if another process was first."""
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(part)


@cache
def key(root: Path = ROOT) -> str:
    """Return a hash of the builders' sources and of the versions of the packages they use."""
    parts = [f"{name} {installed(name)}".encode() for name in PACKAGES]
    parts += [file.read_bytes() for source in SOURCES for file in sorted(root.glob(source))]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:12]


def installed(package: str) -> str:
    """Return a package's version, or "none"."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
