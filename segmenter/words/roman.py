"""Roman numerals, only where they are certain: beside the words that a language's table names."""

import re

from segmenter.words import spelling
from segmenter.words.abbreviations import sentence_goes_on
from segmenter.words.languages import WordTable
from segmenter.words.rules import ROMAN, Rule, Written

__all__ = ["roman_rules"]

NUMERAL = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![\w.]?\w|'(?!s\b))"
SINGLE = r"(?![CLDM](?!\w))"  # Appendix C, Type C
VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def roman_value(numeral: str) -> int:
    """Return the value of a well-formed Roman numeral below 400."""
    values = [VALUES[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(value if value >= following else -value for value, following in pairs)


def roman_rules(language: WordTable) -> list[Rule]:
    """Return the rules: after a kind of part, after a ruler's name, before a century and the like."""
    roman = language.roman
    verbs = Written(rf"[ \u00a0]?(?:{roman.get('verbs', '(?!)')})(?!\w)")
    dotted = "dot" in roman

    def count(match: re.Match[str]) -> str:
        if match["r"] == "I" and verbs.compiled.match(match.string, match.end()):
            return match[0]
        return match["lead"] + spelling.cardinal(language, str(roman_value(match["r"])))

    def ruler(match: re.Match[str]) -> str:
        value = roman_value(match["r"])
        if value == 1 and verbs.compiled.match(match.string, match.end()):
            return match[0]
        is_ordinal = value <= int(roman.get("ordinals", 400))  # Felipe segundo, but Alfonso trece
        spelled = spelling.ordinal(language, str(value), roman.get("rule", "")) if is_ordinal else None
        name = spelled or spelling.cardinal(language, str(value))
        end = (
            match["stop"]
            if match["stop"] and not (dotted and sentence_goes_on(match.string, match.end()))
            else ""
        )
        return match["lead"] + roman["ruler"].replace("{n}", name) + end

    def century(match: re.Match[str]) -> str:
        spelled = spelling.ordinal(language, str(roman_value(match["r"])), roman.get("rule", ""))
        return spelled or match["r"]

    found: list[Rule] = []
    if "before" in roman:
        lead = rf"(?P<lead>(?<!\w)(?:{roman['before']})[ \u00a0])"
        found.append(Rule(Written(rf"{lead}{SINGLE}(?P<r>{NUMERAL})"), count, {ROMAN}))
    if "names" in roman:
        lead = rf"(?P<lead>(?<!\w)(?:{roman['names']})[ \u00a0])"
        found.append(Rule(Written(rf"{lead}{SINGLE}(?P<r>{NUMERAL})(?P<stop>\.)?"), ruler, {ROMAN}))
    if "after" in roman:
        end = rf"(?:{roman.get('ending', '')})(?=[ \u00a0](?:{roman['after']})(?!\w))"
        numeral = NUMERAL.partition("(?![")[0]
        found.append(Rule(Written(rf"(?<!\w)(?P<r>{numeral}){end}"), century, {ROMAN}))
    return found
