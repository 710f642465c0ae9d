"""Import what the worker and learning a voice import, seeing only the packages that the image holds."""

import importlib
import re
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
OURS = {"chatterpod-worker"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def held() -> set[str]:
    left_out = [re.compile(line) for line in (REQUIREMENTS / "not-in-image.txt").read_text().split()]
    lines = "\n".join((REQUIREMENTS / f"{name}.txt").read_text() for name in ("worker", "chatterbox"))
    pins = [line for line in lines.splitlines() if "==" in line]
    return {plain(pin.split("==")[0]) for pin in pins if not any(each.match(pin) for each in left_out)}


class OnlyTheImage(MetaPathFinder):
    """Hides the modules of every other package."""

    def __init__(self) -> None:
        self.owners = packages_distributions()
        self.held = held() | OURS

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        owners = self.owners.get(name.split(".", maxsplit=1)[0])
        if owners and not self.held & {plain(owner) for owner in owners}:
            raise ModuleNotFoundError(f"the image has no {name}", name=name)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.meta_path.insert(0, OnlyTheImage())
    for module in ("worker.__main__", "runpod", "torchaudio.transforms", "pyloudnorm"):
        importlib.import_module(module)
    cloning = importlib.import_module("worker.engines.chatterbox.cloning")
    numpy = importlib.import_module("numpy")
    for part in ("s3gen/utils/mel.py", "s3tokenizer/s3tokenizer.py", "s3gen/xvector.py"):
        cloning.upstream(part)
    encoder = cloning.upstream("voice_encoder/__init__.py").VoiceEncoder()
    encoder.embeds_from_wavs([numpy.ones(32_000, "float32")], sample_rate=16_000)
