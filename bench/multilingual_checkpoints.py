"""Checkpoints of random weights that look like the released multilingual one, for tests and benchmarks.

`python -m bench.multilingual_checkpoints FOLDER [--size tiny|full] [--cloning]`. The tokenizer, the table of
Cangjie keys and the model that finds Chinese words are stand-ins of the same form: grapheme by grapheme
over all scripts, made-up keys, five sentences learned.
"""

import contextlib
import importlib
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

from bench.built import BUILT, ROOT, once
from bench.checkpoints import MANIFEST, Size, command, made, save, write_json
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.entry import (
    CANGJIE_FILE,
    MULTILINGUAL,
    MULTILINGUAL_V2,
    TOKENIZER_FILE,
    WORDS_FOLDER,
)
from worker.engines.chatterbox.multilingual.text import LANGUAGES

__all__ = ["build", "build_once"]

T3_PROMPT = 150
START_ID = 255
BLOCKS = (
    (0x21, 0x5A), (0x5B, 0x7F), (0xA1, 0x180), (0x2B0, 0x370), (0x370, 0x3CF), (0x400, 0x482), (0x5B0, 0x5F3),
    (0x60C, 0x6D5), (0x900, 0x970), (0x1100, 0x1113), (0x1161, 0x1176), (0x11A8, 0x11C3), (0x2010, 0x2027),
    (0x3001, 0x3020), (0x3041, 0x3100), (0xFF01, 0xFF21),
)  # fmt: skip
LEARNED = (
    "今天 天气 很 好 。",
    "我 去 北京 。",
    "他 喜欢 喝 茶 。",
    "我们 明天 去 上海 。",
    "北京 天气 很 冷 。",
)


def build_once(size: Size = "full", root: Path = BUILT) -> Path:
    """Return the folder of a random checkpoint of this size under `root`, built if it is not there."""
    return once(f"multilingual-{size}", lambda part: build(part, size), root)


def build(
    folder: Path, size: Size = "tiny", seed: int = 0, *, cloning: bool = False, model: Model = MULTILINGUAL
) -> Path:
    """Write a whole checkpoint of random weights and return its folder.

    Args:
        folder: Made with its parents; removed again if the build fails.
        size: "tiny" (100 MB, a second) or "full" (3.2 GB, a minute).
        seed: The same seed gives the same weights.
        cloning: Add the speech tokenizer and the speaker encoder to a tiny one too (0.5 GB).
        model: one of the multilingual ones.
    """
    with made(folder):
        write_models(folder, size, seed, model, cloning=cloning)
        tokenizer().save(str(folder / TOKENIZER_FILE))
        keys = [f"{chr(code)}\t{made_up(code)}" for code in range(0x4E00, 0xA000)]
        write_json(folder / CANGJIE_FILE, keys)
        if importlib.util.find_spec("spacy_pkuseg") is not None:
            learn_words(folder / WORDS_FOLDER)
        write_json(folder / "manifest.json", {**MANIFEST, "size": size, "seed": seed})
    return folder


def write_models(folder: Path, size: Size, seed: int, model: Model, *, cloning: bool) -> None:
    """Write the models and the voice under upstream's names."""
    upstream = importlib.import_module("bench.upstream")  # several seconds: only where something is built
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        save(upstream.llama(size), folder / model.t3_file)
        s3gen = upstream.s3gen(size, cloning=cloning, meanflow=False).state_dict()
        unasked = () if cloning or size == "full" else ("tokenizer.",)
        kept = {name: tensor for name, tensor in s3gen.items() if not name.startswith(unasked)}
        torch.save(kept, folder / model.s3_files[-1])
        torch.save(upstream.voice_encoder().state_dict(), folder / model.voice_encoder)
    voice = upstream.conditionals(size, torch.Generator().manual_seed(seed), T3_PROMPT)
    torch.save(voice, folder / "conds.pt")


def specials() -> list[str]:
    """Return the tokens up to START, at the places that the model's own have."""
    named = ["[STOP]", "[UNK]", "[SPACE]", "[PAD]", "[SEP]", "[CLS]", "[MASK]"]
    named += [f"[{language}]" for language in sorted(LANGUAGES)]
    named += [f"[cj_{key}]" for key in "abcdefghijklmnopqrstuvwxyz0123456789."]
    return [*named, *(f"[unused{number}]" for number in range(len(named), START_ID)), "[START]"]


def corpus() -> Iterator[str]:
    """Yield words in every script."""
    for file in sorted((ROOT / "segmenter/words/tables").glob("*.toml")):
        yield from file.read_text(encoding="utf-8").lower().splitlines()


def tokenizer() -> Any:
    """Return a tokenizer of the released one's form: BPE over graphemes, cut at white space."""
    made = Tokenizer(models.BPE(unk_token="[UNK]"))  # noqa: S106 - a token of the vocabulary
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    alphabet = [chr(code) for first, end in BLOCKS for code in range(first, end)]
    trainer = trainers.BpeTrainer(
        vocab_size=2400,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        special_tokens=[AddedToken(token, normalized=False) for token in specials()],
        show_progress=False,
    )
    made.train_from_iterator(corpus(), trainer)
    return made


def made_up(code: int) -> str:
    """Return keys that three characters share."""
    number, keys = code // 3, ""
    while number:
        number, key = divmod(number, 26)
        keys += chr(ord("a") + key)
    return keys


def learn_words(folder: Path) -> None:
    """Write a model of spacy-pkuseg that has seen a few sentences."""
    pkuseg: Any = importlib.import_module("spacy_pkuseg")
    corpus_file = folder.with_suffix(".utf8")
    corpus_file.write_text("\n".join(LEARNED * 20) + "\n", encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        pkuseg.train(str(corpus_file), str(corpus_file), str(folder), train_iter=3)
    corpus_file.unlink()


if __name__ == "__main__":
    command(__doc__, build, (MULTILINGUAL, MULTILINGUAL_V2))
