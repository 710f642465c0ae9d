"""A checkpoint's outline in one small file, and random weights grown from it where upstream is not installed.

`python -m bench.outlines describe FOLDER FILE`, then anywhere with torch `python -m bench.outlines grow FILE
FOLDER`. A random checkpoint of 1.1 GB travels so as 0.1 MB; how long a model takes does not depend on them.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

__all__ = ["described", "grow"]

SKIPPED = ("cloning.safetensors",)  # only read to learn a voice
SCALE = 0.02  # of weights, as models are begun with
IDS = 6000  # whole numbers are speech tokens


def described(folder: Path) -> dict[str, Any]:
    """Return each file's tensors as [dtype, shape] by name, or its text where it is JSON."""
    outline: dict[str, Any] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix == ".json":
            outline[file.name] = file.read_text(encoding="utf-8")
        elif file.suffix == ".safetensors" and file.name not in SKIPPED:
            with safe_open(file, "pt") as stored:  # type: ignore[no-untyped-call]  # safetensors' own lack
                slices = {name: stored.get_slice(name) for name in stored.keys()}  # noqa: SIM118 - no mapping
                outline[file.name] = {
                    name: [each.get_dtype(), each.get_shape()] for name, each in slices.items()
                }
    return outline


def grow(outline: dict[str, Any], folder: Path) -> None:
    """Write a folder of random weights of this outline."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    for name, content in outline.items():
        if isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        else:
            tensors = {key: random(dtype, shape, generator) for key, (dtype, shape) in content.items()}
            save_file(tensors, folder / name)


def random(dtype: str, shape: list[int], generator: torch.Generator) -> Tensor:
    """Return a random tensor; `dtype` by safetensors' name."""
    if dtype in {"F32", "F16", "BF16"}:
        kind = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[dtype]
        return (torch.randn(shape, generator=generator) * SCALE).to(kind)
    if dtype == "I8":
        return torch.randint(-127, 128, shape, generator=generator, dtype=torch.int8)
    return torch.randint(0, IDS, shape, generator=generator, dtype=torch.int64)


def main() -> None:
    """Describe or grow."""
    asked = argparse.ArgumentParser("python -m bench.outlines", description=__doc__)
    asked.add_argument("what", choices=("describe", "grow"))
    asked.add_argument("given", type=Path, help="a checkpoint's folder, or its outline")
    asked.add_argument("made", type=Path, help="the outline, or a folder that is not there yet")
    options = asked.parse_args()
    if options.what == "describe":
        options.made.write_text(json.dumps(described(options.given)) + "\n", encoding="utf-8")
    else:
        grow(json.loads(options.given.read_text(encoding="utf-8")), options.made)


if __name__ == "__main__":
    main()
