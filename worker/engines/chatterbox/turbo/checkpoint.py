"""A checkpoint, mapped and checked: T3, S3Gen, tokenizer and the default voice, ready to speak.

Nothing is built to be overwritten and nothing is copied that is used as it is stored: pages of the
files are read when they are first touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from worker.engines.chatterbox.files import Manifest
from worker.engines.chatterbox.linear import Linear
from worker.engines.chatterbox.s3gen import S3Gen
from worker.engines.chatterbox.t3 import HEAD, Make
from worker.engines.chatterbox.tensors import (
    CLONING,
    activations,
    default_voice,
    map_tensors,
    pick_precision,
    product,
)
from worker.engines.chatterbox.turbo.files import S3_FILE, T3_FILE
from worker.engines.chatterbox.turbo.t3 import T3, check_shapes
from worker.engines.chatterbox.turbo.text import load_tokenizer
from worker.engines.chatterbox.turbo.voice import TurboVoice

__all__ = ["TurboModels", "load"]

UNUSED = ("tfmr.wte.", "text_head.")  # of T3: never read when speaking


@dataclass(frozen=True, slots=True)
class TurboModels:
    """All that speaking needs, on one device."""

    t3: T3
    s3gen: S3Gen
    tokenizer: Tokenizer
    voice: TurboVoice  # the default one
    manifest: Manifest
    precision: str


def load(folder: Path, device: torch.device, precision: str = "auto") -> TurboModels:
    """Load a checkpoint.

    Raises:
        StartError: A file is missing, damaged, of another model or of another precision; the
            message is one line that says what to do.
    """
    manifest = Manifest.read(folder)
    precision = pick_precision(precision, manifest, device)
    tensors = map_tensors(folder / T3_FILE, UNUSED)
    check_shapes(tensors)
    make = maker(tensors, precision, device, baked=manifest.precision is not None)
    t3 = T3(tensors, make, activations(precision), device)
    s3_dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    s3gen = S3Gen.load(map_tensors(folder / S3_FILE, CLONING), device=device, dtype=s3_dtype)
    voice = default_voice(folder, partial(TurboVoice.of, precision=precision))
    return TurboModels(t3, s3gen, load_tokenizer(folder), voice, manifest, precision)


def maker(
    tensors: Mapping[str, Tensor], precision: str, device: torch.device, *, baked: bool = False
) -> Make:
    """Return what makes T3's matrix products in a precision.

    `baked` weights are stored as they are multiplied, [out, in]; GPT-2's are the other way round.
    """

    def make(name: str) -> Linear:
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        weight = weight if baked or name == HEAD else weight.t()
        return product(weight, bias, tensors.get(f"{name}.scales"), precision, device)

    return make
