"""What each language abbreviates and how its sentences begin: one file a language, read when first used."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from segmenter.cutting.punkt import Punkt

__all__ = ["Language", "Words", "language_of"]

TAG = re.compile(r"([A-Za-z]{2,8})(?:[-_][A-Za-z0-9]{1,8}){0,3}")
SAME = {"nb": "no", "nn": "no", "iw": "he", "id": "ms", "yue": "zh", "cmn": "zh"}
ABBREVIATIONS = ("before_names", "before_more", "before_numbers", "may_end", "closing", "after_numbers")
MEMO = 4_096  # words
FIELDS = (
    *ABBREVIATIONS,
    *("starters", "speech", "months", "ordinal_nouns", "ordinal_before", "comma_words", "clause_words"),
    *("before_letters", "articles", "subjects", "exclaimed"),
)


class Words:
    """Words as a file lists them: lower case stands for any case, a capital for itself, -x for an ending."""

    def __init__(self, listed: str) -> None:
        written = listed.split()
        self.suffixes = tuple(word[1:] for word in written if word[0] == "-" and word[1:])
        self.any = frozenset(word.casefold() for word in written if word[0] != "-" and not word[0].isupper())
        self.capital = frozenset(word.casefold() for word in written if word[0].isupper())
        self._known: dict[str, bool] = {}  # a memo: most words of a text come again

    def __contains__(self, word: str) -> bool:
        known = self._known.get(word)
        if known is None:
            known = self._lists(word)
            if len(self._known) < MEMO:
                self._known[word] = known
        return known

    def _lists(self, word: str) -> bool:
        folded = word.casefold()
        if folded in self.any or (word[:1].isupper() and folded in self.capital):
            return True
        return bool(self.suffixes) and folded.endswith(self.suffixes)

    @property
    def folded(self) -> frozenset[str]:
        """All of them, in lower case."""
        return self.any | self.capital


@dataclass(frozen=True)
class Language:
    """A language's words, as `languages/README.md` describes them, and its switches."""

    tag: str
    words: dict[str, Words]
    together: frozenset[tuple[str, str]]
    nouns_have_capitals: bool = False
    has_ordinals: bool = False
    question_mark: str = ""
    names_follow_units: bool = False

    @cached_property
    def punkt(self) -> Punkt:
        """The parameters of Punkt's decision."""
        kinds = ("before_names", "before_more", "may_end", "closing")
        abbreviations = frozenset().union(*(self.words[kind].folded for kind in kinds))
        return Punkt(abbreviations, self.together, self.words["starters"].folded)

    @cached_property
    def abbreviations(self) -> frozenset[str]:
        """All that may carry a stop of its own, in lower case."""
        return self.punkt.abbreviations.union(
            self.words["before_numbers"].folded,
            self.words["after_numbers"].folded,
            (first for first, _ in self.together),
        )

    @cached_property
    def careful(self) -> frozenset[str]:
        """The words whose stop may be their own, parts of abbreviations included."""
        return self.abbreviations.union(part for word in self.abbreviations for part in word.split("."))

    @cached_property
    def suffixes(self) -> tuple[str, ...]:
        """How words end whose stop may be their own: Hauptstr."""
        return tuple(suffix for words in self.words.values() for suffix in words.suffixes)

    def is_plain(self, word: str) -> bool:
        """Whether a stop after a word cannot be its own."""
        folded = word.casefold()
        return folded not in self.careful and not (self.suffixes and folded.endswith(self.suffixes))

    def abbreviates(self, word: str) -> bool:
        """Whether a word, as it is written, may be an abbreviation or the end of one: Dr, S.A, Ph of Ph.D."""
        return any(word in self.words[kind] for kind in ABBREVIATIONS) or word.casefold() in self.parts

    @cached_property
    def parts(self) -> frozenset[str]:
        """The parts of abbreviations of several parts."""
        return frozenset(part for word in self.abbreviations if "." in word for part in word.split("."))

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """How abbreviations of several parts begin: z.B, m.a.o and m.a of m.a.o."""
        parts = [word.split(".") for word in self.abbreviations if "." in word]
        return frozenset(".".join(part[:n]) for part in parts for n in range(2, len(part) + 1))


def language_of(tag: str) -> Language:
    """Return what is known of a language; of an unknown one, what all scripts share.

    Raises:
        TypeError: `tag` is not a string.
        ValueError: `tag` is not a language tag.
    """
    if not isinstance(tag, str):
        raise TypeError(f"language is {type(tag).__name__}, expected str")
    match = TAG.fullmatch(tag)
    if match is None:
        raise ValueError(f"language is {tag[:20]!r}, expected a tag such as 'en'")
    primary = match[1].lower()
    return load(SAME.get(primary, primary))


@cache
def load(primary: str) -> Language:
    """Read a language's file, on top of the one for all, whose words it may put into another list."""
    shared = read("any") or {}
    own = read(primary) or {}
    said = {word.casefold() for field in ABBREVIATIONS for word in own.get(field, "").split()}
    words = {}
    for field in FIELDS:
        both = (word for word in shared.get(field, "").split() if word.casefold() not in said)
        words[field] = Words(" ".join([*both, own.get(field, "")]))
    pairs = (pair.split() for pair in [*shared.get("together", []), *own.get("together", [])])
    return Language(
        primary,
        words,
        frozenset((first.rstrip(".").casefold(), second.casefold()) for first, second in pairs),
        own.get("nouns_have_capitals", False),
        own.get("has_ordinals", False),
        own.get("question_mark", ""),
        own.get("names_follow_units", False),
    )


def read(name: str) -> dict[str, Any] | None:
    """Return a file of this folder, None where there is none."""
    file = Path(__file__).with_name(f"{name}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
