"""Roman numerals, only where they are certain: beside the words that a language's table names."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule

__all__ = ["roman_rules"]

NUMERAL = r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![\w.]?\w|'(?!s\b))"
ENDED = re.compile(r"[ \u00a0]?[.,;:!?)—–-]|\Z|[ \u00a0]and\b")  # "Part I", but not "the part I like"
VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


def roman_value(numeral: str) -> int:
    """Return the value of a well-formed Roman numeral below 400."""
    values = [VALUES[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(value if value >= following else -value for value, following in pairs)


def roman_rules(language: WordTable) -> list[Rule]:
    """Return the rules: after a kind of part, after a ruler's name, before a century and the like."""
    roman = language.roman

    def count(match: re.Match[str]) -> str:
        if match["r"] == "I" and not ENDED.match(match.string, match.end()):
            return match[0]
        return match["lead"] + spelling.cardinal(language, str(roman_value(match["r"])))

    def ruler(match: re.Match[str]) -> str:
        value = roman_value(match["r"])
        is_ordinal = value <= int(roman.get("ordinals", 400))  # Felipe segundo, but Alfonso trece
        spelled = spelling.ordinal(language, str(value), roman.get("rule", "")) if is_ordinal else None
        name = spelled or spelling.cardinal(language, str(value))
        return match["lead"] + roman["ruler"].replace("{n}", name)

    def century(match: re.Match[str]) -> str:
        spelled = spelling.ordinal(language, str(roman_value(match["r"])), roman.get("rule", ""))
        return spelled or match["r"]

    found: list[Rule] = []
    if "before" in roman:
        found.append(
            Rule(re.compile(rf"(?P<lead>(?<!\w)(?:{roman['before']})[ \u00a0])(?P<r>{NUMERAL})"), count)
        )
    if "names" in roman:
        found.append(
            Rule(
                re.compile(rf"(?P<lead>(?<!\w)(?:{roman['names']})[ \u00a0])(?P<r>(?!I\b){NUMERAL})\.?"),
                ruler,
            )
        )
    if "after" in roman:
        end = rf"(?:{roman.get('ending', '')})(?=[ \u00a0](?:{roman['after']})(?!\w))"
        numeral = NUMERAL.partition("(?![")[0]
        found.append(Rule(re.compile(rf"(?<!\w)(?P<r>{numeral}){end}"), century))
    return found
