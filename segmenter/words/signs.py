"""Signs that are words: and, at, plus, hashtags and mentions."""

import re

from segmenter.words.languages import WordTable
from segmenter.words.protected import PLACE

__all__ = ["spell_signs", "without_clock_colons"]

ANY = re.compile(r"[&@#+=<>°²³]")
CLOCK = re.compile(r"(?<=\d):(?=\d\d)")
HASHTAG = re.compile(r"(?<![\w&#])#(?=[^\W\d])(\w{1,100})")
HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
SIGNS = (("+", "plus"), ("=", "equals"), ("@", "at"), ("<", "less"), (">", "greater"))
WITHIN = re.compile(r"(?<=\w)@(?=\w)")
AFTER = re.compile(r"(?<=\w)\+(?=[\s.,;:!?)]|\Z)")
EQUAL = re.compile(r"(?<=[\w)]) ?== ?(?=[\w(])")
AMPERSAND = re.compile(r" ?&+ ?")
MENTION = re.compile(rf"(?<![\w.@])@(?=[\w{PLACE}])")


def without_clock_colons(text: str) -> str:
    """Return the text with `10:30` as `10 30`, since engines make a comma of a colon."""
    return CLOCK.sub(" ", text)


def spell_signs(text: str, language: WordTable | None) -> str:
    """Return the text with its signs in words, as far as the language has words for them."""
    if language is None or ANY.search(text) is None:
        return text
    signs = language.signs
    text = HASHTAG.sub(lambda match: f"{signs['hashtag']} {HUMP.sub(' ', match[1])}", text)
    text = MENTION.sub(signs["at"] + " ", text)
    text = re.sub(r"(?<=\b[A-Za-z])\+\+", f" {signs['plus']} {signs['plus']}", text)
    if language.code == "en":
        text = re.sub(r"(?<=\b[CFJ])#(?!\w)", " sharp", text)
    text = EQUAL.sub(f" {signs['equals']} {signs['equals']} ", text)
    text = AFTER.sub(f" {signs['plus']}", WITHIN.sub(f" {signs['at']} ", text))
    text = AMPERSAND.sub(f" {signs['and']} ", text)
    for sign, name in SIGNS:
        text = text.replace(f" {sign} ", f" {signs[name]} ")
    return re.sub("[°²³]", "", text)
