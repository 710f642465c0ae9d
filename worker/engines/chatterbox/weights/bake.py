"""A released checkpoint made ready: `python -m worker.engines.chatterbox.weights.bake SRC DST`, either model.

What plain synthesis never reads goes into a file of its own or is left out, weight norm is folded,
weights are stored in the precision they are used in, and the default voice keeps its prefix. The
manifest names every file's SHA-256. The folder appears whole or not at all.
"""

import argparse
import hashlib
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

try:
    import torch
    from safetensors.torch import save_file
    from torch import Tensor

    from worker.engines.chatterbox.files import (
        CLONING_FILE,
        MANIFEST,
        RELEASED_VOICE,
        S3_FILE,
        T3_FILE,
        VOICE_FILE,
        WATERMARK_FILE,
        Manifest,
    )
    from worker.engines.chatterbox.multilingual import files as multilingual
    from worker.engines.chatterbox.turbo import checkpoint
    from worker.engines.chatterbox.turbo.checkpoint import CLONING, PRECISIONS, UNUSED, map_tensors
    from worker.engines.chatterbox.turbo.t3 import HEAD, check_shapes
    from worker.engines.chatterbox.turbo.text import load_tokenizer
    from worker.engines.chatterbox.watermark import Watermark
    from worker.engines.chatterbox.weights import multilingual as baking
    from worker.engines.chatterbox.weights.stored import plain, s3_tensors, t3_tensors
    from worker.errors import StartError
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"bake: {missing.name} is not installed: pip install -r requirements/chatterbox.txt")

__all__ = ["bake"]

VOICE_ENCODER = "ve.safetensors"
TOKENIZER = "tokenizer.json"
# What is read of the released files, the texts' apart: each tokenizer says what it lacks.
TURBO = (T3_FILE, S3_FILE, VOICE_ENCODER, RELEASED_VOICE)
MULTILINGUAL = (
    multilingual.T3_FILE,
    multilingual.RELEASED_S3_FILE,
    multilingual.RELEASED_VOICE_ENCODER,
    multilingual.TOKENIZER_FILE,
    RELEASED_VOICE,
)
HASHED_AT_ONCE = 2**20  # bytes


def bake(source: Path, target: Path, precision: str = "bf16", say: Callable[[str], None] = print) -> None:
    """Write the checkpoint `source`, as released, to the new folder `target`, in `precision`.

    Raises:
        StartError: The source is damaged or was baked already, or the target exists.
    """
    given = Manifest.read(source)
    if given.precision is not None:
        raise StartError(f"{source} is baked already: bake the released files")
    is_turbo = not multilingual.is_checkpoint(source)
    check_released(source, TURBO if is_turbo else MULTILINGUAL)
    if target.exists():
        raise StartError(f"{target} exists: remove it, or bake to another folder")
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    part.mkdir(parents=True)
    try:
        (write_weights if is_turbo else baking.write_weights)(source, part, precision)
        write_manifest(source, part, precision)
        (write_voice if is_turbo else baking.write_voice)(part)
        write_manifest(source, part, precision)
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    for file in sorted(target.iterdir()):
        say(f"{file.stat().st_size / 1e6:9.1f} MB  {file.name}")


def check_released(source: Path, names: Sequence[str]) -> None:
    """Refuse a folder without a file that is baked; it was named by hand, no setting says where it is."""
    missing = [name for name in names if not (source / name).is_file()]
    if missing:
        raise StartError(
            f"{source} has no {missing[0]}: expected a folder with the released files, as "
            "python -m worker.engines.chatterbox.weights.fetch makes one"
        )


def write_weights(source: Path, part: Path, precision: str) -> None:
    """Write the models' tensors and the tokenizer."""
    t3 = map_tensors(source / T3_FILE, UNUSED)
    check_shapes(t3)
    save_file(t3_tensors(as_products(t3), precision, is_product), part / T3_FILE)
    s3gen = map_tensors(source / S3_FILE)
    spoken = {name: tensor for name, tensor in s3gen.items() if not name.startswith(CLONING)}
    save_file(s3_tensors(spoken, precision), part / S3_FILE)
    cloning = {name: tensor for name, tensor in s3gen.items() if name.startswith(CLONING)}
    encoder = map_tensors(source / VOICE_ENCODER)
    save_file(
        plain(cloning | {f"ve.{name}": tensor for name, tensor in encoder.items()}), part / CLONING_FILE
    )
    load_tokenizer(source).save(str(part / TOKENIZER))
    Watermark.load().export(part / WATERMARK_FILE)
    shutil.copyfile(source / RELEASED_VOICE, part / RELEASED_VOICE)


def as_products(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return T3's tensors with the weights of products as [out, in]."""
    return {
        name: tensor.t() if is_product(name) and not name.startswith(HEAD) else tensor
        for name, tensor in tensors.items()
    }


def is_product(name: str) -> bool:
    """Whether a tensor of T3 is the weight of a matrix product in every step."""
    return name == f"{HEAD}.weight" or name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight"))


def write_voice(part: Path) -> None:
    """Write the default voice with its prefix, computed by the models that were just written."""
    models = checkpoint.load(part, torch.device("cpu"))
    with torch.inference_mode():
        models.voice.prefix(models.t3)
    (part / VOICE_FILE).write_bytes(models.voice.to_bytes(models.precision))
    (part / RELEASED_VOICE).unlink()


def write_manifest(source: Path, part: Path, precision: str) -> None:
    """Write what the folder is and holds; what the source said of itself is carried on."""
    told = source / MANIFEST
    said = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
    files = {file.name: sha256(file) for file in sorted(part.iterdir()) if is_hashed(file)}
    text = json.dumps(said | {"precision": precision, "files": files}, indent=1)
    (part / MANIFEST).write_text(text + "\n", encoding="utf-8")


def is_hashed(file: Path) -> bool:
    """Whether the manifest names an entry of the folder; another package's model checks itself."""
    return file.is_file() and file.name != MANIFEST


def sha256(file: Path) -> str:
    """Return a file's hash, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while data := opened.read(HASHED_AT_ONCE):
            digest.update(data)
    return digest.hexdigest()


def main() -> int:
    """Bake what the command line names; return 1 with one line where that cannot be."""
    parser = argparse.ArgumentParser("python -m worker.engines.chatterbox.weights.bake", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with the released files")
    parser.add_argument("target", type=Path, help="new folder")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16", help="default: bf16")
    asked = parser.parse_args()
    try:
        bake(asked.source, asked.target, asked.precision)
    except (StartError, OSError) as error:
        print(f"bake: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
