"""A number as it is written, and what it counts: units, money, shares."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from segmenter.words import spelling
from segmenter.words.languages import Noun, WordTable
from segmenter.words.rules import Rule, either

__all__ = ["Number", "money_rules", "number_pattern", "unit_rules", "written_number"]

UNBREAKABLE = "\u00a0\u202f\u2009'"


@dataclass(frozen=True, slots=True)
class Number:
    """Digits as they are read: ASCII, without what stands between thousands."""

    whole: str
    mark: str = ""
    fraction: str = ""

    @classmethod
    def read(cls, language: WordTable, written: str) -> "Number":
        """Read what `number_pattern` matches."""
        found = re.search(rf"(?:{decimal_mark(language)})(\d+)\Z", written)
        whole = written[: found.start()] if found else written
        mark = written[found.start()] if found else ""
        return cls("".join(filter(str.isdigit, whole)), mark, found[1] if found else "")

    @property
    def count(self) -> int | None:
        """The count that a noun agrees with; None for decimals."""
        return None if self.fraction else int(self.whole[-spelling.LONGEST :])

    def spelled(self, language: WordTable, gender: str = "") -> str:
        """Return the number in words."""
        if self.fraction:
            return spelling.decimal(language, self.whole, self.mark, self.fraction, gender)
        return spelling.cardinal(language, self.whole, gender)

    def counting(self, language: WordTable, noun: Noun) -> str:
        """Return the number and the noun that it counts."""
        form = language.noun(noun, self.count)
        if form.startswith("="):
            return form[1:]
        spelled = self.spelled(language, noun.gender)
        if "{n}" in form:
            return form.replace("{n}", spelled)
        return language.counted.replace("{n}", spelled).replace("{noun}", form)


def decimal_mark(language: WordTable) -> str:
    """Return the pattern of the mark before decimals; where it is a comma, a point may be one too."""
    return r"," if language.decimal == "," else r"\."


@lru_cache(maxsize=64)
def number_pattern(decimal: str, groups: str) -> str:
    """Return the pattern of a number as a language writes it; bounded, so linear in the text."""
    between = f"[{re.escape(groups)}{UNBREAKABLE}]"
    grouped = rf"\d{{1,3}}(?:{between}\d{{3}}){{1,6}}(?!\d)"
    lakhs = r"\d{1,2}(?:,\d{2}){1,6},\d{3}(?!\d)|" if "," in groups else ""
    fraction = rf"(?:{re.escape(decimal)}\d{{1,40}}(?!\d))?"
    return rf"(?<!\d)(?:{lakhs}{grouped}|\d{{1,40}}(?!\d)){fraction}"


def written_number(language: WordTable) -> str:
    """Return `number_pattern` of a language."""
    return number_pattern(language.decimal, language.groups)


def unit_rules(language: WordTable) -> list[Rule]:
    """Return the rules for units and percentages."""
    number = written_number(language)

    def unit(match: re.Match[str]) -> str:
        noun = language.units[match["unit"]]
        return Number.read(language, match["n"]).counting(language, noun) + stop(match, "unit")

    def percent(match: re.Match[str]) -> str:
        written = match["n"] or match["after"]
        return Number.read(language, written).counting(language, language.percent)

    names = either(language.units)
    units = re.compile(rf"(?<![A-Za-z])(?P<n>{number})[ \u00a0\u202f]?(?P<unit>{names})(?![\w²³]|/[^\W\d_])")
    share = re.compile(rf"(?P<n>{number})[ \u00a0\u202f]?%|%[ \u00a0]?(?P<after>{number})")
    return [Rule(share, percent, "%"), Rule(units, unit)]


def money_rules(language: WordTable) -> list[Rule]:
    """Return the rules for amounts, the currency before or after them."""
    names = either(language.currencies)
    scale = rf"(?:[ \u00a0\u202f-]?(?P<scale>{either(language.magnitudes)})(?!\w))?"
    number = written_number(language)
    before = re.compile(rf"(?<!\w)(?P<name>{names})[ \u00a0\u202f]?(?P<n>{number}){scale}(?!\w)")
    after = re.compile(rf"(?<![A-Za-z$€£¥])(?P<n>{number}){scale}[ \u00a0\u202f]?(?P<name>{names})(?!\w)")

    def amount(match: re.Match[str]) -> str:
        number = Number.read(language, match["n"])
        return spelled_amount(language, number, match["name"], match["scale"]) + stop(match, "name")

    signs = {letter for name in language.currencies for letter in (name[0], name)}
    return [Rule(after, amount, signs), Rule(before, amount, signs)]


def stop(match: re.Match[str], group: str) -> str:
    """Return the stop of an abbreviation where it ends the text too: it costs 100 kr."""
    is_last = match[group].endswith(".") and match.end(group) == len(match.string)
    return "." if is_last else ""


def spelled_amount(language: WordTable, number: Number, name: str, scale: str | None) -> str:
    """Return an amount of money in words."""
    currency = language.currencies[name]
    if scale:
        noun = language.noun(currency.major, 1_000_000)
        spelled = [number.spelled(language), language.magnitudes[scale], language.of + noun]
        return language.space.join(spelled)
    if currency.minor is None:
        number = replace(number, fraction=number.fraction.rstrip("0"))
    if len(number.fraction) != 2 or currency.minor is None:
        return number.counting(language, currency.major)
    major = Number(number.whole).counting(language, currency.major)
    hundredths = number.fraction.lstrip("0")
    if not hundredths:
        return major
    minor = Number(hundredths).counting(language, currency.minor)
    if not number.whole.strip("0"):
        return minor
    parts = {"major": major, "minor": minor, "cents": spelling.cardinal(language, hundredths)}
    return language.money.format_map(parts)
