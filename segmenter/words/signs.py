"""Signs that are words: and, at, plus, hashtags and mentions."""

import re

from segmenter.words.languages import WordTable
from segmenter.words.protected import PLACE
from segmenter.words.rules import Written

__all__ = ["spell_signs", "without_clock_colons"]

ANY = Written(r"[&@#+=<>°²³]")
CLOCK = Written(r"(?<=\d):(?=\d\d)")
HASHTAG = Written(r"(?<![\w&#])#(?=[^\W\d])(\w{1,100})")
HUMP = Written(r"(?<=[a-z])(?=[A-Z])")
SIGNS = (("+", "plus"), ("=", "equals"), ("@", "at"), ("<", "less"), (">", "greater"))
WITHIN = Written(r"(?<=\w)@(?=\w)")
AFTER = Written(r"(?<=\w)\+(?=[\s.,;:!?)]|\Z)")
EQUAL = Written(r"(?<=[\w)]) ?== ?(?=[\w(])")
AMPERSAND = Written(r" ?&+ ?")
MENTION = Written(rf"(?<![\w.@])@(?=[\w{PLACE}])")


def without_clock_colons(text: str) -> str:
    """Return the text with `10:30` as `10 30`, since engines make a comma of a colon."""
    return CLOCK.compiled.sub(" ", text)


def spell_signs(text: str, language: WordTable | None) -> str:
    """Return the text with its signs in words, as far as the language has words for them."""
    if language is None or ANY.compiled.search(text) is None:
        return text
    signs = language.signs
    text = HASHTAG.compiled.sub(lambda match: f"{signs['hashtag']} {HUMP.compiled.sub(' ', match[1])}", text)
    text = MENTION.compiled.sub(signs["at"] + " ", text)
    text = re.sub(r"(?<=\b[A-Za-z])\+\+", f" {signs['plus']} {signs['plus']}", text)
    if language.code == "en":
        text = re.sub(r"(?<=\b[CFJ])#(?!\w)", " sharp", text)
    text = EQUAL.compiled.sub(f" {signs['equals']} {signs['equals']} ", text)
    text = AFTER.compiled.sub(f" {signs['plus']}", WITHIN.compiled.sub(f" {signs['at']} ", text))
    text = AMPERSAND.compiled.sub(f" {signs['and']} ", text)
    for sign, name in SIGNS:
        text = text.replace(f" {sign} ", f" {signs[name]} ")
    return re.sub("[°²³]", "", text)
