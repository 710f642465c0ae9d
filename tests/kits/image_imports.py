"""Import what worker, direct server and learning a voice import, seeing only the image's packages."""

import importlib
import re
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

from bench.image import pins

REQUIREMENTS = Path(__file__).parents[2] / "requirements"
OURS = {"chatterpod-worker", "chatterpod"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def held() -> set[str]:
    return {plain(name) for name in pins(REQUIREMENTS)}


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
    sys.path.remove(str(Path(__file__).parent))  # a kit of the tests has the gateway's name
    sys.meta_path.insert(0, OnlyTheImage())
    for module in ("worker.__main__", "runpod", "gateway.direct", "torchaudio.transforms", "pyloudnorm"):
        importlib.import_module(module)
    cloning = importlib.import_module("worker.engines.chatterbox.cloning")
    numpy = importlib.import_module("numpy")
    for part in ("s3gen/utils/mel.py", "s3tokenizer/s3tokenizer.py", "s3gen/xvector.py"):
        cloning.upstream(part)
    encoder = cloning.upstream("voice_encoder/__init__.py").VoiceEncoder()
    encoder.embeds_from_wavs([numpy.ones(32_000, "float32")], sample_rate=16_000)
