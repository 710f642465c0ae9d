"""The words of each language: CLDR's (`cldr/*.json`), and over them `tables/*.toml`, written by hand.

The tables are to be corrected by native speakers; the files of CLDR are made by `segmenter.cldr`.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from segmenter.words.plurals import plural_form, plural_forms

__all__ = ["CLDR_FOLDER", "TABLES", "Currency", "Noun", "WordTable", "find_language", "symbols"]

TABLES = Path(__file__).parent / "tables"
CLDR_FOLDER = Path(__file__).parent / "cldr"
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


@dataclass(frozen=True, slots=True, eq=False)  # one a language: caches go by identity
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
    of_vowel: str
    wholes: Noun
    parts: Sequence[Noun]  # tenths, hundredths: where decimals are read as such
    percent: Noun
    currencies: Mapping[str, Currency]
    units: Mapping[str, Noun]
    hours: Sequence[str]
    month_days: Sequence[str]
    decimals: str
    per: Mapping[str, str]
    days: Sequence[str]  # of the week, Monday first
    short_days: Sequence[str]
    short_months: Sequence[str]
    weekdays: Mapping[str, str]  # how they are abbreviated, and in full
    titles: Mapping[str, str]
    short: Mapping[str, str]
    rewrites: Sequence[tuple[str, str]]  # what is put into other signs or words before all rules
    denominators: Mapping[str, Noun]  # what denominators are called

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
    file = TABLES / f"{code}.toml"
    if not re.fullmatch("[a-z]{2}", code) or not file.is_file():
        return None
    cldr = json.loads((CLDR_FOLDER / f"{code}.json").read_text(encoding="utf-8"))
    return parsed(code, tomllib.loads(file.read_text(encoding="utf-8")), cldr)


@lru_cache(maxsize=1)
def symbols() -> Mapping[str, Any]:
    """Return how units and currencies are written everywhere, with CLDR's names of them."""
    found: Mapping[str, Any] = tomllib.loads((TABLES / "symbols.toml").read_text(encoding="utf-8"))
    return found


def parsed(code: str, table: Mapping[str, Any], cldr: Mapping[str, Any]) -> WordTable:
    """Return the language that a table and CLDR describe."""
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
        before={
            name[:1].upper() + name[1:]: word[:1].upper() + word[1:]
            for name, word in table.get("before", {}).items()
        }
        | table.get("before", {}),
        years=table.get("years", {}),
        ordinals=table.get("ordinals", {}),
        roman=table.get("roman", {}),
        magnitudes=table.get("magnitudes", {}),
        counted=table.get("counted", "{n} {noun}"),
        money=table.get("money", "{major} {minor}"),
        of=table.get("of", ""),
        wholes=Noun.read(table.get("wholes", "")),
        parts=[Noun.read(part) for part in table.get("parts", ())],
        of_vowel=table.get("of_vowel", table.get("of", "")),
        percent=Noun.read(table["percent"]),
        currencies=currencies(table, cldr),
        units=units(table, cldr),
        per=per(table, cldr),
        hours=table.get("hours", ()),
        month_days=table.get("days", ()),
        decimals=table.get("decimals", "number"),
        days=cldr["days"],
        short_days=cldr["short_days"],
        short_months=cldr["short_months"],
        weekdays=weekdays(table, cldr),
        titles=table.get("titles", {}),
        short=table.get("short", {}),
        rewrites=tuple(table.get("rewrites", {}).items()),
        denominators={below: Noun.read(entry) for below, entry in table.get("denominators", {}).items()},
    )


def units(table: Mapping[str, Any], cldr: Mapping[str, Any]) -> Mapping[str, Noun]:
    """Return the units by how they are written: everywhere, and as the table says.

    An entry that begins with a colon is CLDR's name of a unit.
    """
    everywhere = {**symbols()["units"], **(symbols()["letters"] if table.get("letters") else {})}
    entries = {written: f":{name}" for written, name in everywhere.items()} | table["units"]
    found = {name: Noun.read(entry) for name, entry in prefixed(table)}
    for written, entry in entries.items():
        noun = named(entry[1:], table, cldr) if entry.startswith(":") else Noun.read(entry)
        if noun is not None:
            found[written] = noun
    return found


def prefixed(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the units of the table's `bases`, alone and with each of their prefixes: mol, mmol, µmol."""
    for base, entry in table.get("bases", {}).items():
        forms, _, prefixes = entry.partition("; ")
        yield base, forms
        for prefix in prefixes.split():
            name = table["prefixes"][prefix]
            yield prefix + base, "/".join(name + form for form in forms.split("/"))


def named(name: str, table: Mapping[str, Any], cldr: Mapping[str, Any]) -> Noun | None:
    """Return a unit by CLDR's name, in the gender that the table's `genders` has for it."""
    forms = cldr["units"].get(name)
    if forms is None:
        return None
    genders = table.get("genders", {})
    gender = next((key for key, names in genders.items() if name in names.split()), table.get("gender", ""))
    return Noun(plural_forms(table.get("plural", "one"), forms), gender)


def per(table: Mapping[str, Any], cldr: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what a unit after a slash is called, by how it is written: ` per hour`."""
    entries = {**symbols()["units"], **symbols()["letters"], **symbols()["per"], **table.get("per", {})}
    found = {}
    for written, name in entries.items():
        forms = cldr["units"].get(name, {})
        if " " in name:
            found[written] = " " + name
        elif "per" in forms:
            found[written] = forms["per"].replace("{n}", "")
        elif "one" in forms:
            found[written] = cldr["per"].replace("{0}", "").replace("{1}", forms["one"])
    return {written: spoken if spoken[:1] == " " else " " + spoken for written, spoken in found.items()}


def currencies(table: Mapping[str, Any], cldr: Mapping[str, Any]) -> Mapping[str, Currency]:
    """Return the currencies by how they are written: CLDR's by their codes, and the table's own."""
    plural, gender = table.get("plural", "one"), table.get("gender", "")
    codes = {
        code: Currency(Noun(plural_forms(plural, forms), gender), None)
        for code, forms in cldr["currencies"].items()
    }
    return codes | {name: Currency.read(entry) for name, entry in table["currencies"].items()}


def weekdays(table: Mapping[str, Any], cldr: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the abbreviations of weekdays that the table lists, with the names in full.

    `weekdays` has one word a day, Monday first, with its spellings apart by a slash.
    """
    listed = table.get("weekdays", "").split()
    days = zip(listed, cldr["days"], strict=True) if listed else ()
    return {spelling: day for spellings, day in days for spelling in spellings.split("/")}
