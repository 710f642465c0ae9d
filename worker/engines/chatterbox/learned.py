"""The file of a learned voice: what it says of itself, and how it is named."""

import json
import re

__all__ = ["UNFIT", "labels"]

UNFIT = re.compile(r"[^A-Za-z0-9_-]+")  # for a file's name


def labels(data: bytes) -> dict[str, str]:
    """Return what a safetensors file says of itself; raises ValueError where it is none."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + min(size, len(data))])
    return dict(header.get("__metadata__", {})) if isinstance(header, dict) else {}
