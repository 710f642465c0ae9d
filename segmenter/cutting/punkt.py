"""Punkt's decision about one full stop.

Kiss and Strunk, "Unsupervised Multilingual Sentence Boundary Detection", Computational Linguistics 32
(2006), section 4, as `nltk.tokenize.punkt` takes it; a test holds the two equal.
"""

import re
from dataclasses import dataclass

__all__ = ["Punkt"]

NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*+")


@dataclass(frozen=True)
class Punkt:
    """What Punkt knows of a language: all in lower case, abbreviations without their last stop.

    `starters` are words that begin sentences: seen in lower case, and with a capital only there.
    """

    abbreviations: frozenset[str]
    collocations: frozenset[tuple[str, str]]
    starters: frozenset[str]

    def ends(self, word: str, following: str) -> bool:
        """Whether the stop after `word` ends a sentence before `following` (both bare words)."""
        kind, next_kind = folded(word), folded(following)
        if (kind, next_kind) in self.collocations:
            return False
        is_initial = len(word) == 1 and word.isalpha()
        starts = self._starts(following, next_kind)
        if is_initial or kind == "##number##":
            if starts is False:
                return False
            unknown_name = starts is None and is_initial and following[:1].isupper()
            if unknown_name and next_kind not in self.starters:
                return False
        if is_initial or not self._abbreviates(word):
            return not (is_initial and word.lower() in self.abbreviations)
        return starts is True or (following[:1].isupper() and next_kind in self.starters)

    def _abbreviates(self, word: str) -> bool:
        lowered = word.lower()
        return lowered in self.abbreviations or lowered.rsplit("-", 1)[-1] in self.abbreviations

    def _starts(self, following: str, kind: str) -> bool | None:
        """Return whether a word begins a sentence, by its case alone; None where that is open."""
        if following[:1].isupper() and kind in self.starters:
            return True
        return False if following[:1].islower() else None


def folded(word: str) -> str:
    """Return the type of a word: its lower case, or that it is a number."""
    lowered = word.lower()
    return "##number##" if NUMBER.fullmatch(lowered) else lowered
