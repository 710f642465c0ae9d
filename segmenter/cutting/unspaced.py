"""Stops that no space follows, as they are written in haste."""

import re

from segmenter.cutting.languages import Language
from segmenter.cutting.stops import OPENERS

__all__ = ["unspaced_ends"]

UNSPACED = re.compile(r"[^\W\d_]{1,20}(?=[\s,.'’])")


def unspaced_ends(before: str, marks: str, rest: str, language: Language) -> bool:
    """Whether a sentence may end at a stop that no space follows: hello.Then he left; not System.Text."""
    word = before[before.rfind(" ") + 1 :].lstrip(OPENERS)
    match = UNSPACED.match(rest)
    low = word[1:] if language.nouns_have_capitals else word
    if match is None or not word.isalpha() or not low.islower():
        return False
    return (
        marks != "." or match[0] in language.words["starters"] or match[0] in language.words["before_names"]
    )
