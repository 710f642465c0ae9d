"""Numbers in words: CLDR's rules through `unicode-rbnf`, the only place that imports it."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from segmenter.words.languages import Noun, WordTable

if TYPE_CHECKING:
    from unicode_rbnf import RbnfEngine

__all__ = ["after_lead", "cardinal", "decimal", "digit_by_digit", "ordinal", "spell", "year"]

LONGEST = 15  # digits: what CLDR names in every language; longer ones are read digit by digit
THOUSAND = 1000
HUNDREDS = ("", "", "двух", "трёх", "четырёх", "пяти", "шести", "семи", "восьми", "девяти")
NAMED_FRACTION = 2  # digits after the mark that are read as one number


@lru_cache(maxsize=32)
def engine(code: str) -> "RbnfEngine":
    """Return CLDR's rules for a language; the import waits for the first number."""
    from unicode_rbnf import RbnfEngine  # noqa: PLC0415 - tens of milliseconds, only where a number is

    return RbnfEngine.for_language(code)


@lru_cache(maxsize=4096)
def spell(language: WordTable, number: int, rule: str) -> str:
    """Return a number by a rule that CLDR has for the language, with its spelling put right."""
    spelled = engine(language.code).format_number(number, ruleset_names=[f"spellout-{rule}"]).text
    for wrong, right in language.fixes:
        spelled = wrong.sub(right, spelled)
    return spelled


def cardinal(language: WordTable, digits: str, gender: str = "") -> str:
    """Return a whole number in words, in the gender of what it counts.

    Digits that are not a count (a leading zero, over 15 of them) are read one by one.
    """
    if len(digits) > LONGEST or (digits[0] == "0" and len(digits) > 1):
        return digit_by_digit(language, digits)
    rule = language.rules.get(gender) or language.rules["count"]
    return spell(language, int(digits), rule)


def ordinal(language: WordTable, digits: str, rule: str = "") -> str | None:
    """Return an ordinal in words, or None where the language has no rule for it."""
    rule = rule or language.rules.get("ordinal", "")
    if (
        language.code == "ru"
        and rule
        and digits[-2:] == "00"
        and digits[-3:-2] not in {"", "0"}
        and len(digits) <= LONGEST
    ):
        return hundredth(language, int(digits), rule)
    return spell(language, int(digits), rule) if rule and len(digits) <= LONGEST else None


def hundredth(language: WordTable, number: int, rule: str) -> str:
    """Return a Russian ordinal of whole hundreds, which CLDR leaves a cardinal: тысяча семисотый."""
    thousands = cardinal(language, str(number // 1000 * 1000)) + " " if number >= THOUSAND else ""
    return thousands + HUNDREDS[number // 100 % 10] + spell(language, 100, rule)


def year(language: WordTable, digits: str) -> str:
    """Return a year in words: by its hundreds where the language does so."""
    rule = language.rules.get("year")
    number = int(digits)
    if language.rules.get("years") == "digits":
        return digit_by_digit(language, digits)
    if language.rules.get("years") == "hundreds" and 1100 <= number < 2000:
        rest = cardinal(language, str(number % 100)) if number % 100 else ""
        return f"{cardinal(language, digits[:2])} {language.signs['hundred']} {rest}".rstrip()
    counts_hundreds = 1100 <= number < 2000 or language.code == "en"
    return spell(language, number, rule) if rule and counts_hundreds else cardinal(language, digits)


def digit_by_digit(language: WordTable, digits: str) -> str:
    """Return the names of the digits, one after another."""
    rule = language.rules["count"]
    return language.space.join([spell(language, int(digit), rule) for digit in digits])


def after_lead(language: WordTable) -> Callable[[re.Match[str]], str]:
    """Return what says a match's `lead` as it is written and the digits of its `n` one after another."""
    return lambda match: match["lead"] + digit_by_digit(language, match["n"])


def decimal(language: WordTable, whole: str, mark: str, fraction: str, gender: str = "") -> str:
    """Return a number with decimals in words."""
    if fraction and len(fraction) <= len(language.parts) and len(whole) <= LONGEST:
        return " ".join(
            [
                counted_part(language, whole, language.wholes),
                counted_part(language, fraction, language.parts[len(fraction) - 1]),
            ]
        )
    together = language.decimals == "number" and len(fraction) <= NAMED_FRACTION and fraction[0] != "0"
    after = cardinal(language, fraction) if together else digit_by_digit(language, fraction)
    name = language.signs["point" if mark == language.decimal else "dot"]
    return language.space.join([cardinal(language, whole, gender), name, after])


def counted_part(language: WordTable, digits: str, part: Noun) -> str:
    """Return how many wholes, tenths or hundredths a number with decimals has."""
    number = int(digits)
    one = number % 10 == 1 and number % 100 != 11
    return f"{spell(language, number, language.rules['f'])} {part.forms[0 if one else -1]}"
