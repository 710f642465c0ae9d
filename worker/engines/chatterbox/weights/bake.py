"""A released checkpoint made ready: `python -m worker.engines.chatterbox.weights.bake SRC DST`, any model.

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
from collections.abc import Callable, Sequence
from pathlib import Path

try:
    from worker.engines.chatterbox.catalogue import TURBO, check_model, models_in, named
    from worker.engines.chatterbox.files import MANIFEST, Manifest
    from worker.engines.chatterbox.model import Model
    from worker.engines.chatterbox.tensors import PRECISIONS
    from worker.errors import StartError
except ModuleNotFoundError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"bake: {missing.name} is not installed: pip install -r requirements/chatterbox.txt")


__all__ = ["bake", "sha256"]


def bake(source: Path, target: Path, precision: str = "bf16", report: Callable[[str], None] = print) -> None:
    """Write the checkpoint `source`, as released, to the new folder `target`, in `precision`.

    Raises:
        StartError: The source is damaged or was baked already, or the target exists.
    """
    given = Manifest.read(source)
    if given.precision is not None:
        raise StartError(f"{source} is baked already: bake the released files")
    model = model_in(source)
    code = model.imported()
    if target.exists():
        raise StartError(f"{target} exists: remove it, or bake to another folder")
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    part.mkdir(parents=True)
    try:
        code.write_weights(model, source, part, precision)
        write_manifest(model, source, part, precision)
        code.write_voice(model, part)
        write_manifest(model, source, part, precision)
        part.replace(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    for file in sorted(target.iterdir()):
        report(f"{file.stat().st_size / 1e6:9.1f} MB  {file.name}")


def model_in(source: Path) -> Model:
    """Return the model whose released files a folder holds.

    Raises:
        StartError: It holds those of several, or a file of the model is missing or another model's.
    """
    found = models_in(source) or [TURBO]
    if len(found) > 1:
        raise StartError(f"{source} holds the weights of {named(found)}: bake each from a folder of its own")
    check_released(source, found[0].baked_from)
    check_model(source, found[0])
    return found[0]


def check_released(source: Path, names: Sequence[str]) -> None:
    """Refuse a folder without a file that is baked; it was named by hand, no setting says where it is."""
    missing = [name for name in names if not (source / name).is_file()]
    if missing:
        raise StartError(
            f"{source} has no {missing[0]}: expected a folder with the released files, as "
            "python -m worker.engines.chatterbox.weights.fetch makes one"
        )


def write_manifest(model: Model, source: Path, part: Path, precision: str) -> None:
    """Write the folder's manifest: the source's own, with the model, the precision and every file's hash."""
    manifest = source / MANIFEST
    before = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {}
    files = {file.name: sha256(file) for file in sorted(part.iterdir()) if is_hashed(file)}
    text = json.dumps(before | {"model": model.name, "precision": precision, "files": files}, indent=1)
    (part / MANIFEST).write_text(text + "\n", encoding="utf-8")


def is_hashed(file: Path) -> bool:
    """Whether the manifest names an entry of the folder; another package's model checks itself."""
    return file.is_file() and file.name != MANIFEST


def sha256(file: Path) -> str:
    """Return a file's hash, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


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
