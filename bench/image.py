"""How large the image is, layer by layer: what RunPod pulls (gzip), and what it unpacks to.

`python -m bench.image [--weights FOLDER] [--whole] [--json FILE]`

Docker is not needed. The packages are those installed here, if they are the image's pins; of each,
blocks are compressed as a registry's layers are and the rest is taken to compress likewise
(`--whole`: every byte is). The weights are a baked checkpoint's. The base image is assumed.
"""

import argparse
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from bench.built import BUILT, ROOT, key

__all__ = ["Layer", "layer_of", "main", "pins", "table"]

LEVEL = 6  # gzip's own default, and BuildKit's
BLOCK = 2**20
BLOCKS = 48  # of a package, spread evenly
PULLED, UNPACKED = 5e9, 8e9  # bytes that the image may have
BASE = (150e6, 50e6)  # python:3.11-slim-bookworm, unpacked and pulled: assumed, rounded up
CODE = ("segmenter", "encoder", "worker", "LICENSE")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, or a part of one; sizes in bytes."""

    name: str
    unpacked: float
    pulled: float
    how: str


def layer_of(name: str, files: Iterable[Path], *, whole: bool = False) -> Layer:
    """Return the layer that these files make; sizes are exact, compression is that of a sample."""
    sizes = {file: file.stat().st_size for file in files if file.is_file()}
    total = sum(sizes.values())
    step = 1 if whole else max(1, -(-total // (BLOCKS * BLOCK)))  # every step-th block is compressed
    seen = packed = number = 0
    for file, size in sizes.items():
        with file.open("rb") as source:
            for at in range(0, size, BLOCK):
                if number % step == 0:
                    source.seek(at)
                    block = source.read(BLOCK)
                    seen += len(block)
                    packed += len(zlib.compress(block, LEVEL))
                number += 1
    share = packed / seen if seen else 0.0
    how = "measured" if step == 1 else f"measured, {seen / total:.0%} of it compressed"
    return Layer(name, total, total * share, how)


def pins(folder: Path) -> dict[str, str]:
    """Return what the image installs, version by name, from the lists in `folder`, as its Dockerfile does."""
    left_out = [re.compile(line) for line in (folder / "not-in-image.txt").read_text().split()]
    lines = [
        line for name in ("worker", "chatterbox") for line in (folder / f"{name}.txt").read_text().split("\n")
    ]
    kept = [line for line in lines if "==" in line and not any(each.match(line) for each in left_out)]
    return dict(line.split("==", 1) for line in kept)


def packages(*, whole: bool) -> list[Layer]:
    """Return a part of the layer of packages for each pin.

    Raises:
        SystemExit: One is not installed here in the image's version.
    """
    made = []
    for name, version in pins(ROOT / "requirements").items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed: make setup") from None
        if found.version != version:
            raise SystemExit(f"{name} is {found.version} here and {version} in the image: make setup")
        made.append(layer_of(name, [Path(str(file.locate())) for file in found.files or ()], whole=whole))
    return made


def files_below(*paths: Path) -> list[Path]:
    """Return every file of these folders and files."""
    return [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]


def joined(name: str, parts: Sequence[Layer], how: str = "") -> Layer:
    """Return parts as one layer."""
    return Layer(name, sum(part.unpacked for part in parts), sum(part.pulled for part in parts), how)


def table(layers: Sequence[Layer]) -> list[str]:
    """Return lines: each layer, then the image beside what it may have; in gigabytes."""
    whole = joined("image", layers)
    lines = [f"{'':12} {'unpacked':>9} {'pulled':>9}  GB"]
    lines += [
        f"{each.name:12} {each.unpacked / 1e9:9.2f} {each.pulled / 1e9:9.2f}  {each.how}".rstrip()
        for each in [*layers, whole]
    ]
    holds = whole.unpacked <= UNPACKED and whole.pulled <= PULLED
    lines.append(
        f"{'at most':12} {UNPACKED / 1e9:9.2f} {PULLED / 1e9:9.2f}  {'holds' if holds else 'MISSED'}"
    )
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser("python -m bench.image", description=__doc__)
    parser.add_argument("--weights", type=Path, default=BUILT / f"full-{key()}-bf16", help="baked")
    parser.add_argument("--whole", action="store_true", help="compress every byte (minutes)")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    given = parser.parse_args()
    parts = packages(whole=given.whole)
    layers = [
        Layer("base", *BASE, "assumed"),
        joined("packages", parts, "measured" if given.whole else "measured, compressed in part"),
    ]
    if given.weights.is_dir():
        layers.append(layer_of("weights", files_below(given.weights), whole=given.whole))
    else:
        print(f"The weights are left out: {given.weights} is not a folder (bench.chatterbox bakes one).")
    layers.append(layer_of("code", files_below(*(ROOT / name for name in CODE)), whole=given.whole))
    print("The largest packages, unpacked and pulled, in MB:")
    for part in sorted(parts, key=lambda part: -part.unpacked)[:12]:
        print(f"  {part.name:<28} {part.unpacked / 1e6:7.0f} {part.pulled / 1e6:7.0f}  {part.how}")
    print("", *table(layers), sep="\n")
    if given.json:
        given.json.write_text(json.dumps([asdict(layer) for layer in layers], indent=1) + "\n")


if __name__ == "__main__":
    main()
