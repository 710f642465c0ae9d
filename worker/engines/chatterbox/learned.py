"""The file of a learned voice: how it is named, and what it says of itself."""

import json
import re

from worker.engines.chatterbox.files import Manifest

__all__ = ["check_labels", "labels", "recipe"]

UNFIT = re.compile(r"[^A-Za-z0-9_-]+")  # for a file's name


def recipe(model: str, manifest: Manifest, precision: str) -> str:
    """Return the file's name: the model, weights and precision that a learned voice depends on."""
    weights = manifest.name or manifest.revision or "released"
    return f"{model}-{UNFIT.sub('-', weights)}-{precision}.safetensors"


def labels(voice: str, recipe: str) -> dict[str, str]:
    """Return what the file of a voice, by its clip's SHA-256, says of itself."""
    return {"clip": voice, "recipe": recipe}


def check_labels(data: bytes, voice: str, recipe: str) -> None:
    """Check that a safetensors file is that of the voice.

    Raises:
        ValueError: The data are damaged, or of another clip, weights or precision.
    """
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + min(size, len(data))])
    found = header.get("__metadata__") if isinstance(header, dict) else None
    if found != labels(voice, recipe):
        raise ValueError("of another clip, weights or precision")
