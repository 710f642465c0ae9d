"""Text as the model was trained to read it, and its tokens.

Upstream's `punc_norm` (chatterbox/tts_turbo.py) without what harms: no sentence of its own for
empty text, no comma for a colon (`10:30`, `https://`), no full stop behind a tag or a closing quote.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from worker.errors import StartError

__all__ = ["TOKENIZER", "load_tokenizer", "prepared"]

TOKENIZER = "tokenizer.json"  # of a baked checkpoint
PLAIN = str.maketrans({"—": "-", "–": "-", "“": '"', "”": '"', "‘": "'", "’": "'"})
ENDS = re.compile(r"[.!?,\-:;\]\"')]\Z")


def prepared(text: str) -> str:
    """Return a segment with a capital first, plain punctuation, single spaces and an end."""
    plain = " ".join(text.replace("…", ", ").translate(PLAIN).split()).replace(" ,", ",")
    if not plain:
        return ""
    plain = plain[0].upper() + plain[1:]
    return plain if ENDS.search(plain) else plain + "."


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of a checkpoint: `tokenizer.json`, or GPT-2's files with the added tokens.

    Raises:
        StartError: The files are missing or damaged.
    """
    try:
        if (folder / TOKENIZER).is_file():
            return Tokenizer.from_file(str(folder / TOKENIZER))
        return from_gpt2(folder)
    except Exception as error:  # the library raises bare Exceptions
        raise StartError(f"the tokenizer in {folder} cannot be read: {error}") from error


def from_gpt2(folder: Path) -> Tokenizer:
    """Build the byte-level BPE that transformers builds from `vocab.json` and `merges.txt`."""
    model = models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt"))
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    config = read_json(folder / "tokenizer_config.json")
    described = config.get("added_tokens_decoder", {})
    added = {int(number): token for number, token in described.items()}
    for text, number in read_json(folder / "added_tokens.json").items():
        added.setdefault(number, {"content": text})
    for _, token in sorted(added.items()):
        add(tokenizer, token)
    return tokenizer


def add(tokenizer: Tokenizer, token: Mapping[str, Any]) -> None:
    """Add a token that is found before anything is cut."""
    flags = {flag: bool(token.get(flag, False)) for flag in ("single_word", "lstrip", "rstrip", "normalized")}
    found = AddedToken(token["content"], **flags)
    if token.get("special", False):
        tokenizer.add_special_tokens([found])
    else:
        tokenizer.add_tokens([found])


def read_json(file: Path) -> dict[str, Any]:
    """Return an optional file's object."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found
