"""A rule is a pattern and what is said for what it matches; rules apply one after another."""

import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache, partial
from typing import NamedTuple

from segmenter.words.languages import WordTable

__all__ = [
    "DIGITS",
    "EAST",
    "ROMAN",
    "UNSPACED",
    "Rule",
    "Rules",
    "Written",
    "among",
    "either",
    "numeric",
    "said_in",
]

UNSPACED = frozenset({"zh", "ja", "ko"})
EAST = frozenset({"zh", "ja"})  # which have all their rules in `segmenter.words.east`
DIGITS = "digits"  # what a rule needs that names nothing else: any digit
ANY = ""  # likewise, of a rule that every text needs
ROMAN = "roman"  # likewise: what may be a Roman numeral
NUMERAL = re.compile(r"[IVXLC](?<![^\W\d_][IVXLC])[IVXLC]{0,11}(?:er?|re|ère|ème|ᵉ)?(?![^\W\d_])")
WORDS = re.compile(r"[^\W\d_]+")


class Written(NamedTuple):
    """A pattern that is compiled when the first text needs it: most texts need few of the rules."""

    pattern: str
    flags: int = 0

    @property
    def compiled(self) -> re.Pattern[str]:
        """The pattern to search with."""
        return compiled(*self)


class Rule(NamedTuple):
    """What is said for what a pattern matches.

    A text without any of `needs`, characters or whole words, is not searched: most texts need few
    of the rules.
    """

    pattern: Written
    spell: Callable[[re.Match[str]], str]
    needs: Collection[str] = ()
    has_digits: bool = False  # all that it matches has a digit or a fraction such as ½


def numeric(rules: Iterable[Rule]) -> list[Rule]:
    """Return rules of which none matches anything without a digit."""
    return [rule._replace(has_digits=True) for rule in rules]


def among(language: WordTable, rule: Rule) -> Rule:
    r"""Return a rule as the language's neighbours ask for.

    Chinese, Japanese and Korean write no space between a number and what follows it: there, `\\w`
    and `\\b` mean ASCII, so that a kana, a hanzi or a hangul is not taken for a letter of its word.
    """
    if language.code not in UNSPACED:
        return rule
    flags = (rule.pattern.flags & ~re.UNICODE) | re.ASCII
    return rule._replace(pattern=Written(rule.pattern.pattern, flags))


class Rules:
    """Rules in their order, found by what a text has: most texts need few of them."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = list(rules)
        self._needing: dict[str, set[int]] = {}  # the numbers of the rules that need a character or a word
        for number, rule in enumerate(self._rules):
            for need in rule.needs or (DIGITS if rule.has_digits else ANY,):
                self._needing.setdefault(need, set()).add(number)
        self._numeric = {number for number, rule in enumerate(self._rules) if rule.has_digits}
        self._ready: dict[int, Callable[[str], tuple[str, int]]] = {}  # those that a text has needed

    def applied(self, text: str) -> str:
        """Return the text after all the rules, in their order.

        Of what a rule puts in, only the characters can call for another rule.
        """
        words = frozenset(WORDS.findall(text))
        has = contents(text) | words
        wanted = iter(self._wanted(has))
        while (number := next(wanted, None)) is not None:
            text, count = (self._ready.get(number) or self._prepared(number))(text)
            if count and (has := contents(text) | words):
                wanted = iter([later for later in self._wanted(has) if later > number])
        return text

    def _prepared(self, number: int) -> Callable[[str], tuple[str, int]]:
        """Return what puts the words of a rule into a text and counts them."""
        rule = self._rules[number]
        self._ready[number] = partial(rule.pattern.compiled.subn, rule.spell)
        return self._ready[number]

    def _wanted(self, has: set[str]) -> list[int]:
        """Return the numbers of the rules that a text with these characters and words needs."""
        found = set(self._needing.get(ANY, ()))
        for need in self._needing.keys() & has:
            found |= self._needing[need]
        return sorted(found if DIGITS in has else found - self._numeric)


@lru_cache(maxsize=8192)
def compiled(pattern: str, flags: int) -> re.Pattern[str]:
    """Return a pattern as it is searched with."""
    return re.compile(pattern, flags)


def contents(text: str) -> set[str]:
    """Return the characters of a text, with `DIGITS` and `ROMAN` where it has such numerals."""
    has = set(text)
    if not has.isdisjoint("0123456789½⅓⅔¼¾"):
        has.add(DIGITS)
    if not has.isdisjoint("IVX") and NUMERAL.search(text):
        has.add(ROMAN)
    return has


def said_in(pattern: str) -> set[str]:
    """Return the words and signs of a pattern such as `[Cc]odes?|PIN|n°`, as `Rule.needs` names them."""
    found = set(re.findall(r"[^\w\s\\\[\](){}|?*+.:!<>=^$]", pattern))
    for first, other, rest, optional in re.findall(r"(?:\[(\w)(\w)\]|\b)([^\W\d_]*)(\??)", pattern):
        words = {first + rest, other + rest}
        found |= words | ({word[:-1] for word in words} if optional else set())
    return found - {""}


def either(names: Iterable[str]) -> str:
    """Return a pattern of any of the names, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or r"(?!)"
