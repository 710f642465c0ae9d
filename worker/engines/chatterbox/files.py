"""A checkpoint's files, found and read ahead without torch, so that both happen while it is imported."""

import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.errors import StartError

__all__ = [
    "CLONING_FILE",
    "MANIFEST",
    "RELEASED_VOICE",
    "VOICE_FILE",
    "WATERMARK_FILE",
    "Manifest",
    "check_files",
    "first_there",
    "read_ahead",
    "t3_size",
]

VOICE_FILE = "voice.safetensors"  # of a baked checkpoint: the default voice with its prefix
RELEASED_VOICE = "conds.pt"
CLONING_FILE = "cloning.safetensors"  # of a baked checkpoint: what only cloning reads
WATERMARK_FILE = "watermark.safetensors"
MANIFEST = "manifest.json"
BLOCK = re.compile(r"tfmr\.(?:h|layers)\.(\d+)\.")  # of T3: the beginning of its tensors' names


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a checkpoint's `manifest.json` states; the released checkpoint has none."""

    precision: str | None = None  # of the baked weights; None: as released, float32
    revision: str | None = None  # of the hub's repository
    tokens_per_character: float | None = None  # random weights end by length: they almost never stop
    files: Mapping[str, str] | None = None  # name -> SHA-256
    name: str | None = None  # of weights that are not the released ones: part of the cache key
    model: str | None = None  # the engine's name

    @property
    def is_random(self) -> bool:
        """Whether the weights are random: for tests and benchmarks."""
        return self.tokens_per_character is not None

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read a folder's manifest.

        Raises:
            StartError: It is there and damaged.
        """
        file = folder / MANIFEST
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
            pace = float(found["tokens_per_character"]) if found.get("random") else None
            name = found.get("name") or (f"random-{found.get('size')}-{found.get('seed')}" if pace else None)
            return cls(
                found.get("precision"),
                found.get("revision"),
                pace,
                found.get("files"),
                name,
                found.get("model"),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StartError(
                f"{file} cannot be read ({type(error).__name__}): bake the checkpoint again"
            ) from error


def check_files(folder: Path, names: Sequence[str]) -> None:
    """Check that these files and those of the manifest are there in full.

    Raises:
        StartError: One is missing or cut short.
    """
    for name in dict.fromkeys((*names, *(Manifest.read(folder).files or ()))):
        file = folder / name
        if not file.is_file() or file.stat().st_size == 0:
            raise StartError(f"{file} is missing: set TTS_MODEL_DIR to a folder with the weights")
        if file.suffix == ".safetensors" and file.stat().st_size != stated_length(file):
            raise StartError(f"{file} is cut or damaged: fetch or bake it again")


def first_there(folder: Path, names: Sequence[str]) -> str:
    """Return the first of these names that is a file of the folder, else the last."""
    return next((name for name in names if (folder / name).is_file()), names[-1])


def stated_length(file: Path) -> int:
    """Return the length that a safetensors file's own header gives, in bytes; -1 where it has none."""
    try:
        length, entries = header_of(file)
        return length + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError):
        return -1


def t3_size(file: Path) -> tuple[int, int] | None:
    """Return the blocks and the width that a T3's file states in its header; None if it states none."""
    try:
        _, entries = header_of(file)
        blocks = {match[1] for match in map(BLOCK.match, entries) if match}
        return len(blocks), int(entries["speech_emb.weight"]["shape"][1])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def header_of(file: Path) -> tuple[int, dict[str, Any]]:
    """Return where a safetensors file's header ends, and what it says of each tensor; raises ValueError."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > file.stat().st_size:
            raise ValueError("no header")
        entries: dict[str, Any] = json.loads(opened.read(length))
    entries.pop("__metadata__", None)
    return 8 + length, entries


def read_ahead(folder: Path, names: Sequence[str]) -> None:
    """Ask the system, in the background, to read what plain synthesis needs; failures are ignored."""
    threading.Thread(target=advise, args=(folder, names), name="read-ahead", daemon=True).start()


def advise(folder: Path, names: Sequence[str]) -> None:
    """Tell the kernel that the weight files are wanted soon."""
    for name in names:
        try:
            handle = os.open(folder / name, os.O_RDONLY)
        except OSError:
            continue
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_WILLNEED)
        except OSError:
            return
        finally:
            os.close(handle)
