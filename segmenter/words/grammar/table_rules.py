"""What a language's table says that it does alone: rewritings, names of denominators, prefixed ordinals."""

import re

from segmenter.words import spelling
from segmenter.words.grammar.lettered import lettered_rules
from segmenter.words.languages import WordTable
from segmenter.words.quantities import Number
from segmenter.words.rules import Rule, Written

__all__ = ["rewriting", "table_rules"]

SLASHED = Written(
    r"(?<![\w/.,:-])(?:(?P<whole>\d{1,3})[ \u00a0])?(?P<a>[1-9]\d?)/(?P<b>\d{1,3})(?![\w/]|[.,]\d)", re.ASCII
)


def table_rules(language: WordTable) -> list[Rule]:
    """Return the rules that a language's table asks for."""
    return [
        *(rewriting(pattern, said) for pattern, said in language.rewrites),
        bracket_rule(language),
        *lettered_rules(language),
        *([prefixed_rule(language)] if "prefixed" in language.rules else ()),
        *([denominator_rule(language)] if language.denominators else ()),
    ]


def rewriting(pattern: str, said: str) -> Rule:
    """Return the rule that puts other signs or words where a pattern of the table matches."""
    return Rule(Written(pattern), lambda match: match.expand(said))


def bracket_rule(language: WordTable) -> Rule:
    """Return the rule for a number with its area in brackets: (11) 98765-4321."""

    def spelled(match: re.Match[str]) -> str:
        return ", ".join(spelling.digit_by_digit(language, group) for group in re.findall(r"\d+", match[0]))

    return Rule(Written(r"(?<!\w)(?<!\d[ ])\(0?\d{2,4}\)[ \u00a0]?\d{3,5}[- ]\d{3,4}(?![\w-])"), spelled, "(")


def prefixed_rule(language: WordTable) -> Rule:
    """Return the rule for ordinals that are written with a prefix: ke-3."""
    prefix = language.rules["prefixed"]

    def spelled(match: re.Match[str]) -> str:
        return spelling.ordinal(language, match["n"]) or match[0]

    return Rule(
        Written(rf"(?<!\w)[{prefix[0].upper()}{prefix[0]}]{prefix[1:]}(?P<n>\d{{1,6}})(?![\w.,]\d|\w)"),
        spelled,
        "-",
    )


def denominator_rule(language: WordTable) -> Rule:
    """Return the rule for fractions whose denominator has a name: 3/10 as three tenths."""
    known = {"1/2", "1/3", "2/3", "1/4", "3/4"}

    def spelled(match: re.Match[str]) -> str:
        above, noun = match["a"], language.denominators.get(match["b"])
        if noun is None or f"{above}/{match['b']}" in known or int(above) >= int(match["b"]):
            return match[0]
        fraction = Number(above).counting(language, noun)
        if match["whole"] is None:
            return fraction
        whole = spelling.cardinal(language, match["whole"])
        return language.space.join([whole, language.signs["and"], fraction])

    return Rule(SLASHED, spelled, "/")
