"""Letters and primes after a number that are not units: seat 12A, 3'45", a screen of 28"."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, said_in

__all__ = ["lettered_rules"]

AND = r"(?:,|[ ](?:and|or|y|o|et|ou|und|oder|bis|to|à|a|&))"
CLOCK = Written(r"(?<![\w.,'])(?P<m>\d{1,3})'[ ]?(?P<s>\d{1,2})(?:\"|'')?(?!\w)(?!['\"])")


def lettered_rules(language: WordTable) -> list[Rule]:
    """Return the rules that a table asks for with `lettered`, `inches` and `primes`."""
    found = []
    if kinds := language.rules.get("lettered"):
        found.append(letter_rule(language, kinds))
    if "inches" in language.rules:
        found += prime_rules(language)
    return found


def letter_rule(language: WordTable, kinds: str) -> Rule:
    """Return the rule for what is numbered with a letter: seat 12A and 12B."""
    item = r"\d{1,4}[A-HJ-Z](?!\w)"

    def spelled(match: re.Match[str]) -> str:
        return match["lead"] + re.sub(r"(\d+)([A-Z])", apart, match["items"])

    def apart(item: re.Match[str]) -> str:
        return f"{spelling.cardinal(language, item[1])} {item[2]}"

    lead = rf"(?P<lead>(?<!\w)(?:{kinds})[ \u00a0])"
    return Rule(Written(rf"{lead}(?P<items>{item}(?:{AND}[ ]{item}){{0,5}})"), spelled, said_in(kinds))


def prime_rules(language: WordTable) -> list[Rule]:
    """Return the rules for minutes and seconds, 3'45", and for inches; seconds where a text has both."""
    inches = language.rules["inches"].split("/")

    def clock(match: re.Match[str]) -> str:
        minutes, seconds = int(match["m"]), int(match["s"])
        return f"{minutes} min {seconds} s"

    def double(match: re.Match[str]) -> str:
        if match.string.count('"', 0, match.start("mark")) % 2:
            return match[0]  # it closes a quotation
        if re.search(r"\d min \d", match.string):
            return f"{match['n']} s"
        return f"{match['n']} {inches[0 if match['n'] == '1' else -1]}"

    number = r"(?<![\w.,'])(?P<n>\d{1,3}(?:[.,]\d{1,2})?)(?P<mark>\")(?!\w)"
    return [Rule(CLOCK, clock, "'"), Rule(Written(number), double, '"')]
