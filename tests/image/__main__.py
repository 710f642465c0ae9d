"""The command: python -m tests.image [MODEL ...]. Build the image with the Docker that is here, and use it.

Each model's image is built from a tiny random checkpoint, which a hub on this machine serves, and used as
RunPod uses it: containers started by localpod, with a volume that outlives them. Containers share the
machine's network, so that they reach the hub and the queue. `make image-check` runs this.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.built import once
from tests.conftest import make
from tests.image.containers import Image, NoDockerError, docker, require_docker
from tests.image.registry import pulled_bytes
from tests.image.uses import USES
from tests.kits.hub import serving
from worker.engines.chatterbox.catalogue import MODELS
from worker.engines.chatterbox.model import Model

IMAGES = ("turbo", "nano", "multilingual")
BUILDERS = {
    "turbo": ("checkpoints", "--cloning"),
    "nano": ("checkpoints", "--model", "nano", "--cloning"),
    "multilingual": ("multilingual_checkpoints", "--cloning"),
}


@contextmanager
def hub_of(name: str, model: Model) -> Iterator[str]:
    """Serve a model's tiny random checkpoint as its repository on the hub; yield the hub's address."""
    builder, *options = BUILDERS[name]
    folder = once(f"image-{name}", lambda part: make(builder, part, *options))
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name in model.released}
    with serving(files, model.repository) as hub:
        yield hub.url


def build(name: str, arguments: list[str]) -> Image:
    """Build the image of a model; print how long that took."""
    tag = f"chatterpod:check-{name}"
    with hub_of(name, MODELS[f"chatterbox-{name}"]) as hub:
        given = {"MODEL": name, "WEIGHTS": "main", "HF_ENDPOINT": hub}
        options = [word for pair in given.items() for word in ("--build-arg", "=".join(pair))]
        options += [word for argument in arguments for word in ("--build-arg", argument)]
        began = time.monotonic()
        docker("build", "--network", "host", "-f", "Dockerfile.serverless", "-t", tag, *options, ".")
    image = Image(tag, f"chatterbox-{name}")
    line(f"built in {(time.monotonic() - began) / 60:.1f} min, {image.unpacked() / 1e9:.2f} GB unpacked")
    for size, step in image.layers():
        line(f"  {size / 1e6:9.1f} MB  {step}")
    if (pulled := pulled_bytes(image)) is None:
        line("pull size: not measured, no registry here (Debian: apt-get install docker-registry)")
    else:
        line(f"pulled: {sum(pulled) / 1e9:.2f} GB; after a change of our code {pulled[-1] / 1e6:.1f} MB")
    return image


def use(image: Image) -> int:
    """Use an image in each way; print a line each; return how many failed."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="image-") as folder:
        for name, way in USES.items():
            began = time.monotonic()
            try:
                found = way(image, Path(folder))
            except (AssertionError, OSError, RuntimeError, KeyError) as error:
                found, failed = f"FAILED: {type(error).__name__}: {error}", failed + 1
            line(f"{name}: {found or 'as it should be'} ({time.monotonic() - began:.1f} s)")
    return failed


def line(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Build and use the images; return 1 if anything failed, 2 where there is no Docker."""
    parser = argparse.ArgumentParser(prog="tests.image", description="Build the image and use it.")
    parser.add_argument("models", nargs="*", default=IMAGES, help=f"of {', '.join(IMAGES)} (default: all)")
    parser.add_argument("--build-arg", action="append", default=[], help="such as PYTHON=3.11-slim-bookworm")
    parser.add_argument("--json", type=Path, help="write the sizes there")
    given = parser.parse_args(arguments)
    try:
        require_docker()
    except NoDockerError as error:
        line(str(error))
        return 2
    failed, sizes = 0, {}
    for name in given.models:
        line(f"== {name}")
        image = build(name, given.build_arg)
        sizes[name] = {"unpacked": image.unpacked(), "layers": image.layers()}
        failed += use(image)
    if given.json:
        given.json.write_text(json.dumps(sizes, indent=1), encoding="utf-8")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
