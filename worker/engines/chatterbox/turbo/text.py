"""Text as the model was trained to read it, and its tokens.

Upstream's `punc_norm` (chatterbox/tts_turbo.py) but for five things. Empty text gets no sentence of its own.
A colon becomes a comma only where something ends (not in `10:30`, `https://`). Double quotes are left out:
the model sighs at them (github.com/resemble-ai/chatterbox, #433). Tags become the model's own, or are left
out. A segment that was cut inside a sentence ends with a comma and begins without a capital.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from segmenter.atoms import TAG
from worker.errors import StartError

__all__ = ["TAGS", "TOKENIZER", "load_tokenizer", "prepared", "tagged"]

TOKENIZER = "tokenizer.json"  # of a baked checkpoint
PLAIN = str.maketrans({"—": "-", "–": "-", "“": None, "”": None, '"': None, "‘": "'", "’": "'"})
COLON = re.compile(r":(?=[\s)\]']|\Z)")
CLOSING = re.compile(rf"(?:\s|[)\]']|{TAG.pattern})+\Z")  # what may stand behind an end
ENDS = (".", "!", "?", ",", "-", ";")
# The tags that there are: single tokens of the released tokenizer, after GPT-2's 50,257, in this order.
TAGS = (
    "[angry]", "[fear]", "[surprised]", "[whispering]", "[advertisement]", "[dramatic]", "[narration]",
    "[crying]", "[happy]", "[sarcastic]", "[clear throat]", "[sigh]", "[shush]", "[cough]", "[groan]",
    "[sniff]", "[gasp]", "[chuckle]", "[laugh]",
)  # fmt: skip
ASIDE = 2  # words of a bracket that is taken for a tag; a longer one is read


def prepared(text: str, *, begins_inside: bool = False, ends_inside: bool = False) -> str:
    """Return a segment with a capital first, plain punctuation, single spaces and an end.

    Args:
        text: with the model's own tags alone, see `tagged`.
        begins_inside: a sentence began before it, so that it begins without a capital of ours.
        ends_inside: its last sentence goes on after it, so that an end of ours is a comma.
    """
    plain = " ".join(text.replace("…", ", ").translate(PLAIN).split())
    plain = COLON.sub(",", plain).replace(" ,", ",")
    if not plain:
        return ""
    plain = plain if begins_inside else plain[0].upper() + plain[1:]
    if CLOSING.sub("", plain).endswith(ENDS):
        return plain
    return plain + ("," if ends_inside else ".")


def tagged(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text with the model's own tags alone, and the others.

    `[Laughs]` becomes `[laugh]`. What else is a word or two in brackets is left out, unless nothing else is
    there to speak; a longer bracket is no tag, and its words are read.
    """
    left_out: list[str] = []

    def known(match: re.Match[str]) -> str:
        words = match[0][1:-1].lower().split()
        found = next((tag for tag in forms(words) if tag in TAGS), None)
        if found is None and len(words) <= ASIDE:
            left_out.append(match[0])
            return " "
        return found or f" {match[0][1:-1]} "

    spoken = TAG.sub(known, text)
    if any(letter.isalnum() for letter in spoken):
        return spoken, tuple(left_out)
    return TAG.sub(lambda match: match[0][1:-1], text), ()


def forms(words: Sequence[str]) -> list[str]:
    """Return the tags that words may stand for: themselves, and without what makes `laughs` of `laugh`."""
    return [f"[{' '.join(word.removesuffix(end) for word in words)}]" for end in ("", "s", "ing", "es", "ed")]


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
