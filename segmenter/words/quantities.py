"""A number as it is written, and what it counts: units, money, shares."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from segmenter.words import spelling
from segmenter.words.abbreviations import LOWER
from segmenter.words.languages import Noun, WordTable
from segmenter.words.rules import Rule, Written, either

__all__ = ["Number", "money_rules", "number_pattern", "unit_rules", "written_number"]

HYPHEN, SINGULAR = "\u2011", "\u2060"  # put in by rules: a 90-min film, a 12 V battery
UNCOUNTED = frozenset({"de", "fr", "es", "nl", "he", "it"})  # where a number with decimals has no gender
BEGINS = Written(  # a sentence; in Latin letters a capital may be a name or a noun
    r"[ \u00a0]+[\"«(]?(?:[А-ЯЁ]|(?:Er|Sie|Es|Das|Die|Der|Wir|Ich|Dann|Bei|Mit|Nach|Im|Am|Le|La|Les|Il|"
    r"Elle|Un|Une|"
    r"El|Los|Las|Se|Para|The|It|He|She|We|You|They|This|That|Then|In|On|If|And|But)\b)"
)
CAPITAL = Written(r"[ \u00a0]+[\"«(¡¿]?[A-ZÀ-ÖØ-ÞА-ЯЁ]")
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
        whole, mark, fraction = written.rpartition("," if language.decimal == "," else ".")
        if not mark or not fraction.isdigit():
            whole, mark, fraction = written, "", ""
        if not whole.isdigit():
            whole = "".join(filter(str.isdigit, whole))
        return cls(whole, mark, fraction)

    @property
    def count(self) -> int | None:
        """The count that a noun agrees with; None for decimals."""
        return None if self.fraction else int(self.whole[-spelling.LONGEST :])

    @property
    def is_below_two(self) -> bool:
        """Whether French and its like say it in the singular: 1,5 litre."""
        return len(self.whole) == 1 and self.whole in "01"

    def spelled(self, language: WordTable, gender: str = "") -> str:
        """Return the number in words."""
        if self.fraction:
            gender = "" if language.code in UNCOUNTED else gender
            return spelling.decimal(language, self.whole, self.mark, self.fraction, gender)
        return spelling.cardinal(language, self.whole, gender)

    def counting(self, language: WordTable, noun: Noun, *, singular: bool = False) -> str:
        """Return the number and the noun that it counts, or that it makes an adjective with."""
        count = 1 if self.is_below_two and language.plural == "zero-one" else self.count
        form = noun.forms[0] if singular else language.noun(noun, count)
        if form.startswith("="):
            return form[1:]
        spelled = self.spelled(language, noun.gender)
        if "{n}" in form:
            return form.replace("{n}", spelled)
        return language.counted.replace("{n}", spelled).replace("{noun}", form)


@lru_cache(maxsize=64)
def number_pattern(decimal: str, groups: str, after: str = "") -> str:
    """Return the pattern of a number as a language writes it, not after any of some characters.

    It is bounded, so linear in the text, and begins with a digit, so that the search skips all else fast.
    """
    between = f"[{re.escape(groups)}{UNBREAKABLE}]"
    grouped = rf"\d{{0,2}}(?:{between}\d{{3}}){{1,6}}(?!\d)"
    lakhs = r"\d?(?:,\d{2}){1,6},\d{3}(?!\d)|" if "," in groups else ""
    fraction = rf"(?:{re.escape(decimal)}\d{{1,40}}(?!\d))?"
    return rf"\d(?<![\d{after}]\d)(?:{lakhs}{grouped}|\d{{0,39}}(?!\d)){fraction}"


def written_number(language: WordTable, after: str = "") -> str:
    """Return `number_pattern` of a language."""
    return number_pattern(language.decimal, language.groups, after)


def unit_rules(language: WordTable) -> list[Rule]:
    """Return the rules for units and percentages."""
    number = written_number(language)

    def unit(match: re.Match[str]) -> str:
        noun = language.units[match["unit"]]
        before_noun = bool(match["one"]) or match["gap"] == HYPHEN
        spelled = Number.read(language, match["n"]).counting(language, noun, singular=before_noun)
        if match["gap"] == HYPHEN:
            spelled = spelled.replace(" ", "-")
        return spelled + rate(language, match) + stop(match, "unit", language)

    def percent(match: re.Match[str]) -> str:
        written = match["n"] or match["after"]
        return Number.read(language, written).counting(language, language.percent)

    def dotted_percent(match: re.Match[str]) -> str:
        return Number(match["w"], ".", match["f"]).counting(language, language.percent)

    def worded(match: re.Match[str]) -> str:
        return match["n"] + rate(language, match)

    def many(match: re.Match[str]) -> str:
        return match["n"] + language.noun(language.units[match["unit"]], 1_000_000)

    def part(match: re.Match[str]) -> str:
        noun = language.units[match["unit"]]
        form = (
            language.noun(noun, None)
            if match["whole"] or language.plural not in {"one", "zero-one"}
            else noun.forms[0]
        )
        return f"{match['n']} {form}"

    per = per_pattern(language)
    names = either(language.units)
    starts = re.escape("".join({name[0] for name in language.units}))
    soon = rf"(?=[ \u00a0\u202f{HYPHEN}]?[{starts}])"  # spares the names after most numbers
    units = Written(
        rf"(?P<n>{written_number(language, 'A-Za-z')}){soon}"
        rf"(?P<gap>[ \u00a0\u202f{HYPHEN}]?)(?P<unit>{names})"
        rf"(?P<stop>(?<=[^\W\d_])\.(?=[ \u00a0]?[,;:)]|"
        rf"[ \u00a0][{LOWER}(]))?(?P<one>{SINGULAR})?{per}"
        rf"(?![\w²³]|/[^\W\d_]|['’][^\W\d_])"
    )
    dotted = Written(r"(?<![\d.,])(?P<w>\d{1,15})\.(?P<f>\d{1,2})[ \u00a0\u202f]?%")
    share = Written(rf"(?P<n>{number})[ \u00a0\u202f]?%|%[ \u00a0]?(?P<after>{number})")
    big = either(name for name in language.magnitudes if len(name) > 4)
    scaled = Written(rf"(?P<n>\d[ \u00a0](?:{big})[ \u00a0])(?P<unit>{names})(?![\w²³/]|['’]\w)")
    full = either(name for name in language.per if len(name) > 2 and name.isalpha())
    bare = Written(rf"(?P<n>(?<![\w.,/])\d[\d.,]{{0,15}})/(?P<per>{full})(?!\w)")
    words = Written(
        rf"(?P<n>\d[\d.,]{{0,15}}[ \u00a0][^\W\d_]{{2,15}})/(?P<per>{either(language.per)})(?!\w)"
    )
    parts = Written(
        rf"(?<![\w/.,])(?P<n>(?P<whole>\d{{1,4}}[ \u00a0]"
        rf"?)?(?:[½⅓⅔¼¾]|(?<![\d])\d/\d{{1,2}}))[ \u00a0]"
        rf"?(?P<unit>{names})(?![\w²³/])"
        rf"(?:(?<=[^\W\d_])\.(?=[ \u00a0]?[,;:)]|[ \u00a0][{LOWER}(]))?"
    )
    return [
        *([Rule(dotted, dotted_percent, "%")] if language.decimal == "," else ()),
        Rule(share, percent, "%"),
        Rule(parts, part, "½⅓⅔¼¾/"),
        Rule(scaled, many),
        Rule(bare, worded, "/"),
        Rule(units, unit),
        Rule(words, worded, "/"),
    ]


def per_pattern(language: WordTable) -> str:
    """Return the pattern of what an amount is paid or used for: `/month`."""
    return (
        rf"(?:[ \u00a0]?/[ \u00a0]?(?P<per>{either(language.per)})(?!\w)(?<!\.(?=\Z)))?"
        if language.per
        else "(?P<per>(?!))?"
    )


def rate(language: WordTable, match: re.Match[str]) -> str:
    """Return what `per_pattern` matched in words, with a space before it."""
    return language.per[match["per"]].replace("{0}", "") if match["per"] else ""


def money_rules(language: WordTable) -> list[Rule]:
    """Return the rules for amounts, the currency before or after them."""
    names = either(language.currencies)
    scale = rf"(?:[ \u00a0\u202f-]?(?P<scale>{either(language.magnitudes)})(?!\w))?"
    number = written_number(language)
    end = rf"(?P<one>{SINGULAR})?{per_pattern(language)}(?!\w)"
    starts = re.escape("".join({name[0] for name in (*language.currencies, *language.magnitudes)}))
    soon = rf"(?=[ \u00a0\u202f-]?[{starts}])"  # spares the names after most numbers
    before = Written(rf"(?P<name>{names})[ \u00a0\u202f]?(?P<n>{number}){scale}{end}")
    after = Written(
        rf"(?P<n>{written_number(language, 'A-Za-z$€£¥')}){soon}{scale}[ \u00a0\u202f]?(?P<name>{names})"
        rf"(?P<stop>(?<=[^\W\d_]\.)(?=[ \u00a0][{LOWER}(]))?{end}"
    )

    def amount(match: re.Match[str]) -> str:
        if match.start() == match.start("name") and match.string[match.start() - 1 : match.start()].isalnum():
            return match[0]
        number = Number.read(language, match["n"])
        spelled = spelled_amount(language, number, match["name"], match["scale"], singular=bool(match["one"]))
        paid = rate(language, match)
        paid = paid.replace(" на ", " за ") if language.code == "ru" else paid
        return spelled + paid + stop(match, "name", language)

    signs = {letter for name in language.currencies for letter in (name[0], name)}
    return [Rule(after, amount, signs), Rule(before, amount, signs)]


def stop(match: re.Match[str], group: str, language: WordTable) -> str:
    """Return the stop of an abbreviation where it ends the text or the sentence too: it costs 100 kr."""
    if not match[group].endswith(".") or match.end(group) != match.end():
        return ""
    begins = BEGINS if language.code in {"de", "en"} else CAPITAL
    return "." if match.end() == len(match.string) or begins.compiled.match(match.string, match.end()) else ""


@lru_cache(maxsize=4096)
def spelled_amount(
    language: WordTable, number: Number, name: str, scale: str | None, *, singular: bool = False
) -> str:
    """Return an amount of money in words."""
    currency = language.currencies[name]
    if scale:
        noun = currency.major.forms[0] if singular else language.noun(currency.major, 1_000_000)
        forms = Noun(tuple(language.magnitudes[scale].split("/")))
        feminine = (
            "f" if "f" in language.rules and language.plural == "ru" and forms.forms[0].endswith("а") else ""
        )
        spelled = [
            number.spelled(language, feminine),
            language.noun(forms, number.count),
            (language.of_vowel if noun[0] in "aeiouyéè" else language.of) + noun,
        ]
        return language.space.join(spelled)
    if currency.minor is None:
        number = replace(number, fraction=number.fraction.rstrip("0"))
    if len(number.fraction) != 2 or currency.minor is None:
        return number.counting(language, currency.major, singular=singular)
    major = Number(number.whole).counting(language, currency.major, singular=singular)
    hundredths = number.fraction.lstrip("0")
    if not hundredths:
        return major
    minor = Number(hundredths).counting(language, currency.minor, singular=singular)
    if not number.whole.strip("0"):
        return minor
    parts = {"major": major, "minor": minor, "cents": spelling.cardinal(language, hundredths)}
    return language.money.format_map(parts)
