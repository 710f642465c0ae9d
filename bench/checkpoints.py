"""Checkpoints of random weights that look like the released one, for tests and benchmarks.

`python -m bench.checkpoints FOLDER [--model turbo|nano] [--size tiny|full] [--seed N] [--cloning]`
"""

import argparse
import importlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from bench.built import BUILT, ROOT, once
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.nano.entry import NANO
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.engines.chatterbox.turbo.text import TAGS

__all__ = [
    "MANIFEST",
    "Size",
    "build",
    "build_once",
    "command",
    "made",
    "save",
    "write_json",
]

Size = Literal["tiny", "full"]

TINY_TEXT_IDS = 400
END = "<|endoftext|>"
MANIFEST = {"random": True, "tokens_per_character": 1.6}  # random weights almost never stop by themselves


def build_once(size: Size = "full", root: Path = BUILT, model: Model = TURBO) -> Path:
    """Return the folder of a random checkpoint of this size under `root`, built if it is not there."""
    name = size if model is TURBO else f"{model.short}-{size}"
    return once(name, lambda part: build(part, size, model=model), root)


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder with its parents, and remove it again if what fills it fails."""
    folder.mkdir(parents=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder)
        raise


def build(
    folder: Path, size: Size = "tiny", seed: int = 0, *, cloning: bool = False, model: Model = TURBO
) -> Path:
    """Write a whole checkpoint of random weights and return its folder.

    Args:
        folder: Made with its parents; removed again if the build fails.
        size: "tiny" (100 MB, a second) or "full" (3 GB, a minute).
        seed: The same seed gives the same weights.
        cloning: Add the speech tokenizer and the speaker encoder to a tiny one too (0.5 GB).
        model: Turbo, or one of the same make.
    """
    with made(folder):
        write_models(folder, size, seed, model, cloning=cloning)
        write_tokenizer(folder)
        write_json(folder / "manifest.json", {**MANIFEST, "size": size, "seed": seed})
    return folder


def write_models(folder: Path, size: Size, seed: int, model: Model, *, cloning: bool) -> None:
    """Write the models and the voice under upstream's names."""
    upstream = importlib.import_module("bench.upstream")  # several seconds: only where something is built
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save(upstream.t3(size, model.short), folder / model.t3_file)
        s3gen = upstream.s3gen(size, cloning=cloning).state_dict()
        unasked = () if cloning or size == "full" else ("tokenizer.",)
        save_tensors(
            {name: value for name, value in s3gen.items() if not name.startswith(unasked)},
            folder / model.s3_files[-1],
        )
        save(upstream.voice_encoder(), folder / model.voice_encoder)
    voice = upstream.conditionals(size, torch.Generator().manual_seed(seed))
    torch.save(voice, folder / "conds.pt")


def save(model: torch.nn.Module, file: Path) -> None:
    """Write a model's weights."""
    save_tensors(model.state_dict(), file)


def save_tensors(tensors: Mapping[str, torch.Tensor], file: Path) -> None:
    """Write tensors, each with memory of its own, as the format wants it."""
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, file)


def write_tokenizer(folder: Path) -> None:
    """Write a small byte-level BPE tokenizer in the files of GPT-2's, with the released one's tags."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TINY_TEXT_IDS - len(TAGS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    )
    tokenizer.train_from_iterator([(ROOT / "LICENSE").read_text()], trainer)
    tokenizer.model.save(str(folder))
    first = tokenizer.get_vocab_size()
    write_json(folder / "added_tokens.json", {tag: first + place for place, tag in enumerate(TAGS)})
    ends = {"bos_token": END, "eos_token": END, "unk_token": END}
    write_json(folder / "special_tokens_map.json", ends)
    settings = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": False, "model_max_length": 1024}
    added = {str(first + place): added_token(tag) for place, tag in enumerate(TAGS)}
    write_json(folder / "tokenizer_config.json", {**settings, **ends, "added_tokens_decoder": added})


def added_token(text: str) -> dict[str, Any]:
    """Describe a token that is found before anything is cut."""
    plain = dict.fromkeys(("lstrip", "normalized", "rstrip", "single_word", "special"), False)
    return {"content": text, **plain}


def write_json(file: Path, value: object) -> None:
    """Write a value as JSON."""
    file.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def command(description: str | None, build: Callable[..., Path], models: Sequence[Model]) -> None:
    """Build what the command line asks for, of one of these models."""
    asked = argparse.ArgumentParser(description=description)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--size", choices=("tiny", "full"), default="tiny")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--cloning", action="store_true")
    by_name = {model.short: model for model in models}
    asked.add_argument("--model", choices=by_name, default=models[0].short)
    options = asked.parse_args()
    model = by_name[options.model]
    build(options.folder, options.size, options.seed, cloning=options.cloning, model=model)


if __name__ == "__main__":
    command(__doc__, build, (TURBO, NANO))
