"""A rule is a pattern and what is said for what it matches; rules apply one after another."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from segmenter.words.languages import WordTable

__all__ = ["UNSPACED", "Rule", "among", "applied", "either"]

UNSPACED = frozenset({"zh", "ja", "ko"})
WORDS = re.compile(r"[^\W\d_]+")


class Rule(NamedTuple):
    """What is said for what a pattern matches.

    A text without any of `needs`, characters or whole words, is not searched: most texts need few
    of the rules.
    """

    pattern: re.Pattern[str]
    spell: Callable[[re.Match[str]], str]
    needs: Collection[str] = ()


def among(language: WordTable, rule: Rule) -> Rule:
    r"""Return a rule as the language's neighbours ask for.

    Chinese, Japanese and Korean write no space between a number and what follows it: there, `\\w`
    and `\\b` mean ASCII, so that a kana, a hanzi or a hangul is not taken for a letter of its word.
    """
    if language.code not in UNSPACED:
        return rule
    flags = (rule.pattern.flags & ~re.UNICODE) | re.ASCII
    return rule._replace(pattern=re.compile(rule.pattern.pattern, flags))


def applied(rules: Iterable[Rule], text: str) -> str:
    """Return the text after all the rules, in their order."""
    has = contents(text)
    for pattern, spell, needs in rules:
        if needs and has.isdisjoint(needs):
            continue
        text, count = pattern.subn(spell, text)
        if count:
            has = contents(text)
    return text


def contents(text: str) -> set[str]:
    """Return the characters and the words of a text."""
    return {*text, *WORDS.findall(text)}


def either(names: Iterable[str]) -> str:
    """Return a pattern of any of the names, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or r"(?!)"
