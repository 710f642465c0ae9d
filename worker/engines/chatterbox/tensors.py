"""A checkpoint's tensors, mapped from its files, and the precisions that they are computed in."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.files import RELEASED_VOICE, VOICE_FILE, Manifest
from worker.engines.chatterbox.linear import Dense, Linear, PackedBf16, Quantized, RowInt8, quantize
from worker.engines.chatterbox.t3 import HEAD, Make
from worker.errors import StartError

__all__ = [
    "CLONING",
    "PRECISIONS",
    "activations",
    "default_voice",
    "maker",
    "map_tensors",
    "pick_precision",
    "vocoder_dtype",
]

PRECISIONS = ("fp32", "bf16", "int8")
CLONING = ("tokenizer.", "speaker_encoder.")  # of S3Gen

Voice = TypeVar("Voice")


def pick_precision(asked: str, manifest: Manifest, device: torch.device) -> str:
    """Return the precision to compute in.

    `auto` is what the checkpoint was baked in, else bfloat16 where the device computes in it. Baked
    bfloat16 is spoken on any CPU, slowly on one without instructions for it: images are built there.

    Raises:
        StartError: The checkpoint or the device cannot give what was asked for.
    """
    baked, is_cpu = manifest.precision, device.type == "cpu"
    fast = not is_cpu or packs_bf16()
    precision = asked if asked != "auto" else baked or ("bf16" if fast else "fp32")
    if precision == "int8" and not (is_cpu and torch.cpu._is_vnni_supported()):  # noqa: SLF001 - likewise
        raise StartError("TTS_PRECISION=int8 needs a CPU with VNNI instructions: use bf16")
    if precision == "bf16" and not fast and baked is None:
        raise StartError("this CPU does not compute in bfloat16: set TTS_PRECISION=fp32")
    rank = {"int8": 0, "bf16": 1, "fp32": 2, None: 2}
    if rank[precision] > rank[baked]:
        raise StartError(
            f"the checkpoint was baked in {baked}, which cannot become {precision}: bake it again"
        )
    return precision


def packs_bf16() -> bool:
    """Whether this CPU has instructions for bfloat16."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - the only name it has


def activations(precision: str) -> torch.dtype:
    """Return the dtype of what flows through T3."""
    return torch.bfloat16 if precision == "bf16" else torch.float32


def vocoder_dtype(asked: str, precision: str, device: torch.device) -> torch.dtype:
    """Return what the vocoder computes in, for its setting and the precision of the rest.

    How much bfloat16 is heard there depends on the weights, and was not measured on the released ones. The
    vocoder is a third of S3Gen's arithmetic: a GPU has it to spare, a CPU has not.
    """
    single = asked == "fp32" or precision == "fp32" or (asked == "auto" and device.type == "cuda")
    return torch.float32 if single else torch.bfloat16


def maker(
    tensors: Mapping[str, Tensor], precision: str, device: torch.device, *, transposed: bool = False
) -> Make:
    """Return what makes T3's matrix products in a precision; one without a stored bias gets zeros.

    Weights are stored as they are multiplied, [out, in]; `transposed` ones, but the head's, as [in, out].
    """

    def make(name: str) -> Linear:
        weight, scales = tensors[f"{name}.weight"], tensors.get(f"{name}.scales")
        weight = weight.t() if transposed and name != HEAD else weight
        dtype = activations(precision)
        bias = tensors.get(f"{name}.bias", torch.zeros(len(weight), dtype=dtype, device=device))
        if precision == "int8":
            return RowInt8(quantize(weight) if scales is None else Quantized(weight, scales), bias)
        if precision == "bf16" and device.type == "cpu" and packs_bf16():
            return PackedBf16(weight, bias)
        return Dense(weight.to(device, dtype), bias.to(device, dtype))

    return make


def map_tensors(file: Path, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Return a file's tensors by name, mapped: of safetensors, or of a pickle (`.pt`) of tensors alone.

    Raises:
        StartError: The file is missing, cut short, or something else.
    """
    try:
        if file.suffix == ".pt":
            return map_pickle(file, without)
        with safe_open(file, "pt") as opened:  # type: ignore[no-untyped-call]  # the package is untyped
            names = [name for name in opened.keys() if not name.startswith(without)]  # noqa: SIM118 - no mapping
            return {name: opened.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise StartError(f"{file} is missing: set TTS_MODEL_DIR to a folder with the weights") from error
    except (SafetensorError, OSError) as error:
        raise StartError(
            f"{file} is not a whole safetensors file ({error}): fetch or bake it again"
        ) from error


def map_pickle(file: Path, without: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the tensors of a pickle that torch wrote; raises FileNotFoundError, and StartError as above."""
    try:
        found: Any = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises several kinds
        raise StartError(
            f"{file} is not a file of tensors ({type(error).__name__}): fetch it again"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise StartError(f"{file} holds something else than tensors: fetch it again")
    return {name: tensor for name, tensor in found.items() if not name.startswith(without)}


def default_voice(folder: Path, read: Callable[[Mapping[str, Tensor]], Voice]) -> Voice:
    """Return what `read` makes of the tensors of a checkpoint's own voice, as baked or as released.

    Raises:
        StartError: There is no such voice, or its file is damaged.
    """
    baked, released = folder / VOICE_FILE, folder / RELEASED_VOICE
    if not baked.is_file() and not released.is_file():
        raise StartError(f"{folder} has no default voice: {RELEASED_VOICE} or {VOICE_FILE} is missing")
    try:
        if baked.is_file():
            return read(map_tensors(baked))
        return read(Conditioning.from_upstream(released).tensors())
    except StartError:
        raise
    except Exception as error:  # torch and safetensors raise several kinds
        raise StartError(f"the default voice in {folder} cannot be read ({type(error).__name__})") from error
