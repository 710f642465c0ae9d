"""The multilingual model's part of `bake`: its weights, its text readers, its default voice."""

import shutil
from pathlib import Path

from safetensors.torch import save_file

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.files import CLONING_FILE, RELEASED_VOICE, VOICE_FILE, WATERMARK_FILE
from worker.engines.chatterbox.multilingual.checkpoint import UNUSED, map_pickle
from worker.engines.chatterbox.multilingual.files import (
    CANGJIE_FILE,
    RELEASED_S3_FILE,
    RELEASED_VOICE_ENCODER,
    S3_FILE,
    T3_FILE,
    TOKENIZER_FILE,
    WORDS_FOLDER,
)
from worker.engines.chatterbox.multilingual.llama import PRODUCTS, check_shapes
from worker.engines.chatterbox.stored import plain, s3_tensors, t3_tensors
from worker.engines.chatterbox.t3 import HEAD
from worker.engines.chatterbox.tensors import CLONING, map_tensors
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["write_voice", "write_weights"]


def write_weights(source: Path, part: Path, precision: str) -> None:
    """Write the models' tensors and what reads text."""
    t3 = map_tensors(source / T3_FILE, UNUSED)
    check_shapes(t3)
    save_file(t3_tensors(t3, precision, is_product), part / T3_FILE)
    s3gen = map_pickle(source / RELEASED_S3_FILE)
    spoken = {name: tensor for name, tensor in s3gen.items() if not name.startswith(CLONING)}
    save_file(s3_tensors(spoken, precision), part / S3_FILE)
    encoder = map_pickle(source / RELEASED_VOICE_ENCODER)
    cloning = {name: tensor for name, tensor in s3gen.items() if name.startswith(CLONING)}
    save_file(plain(cloning | {f"ve.{name}": each for name, each in encoder.items()}), part / CLONING_FILE)
    Watermark.load().export(part / WATERMARK_FILE)
    shutil.copyfile(source / TOKENIZER_FILE, part / TOKENIZER_FILE)
    if (source / CANGJIE_FILE).is_file():
        shutil.copyfile(source / CANGJIE_FILE, part / CANGJIE_FILE)
    if (source / WORDS_FOLDER).is_dir():
        shutil.copytree(source / WORDS_FOLDER, part / WORDS_FOLDER)
    shutil.copyfile(source / RELEASED_VOICE, part / RELEASED_VOICE)


def write_voice(part: Path) -> None:
    """Write the default voice as tensors, in place of upstream's pickle."""
    save_file(Conditioning.from_upstream(part / RELEASED_VOICE).tensors(), part / VOICE_FILE)
    (part / RELEASED_VOICE).unlink()


def is_product(name: str) -> bool:
    """Whether a tensor of T3 is the weight of a matrix product in every step."""
    return name == f"{HEAD}.weight" or name.removesuffix(".weight").endswith(PRODUCTS)
