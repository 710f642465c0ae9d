"""A checkpoint, mapped and checked: T3, S3Gen, tokenizer and the default voice, ready to speak.

Nothing is built to be overwritten and nothing is copied that is used as it is stored: pages of the
files are read when they are first touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.files import RELEASED_VOICE, S3_FILE, T3_FILE, VOICE_FILE, Manifest
from worker.engines.chatterbox.linear import Dense, Linear, PackedBf16, Quantized, RowInt8, quantize
from worker.engines.chatterbox.s3gen import S3Gen
from worker.engines.chatterbox.turbo.t3 import HEAD, T3, Make, check_shapes
from worker.engines.chatterbox.turbo.text import load_tokenizer
from worker.engines.chatterbox.turbo.voice import TurboVoice
from worker.errors import StartError

__all__ = ["PRECISIONS", "TurboModels", "load", "map_tensors", "pick_precision"]

PRECISIONS = ("fp32", "bf16", "int8")
UNUSED = ("tfmr.wte.", "text_head.")  # of T3: never read when speaking
CLONING = ("tokenizer.", "speaker_encoder.")  # of S3Gen


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
    voice = default_voice(folder, precision)
    return TurboModels(t3, s3gen, load_tokenizer(folder), voice, manifest, precision)


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


def product(
    weight: Tensor, bias: Tensor, scales: Tensor | None, precision: str, device: torch.device
) -> Linear:
    """Return the product with weights [out, in] in a precision; `scales` where they were quantised before."""
    if precision == "int8":
        return RowInt8(quantize(weight) if scales is None else Quantized(weight, scales), bias)
    if precision == "bf16" and device.type == "cpu" and packs_bf16():
        return PackedBf16(weight, bias)
    dtype = activations(precision)
    return Dense(weight.to(device, dtype), bias.to(device, dtype))


def map_tensors(file: Path, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Return a file's tensors by name, mapped.

    Raises:
        StartError: The file is missing, cut short, or no safetensors file.
    """
    try:
        with safe_open(file, "pt") as opened:  # type: ignore[no-untyped-call]  # the package is untyped
            names = [name for name in opened.keys() if not name.startswith(without)]  # noqa: SIM118 - no mapping
            return {name: opened.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise StartError(f"{file} is missing: set TTS_MODEL_DIR to a folder with the weights") from error
    except (SafetensorError, OSError) as error:
        raise StartError(f"{file} is no whole safetensors file ({error}): fetch or bake it again") from error


def default_voice(folder: Path, precision: str) -> TurboVoice:
    """Return the voice that the checkpoint comes with.

    Raises:
        StartError: There is none, or its file is damaged.
    """
    baked, released = folder / VOICE_FILE, folder / RELEASED_VOICE
    try:
        if baked.is_file():
            return TurboVoice.of(map_tensors(baked), precision)
        if released.is_file():
            return TurboVoice(Conditioning.from_upstream(released))
    except StartError:
        raise
    except Exception as error:  # torch and safetensors raise several kinds
        raise StartError(f"the default voice in {folder} cannot be read ({type(error).__name__})") from error
    raise StartError(f"{folder} has no default voice: {RELEASED_VOICE} or {VOICE_FILE} is missing")
