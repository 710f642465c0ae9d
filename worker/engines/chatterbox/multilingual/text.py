"""Text as the multilingual model was trained to read it, and its tokens, language by language.

Equal to upstream's `punc_norm` (mtl_tts.py) and `MTLTokenizer` (models/tokenizers/tokenizer.py) with
everything installed that they ask for and that can be had; but for three things. Empty text gets no
sentence of its own, bracketed tags, which the model has no sounds for, are left out, and a segment that was
cut inside a sentence ends with a comma and begins without a capital.

Hebrew goes in without vowel signs and Russian without stress marks, as in upstream, whose call of
dicta-onnx lacks its model, and whose stresser is in no package index; text that has them keeps them.
"""

import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unicodedata import category, normalize

from tokenizers import Tokenizer

from segmenter.atoms import TAG
from worker.engines.chatterbox.multilingual.entry import CANGJIE_FILE, TOKENIZER_FILE, WORDS_FOLDER
from worker.errors import StartError

__all__ = ["LANGUAGES", "MultilingualTokenizer", "lacking", "prepared"]

LANGUAGES = frozenset(
    "ar da de el en es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh".split()  # noqa: SIM905 - a table
)
PLAIN = (
    ("...", ", "), ("…", ", "), (":", ","), (" - ", ", "), (";", ", "), ("—", "-"), ("–", "-"), (" ,", ","),
    ("“", '"'), ("”", '"'), ("‘", "'"), ("’", "'"),
)  # fmt: skip
ENDS = (".", "!", "?", "-", ",", "、", "，", "。", "？", "！")
SPACE = "[SPACE]"
HIRAGANA_PARTICLES = ("は", "へ")  # a reading that begins so is set apart
Rewrite = Callable[[str], str]


def prepared(text: str, *, begins_inside: bool = False, ends_inside: bool = False) -> str:
    """Return a segment with a capital first, plain punctuation, single spaces and an end.

    Args:
        text: of any language.
        begins_inside: a sentence began before it, so that it begins without a capital of ours.
        ends_inside: its last sentence goes on after it, so that an end of ours is a comma.
    """
    plain = " ".join(TAG.sub(" ", text).split())
    if not plain:
        return ""
    capital = plain[0].islower() and not begins_inside
    plain = plain[0].upper() + plain[1:] if capital else plain
    for old, new in PLAIN:
        plain = plain.replace(old, new)
    plain = plain.rstrip(" ")
    return plain if plain.endswith(ENDS) else plain + ("," if ends_inside else ".")


def lacking(folder: Path) -> dict[str, str]:
    """Return what this machine would need to read the languages that it cannot, by language."""
    found = {}
    if importlib.util.find_spec("pykakasi") is None:
        found["ja"] = "the package pykakasi (GPL-3.0; requirements/japanese.txt)"
    if importlib.util.find_spec("spacy_pkuseg") is None:
        found["zh"] = "the package spacy-pkuseg (requirements/multilingual.txt)"
    elif not (folder / WORDS_FOLDER).is_dir():
        found["zh"] = f"the model of spacy-pkuseg, as {WORDS_FOLDER}/ beside the weights"
    elif not (folder / CANGJIE_FILE).is_file():
        found["zh"] = f"{CANGJIE_FILE} beside the weights"
    return found


class MultilingualTokenizer:
    """The tokenizer of a checkpoint; what single languages need is loaded when they are first read."""

    def __init__(self, folder: Path) -> None:
        """Load the tokenizer.

        Raises:
            StartError: Its file is missing, damaged or of another model.
        """
        file = folder / TOKENIZER_FILE
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises bare Exceptions
            raise StartError(f"the tokenizer {file} cannot be read: {error}") from error
        if lost := {"[START]", "[STOP]", SPACE, "[en]"} - set(self._tokenizer.get_vocab()):
            raise StartError(
                f"the tokenizer {file} lacks {', '.join(sorted(lost))}: is it the multilingual one?"
            )
        self._folder = folder
        self._rewrites: dict[str, Rewrite] = {}

    def encode(self, text: str, language: str) -> list[int]:
        """Return the text tokens of prepared text, the language's own first."""
        rewritten = self._rewrite(language)(normalize("NFKD", text.lower()))
        ids: list[int] = self._tokenizer.encode(f"[{language}]{rewritten}".replace(" ", SPACE)).ids
        return ids

    def _rewrite(self, language: str) -> Rewrite:
        if language not in self._rewrites:
            self._rewrites[language] = self._loaded(language)
        return self._rewrites[language]

    def _loaded(self, language: str) -> Rewrite:
        if language == "ko":
            return str.strip  # NFKD has taken the syllables apart
        if language == "ja":
            return hiragana(importlib.import_module("pykakasi").kakasi().convert)
        if language == "zh":
            return Cangjie(self._folder)
        return str


def hiragana(convert: Callable[[str], list[Mapping[str, str]]]) -> Rewrite:
    """Return what writes the readings of words with kanji, and everything else as it is."""

    def rewrite(text: str) -> str:
        return normalize("NFKD", "".join(map(reading, convert(text))))

    def reading(word: Mapping[str, str]) -> str:
        if not any("\u4e00" <= letter <= "\u9fff" for letter in word["orig"]):
            return word["orig"]
        spoken = word["hira"]
        return f" {spoken}" if spoken.startswith(HIRAGANA_PARTICLES) else spoken

    return rewrite


class Cangjie:
    """Chinese in words, each character as the keys that write it."""

    def __init__(self, folder: Path) -> None:
        lines = json.loads((folder / CANGJIE_FILE).read_text(encoding="utf-8"))
        self._codes: dict[str, str] = {}
        self._sharing: dict[str, list[str]] = {}  # characters with the same keys
        for line in lines:
            letter, code = line.split("\t")[:2]
            self._codes[letter] = code
            self._sharing.setdefault(code, []).append(letter)
        pkuseg: Any = importlib.import_module("spacy_pkuseg")
        self._words = pkuseg.pkuseg(model_name=str(folder / WORDS_FOLDER))

    def __call__(self, text: str) -> str:
        """Return the text rewritten."""
        return "".join(map(self._keys, " ".join(self._words.cut(text))))

    def _keys(self, letter: str) -> str:
        code = self._codes.get(letter) if category(letter) == "Lo" else None
        if code is None:
            return letter
        number = self._sharing[code].index(letter)  # the first has none
        return "".join(f"[cj_{key}]" for key in f"{code}{number or ''}") + "[cj_.]"
