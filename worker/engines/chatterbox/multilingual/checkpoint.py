"""The multilingual checkpoint, mapped and checked: T3, S3Gen, text reader and default voice, ready to speak.

The released S3Gen is a pickle, read as tensors only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.files import Manifest
from worker.engines.chatterbox.linear import Linear
from worker.engines.chatterbox.multilingual.files import RELEASED_S3_FILE, S3_FILE, T3_FILE
from worker.engines.chatterbox.multilingual.llama import Llama, check_shapes
from worker.engines.chatterbox.multilingual.text import Reader
from worker.engines.chatterbox.s3gen import S3Gen
from worker.engines.chatterbox.t3 import Make
from worker.engines.chatterbox.tensors import (
    CLONING,
    activations,
    default_voice,
    map_tensors,
    pick_precision,
    product,
)
from worker.errors import StartError

__all__ = ["UNUSED", "MultilingualModels", "load", "maker", "map_pickle", "s3_tensors"]

UNUSED = ("tfmr.embed_tokens.", "text_head.")  # of T3: never read when speaking


@dataclass(frozen=True, slots=True)
class MultilingualModels:
    """All that speaking needs, on one device."""

    llama: Llama
    s3gen: S3Gen
    reader: Reader
    voice: Conditioning  # the default one
    manifest: Manifest
    precision: str


def load(folder: Path, device: torch.device, precision: str = "auto") -> MultilingualModels:
    """Load a checkpoint.

    Raises:
        StartError: A file is missing, damaged, of another model or of another precision; the
            message is one line that says what to do.
    """
    manifest = Manifest.read(folder)
    precision = pick_precision(precision, manifest, device)
    tensors = map_tensors(folder / T3_FILE, UNUSED)
    check_shapes(tensors)
    llama = Llama(tensors, maker(tensors, precision, device), activations(precision), device)
    s3_dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    s3gen = S3Gen.load(s3_tensors(folder, CLONING), device=device, dtype=s3_dtype)
    voice = default_voice(folder, Conditioning.of)
    return MultilingualModels(llama, s3gen, Reader(folder), voice, manifest, precision)


def s3_tensors(folder: Path, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Return S3Gen's tensors, as baked or as released; raises StartError."""
    if (folder / S3_FILE).is_file():
        return map_tensors(folder / S3_FILE, without)
    found = map_pickle(folder / RELEASED_S3_FILE)
    return {name: tensor for name, tensor in found.items() if not name.startswith(without)}


def map_pickle(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a pickle that torch wrote, mapped.

    Raises:
        StartError: The file is missing, damaged, or holds anything but tensors.
    """
    try:
        found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError as error:
        raise StartError(f"{file} is missing: set TTS_MODEL_DIR to a folder with the weights") from error
    except Exception as error:  # torch raises several kinds
        raise StartError(
            f"{file} is not a file of tensors ({type(error).__name__}): fetch it again"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise StartError(f"{file} holds something else than tensors: fetch it again")
    return found


def maker(tensors: Mapping[str, Tensor], precision: str, device: torch.device) -> Make:
    """Return what makes T3's matrix products in a precision; none of them has a bias."""

    def make(name: str) -> Linear:
        weight = tensors[f"{name}.weight"]
        bias = torch.zeros(len(weight), dtype=activations(precision), device=device)
        return product(weight, bias, tensors.get(f"{name}.scales"), precision, device)

    return make
