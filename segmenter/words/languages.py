"""The words of each language: `tables/*.toml`, written by hand, to be corrected by native speakers."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["Noun", "WordTable", "find_language", "plural_form"]

FOLDER = Path(__file__).parent / "tables"
OTHER_TAGS = {"nb": "no", "nn": "no", "iw": "he", "cmn": "zh", "arb": "ar"}


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted: its forms by number, and its gender where numbers agree with it.

    A form with `{n}` says where the number goes; one that starts with `=` needs no number.
    """

    forms: tuple[str, ...]
    gender: str = ""

    @classmethod
    def read(cls, entry: str) -> "Noun":
        """Read `form/form|gender`, as the tables write it."""
        forms, _, gender = entry.partition("|")
        return cls(tuple(forms.split("/")), gender)


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency's unit and its hundredth; none where it has no hundredth in use."""

    major: Noun
    minor: Noun | None

    @classmethod
    def read(cls, entry: str) -> "Currency":
        """Read `major; minor`, as the tables write it."""
        major, _, minor = entry.partition("; ")
        return cls(Noun.read(major), Noun.read(minor) if minor else None)


@dataclass(frozen=True, slots=True)
class WordTable:
    """One language's table; the comments of `words/en.toml` explain the fields."""

    code: str
    decimal: str
    plural: str
    space: str
    groups: str  # what may stand between thousands, beside unbreakable spaces
    rules: Mapping[str, str]
    fixes: Sequence[tuple[re.Pattern[str], str]]
    signs: Mapping[str, str]
    months: Sequence[str]
    date: Mapping[str, str]
    time: Mapping[str, str]
    fractions: Sequence[str]
    agreement: Sequence[tuple[str, re.Pattern[str]]]
    before: Mapping[str, str]
    years: Mapping[str, str]
    ordinals: Mapping[str, str]
    roman: Mapping[str, str]
    magnitudes: Mapping[str, str]
    counted: str
    money: str
    of: str
    percent: Noun
    currencies: Mapping[str, Currency]
    units: Mapping[str, Noun]
    hours: Sequence[str]
    days: Sequence[str]
    decimals: str

    def noun(self, noun: Noun, number: int | None) -> str:
        """Return the form of a noun for a count, or for a fraction (None)."""
        return noun.forms[min(plural_form(self.plural, number), len(noun.forms) - 1)]


def find_language(tag: str) -> WordTable | None:
    """Return the table of a language tag such as `pt-BR`, or None where there is none."""
    code = re.split("[-_]", tag.strip().lower(), maxsplit=1)[0]
    return load(OTHER_TAGS.get(code, code))


@lru_cache(maxsize=64)
def load(code: str) -> WordTable | None:
    """Read a language's table, once."""
    file = FOLDER / f"{code}.toml"
    if not re.fullmatch("[a-z]{2}", code) or not file.is_file():
        return None
    return parsed(code, tomllib.loads(file.read_text(encoding="utf-8")))


def parsed(code: str, table: Mapping[str, Any]) -> WordTable:
    """Return the language that a table describes."""
    agreement = table.get("agreement", {})
    return WordTable(
        code=code,
        decimal=table["decimal"],
        plural=table.get("plural", "one"),
        space=table.get("space", " "),
        groups=table.get("groups", ""),
        rules=table["rules"],
        fixes=[(re.compile(wrong), right) for wrong, right in table.get("fixes", {}).items()],
        signs=table["signs"],
        months=table["months"].split(),
        date=table.get("date", {}),
        time=table["time"],
        fractions=table["fractions"],
        agreement=[(gender, re.compile(rule, re.IGNORECASE)) for gender, rule in agreement.items()],
        before=table.get("before", {}),
        years=table.get("years", {}),
        ordinals=table.get("ordinals", {}),
        roman=table.get("roman", {}),
        magnitudes=table.get("magnitudes", {}),
        counted=table.get("counted", "{n} {noun}"),
        money=table.get("money", "{major} {minor}"),
        of=table.get("of", ""),
        percent=Noun.read(table["percent"]),
        currencies={name: Currency.read(entry) for name, entry in table["currencies"].items()},
        units={name: Noun.read(entry) for name, entry in table["units"].items()},
        hours=table.get("hours", ()),
        days=table.get("days", ()),
        decimals=table.get("decimals", "number"),
    )


def plural_form(rule: str, number: int | None) -> int:
    """Return which form a count takes; None is a number with decimals.

    The rules are CLDR's for cardinals (Unicode TR 35, part 3, language plural rules).
    """
    if rule == "none":
        return 0
    if number is None:
        return {"pl": 3, "ar": 4, "he": 2}.get(rule, 1)
    if rule == "ar":
        return arabic_form(number)
    if rule in {"ru", "pl"}:
        return slavic_form(rule, number)
    singular = (0, 1) if rule == "zero-one" else (1,)
    if rule == "he":
        return 0 if number == 1 else 1 if number == 2 else 2
    return 0 if number in singular else 1


def slavic_form(rule: str, number: int) -> int:
    """Return 0, 1 or 2: one, a few, many."""
    tens, ones = number % 100, number % 10
    if ones == 1 and tens != 11 and (rule == "ru" or number == 1):
        return 0
    return 1 if ones in {2, 3, 4} and tens not in {12, 13, 14} else 2


def arabic_form(number: int) -> int:
    """Return 0 to 4: one, two, a few, eleven and more, round hundreds."""
    if number in {1, 2}:
        return number - 1
    tens = number % 100
    return 2 if 3 <= tens <= 10 else 3 if tens >= 11 else 4
