"""Polish: ordinals by case and gender, in years, hours, centuries and before nouns."""

import re

from segmenter.words import spelling
from segmenter.words.abbreviations import sentence_goes_on
from segmenter.words.languages import Noun, WordTable
from segmenter.words.quantities import Number, written_number
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule, Written, either

__all__ = ["polish_rules"]

STEMS = (
    "pierwsz drug trzec czwart piąt szóst siódm ósm dziewiąt dziesiąt jedenast dwunast trzynast czternast"
    " piętnast szesnast siedemnast osiemnast dziewiętnast"
    " dwudziest trzydziest czterdziest pięćdziesiąt sześćdziesiąt siedemdziesiąt osiemdziesiąt"
    " dziewięćdziesiąt setn dwusetn trzysetn czterysetn pięćsetn sześćsetn siedemsetn osiemsetn dziewięćsetn"
)
ONES, TENS, HUNDREDS = STEMS.split()[:19], STEMS.split()[19:27], STEMS.split()[27:]
SCALES = {
    "mln": ("milion", "miliony", "milionów", "miliona"),
    "mld": ("miliard", "miliardy", "miliardów", "miliarda"),
    "tys": ("tysiąc", "tysiące", "tysięcy", "tysiąca"),
}
THOUSANDS = {1: "tysięczn", 2: "dwutysięczn", 3: "trzytysięczn"}
ENDINGS = {
    "nominative": "y",
    "genitive": "ego",
    "locative": "ym",
    "feminine": "a",
    "feminine oblique": "ej",
    "neuter": "e",
}
GENITIVE = "od|do|z|ze|sprzed|koło|około|początku|końca|wiosną|latem|jesienią|zimą"
NUMERAL = r"(?=[XVI])X{0,3}(?:IX|IV|V?I{0,3})"
PLACES = "[Ww]|[Ww]e|[Nn]a|[Pp]o|[Pp]rzy|[Oo]"
YEAR = r"(?P<year>1\d{3}|20\d\d)(?![\d.,:-]\d)"


def ordinal(language: WordTable, number: int, form: str) -> str:
    """Return an ordinal: only its tens and ones are inflected, or its last hundreds or thousands."""
    rest, last = number // 100 * 100, number % 100
    if number >= 100 and last == 0:
        rest, stem = (number // 1000 * 1000, HUNDREDS[number // 100 % 10 - 1]) if number % 1000 else (0, "")
        if not stem:
            return inflected(THOUSANDS.get(number // 1000, "tysięczn"), form)
        return before(language, rest) + inflected(stem, form)
    tens = inflected(TENS[last // 10 - 2], form) + " " if last >= 20 else ""
    ones = last % 10 if last >= 20 else last
    return (before(language, rest) + tens + (inflected(ONES[ones - 1], form) if ones else "")).rstrip()


def before(language: WordTable, number: int) -> str:
    """Return the part of an ordinal that stays a cardinal."""
    return spelling.cardinal(language, str(number)) + " " if number else ""


def inflected(stem: str, form: str) -> str:
    """Return a stem with its ending, soft after g and c: drugi, trzeciego."""
    ending = ENDINGS[form]
    if stem in {"drug", "trzec"}:
        soft = {"y": "i", "ym": "im", "ego": "iego", "e": "ie"}
        ending = soft.get(ending, ending if stem == "drug" else "i" + ending)
    return stem + ending


def polish_rules(language: WordTable) -> list[Rule]:
    """Return the rules of Polish that come before those of all languages."""
    return [
        telephone_rule(language),
        *date_rules(language),
        *year_rules(language),
        *hour_rules(language),
        *place_rules(language),
        scale_rule(language),
        ratio_rule(language),
    ]


def in_year(match: re.Match[str]) -> str:
    """Return `roku` for what a year has after it, with the stop of r. where that ends its sentence too."""
    ends = match["noun"] == "r." and not sentence_goes_on(match.string, match.end())
    return " roku" + ("." if ends else "")


def year_rules(language: WordTable) -> list[Rule]:
    """Return the rules for years alone: w 1990 r., od 2010 roku, rok 1984."""

    def year(match: re.Match[str]) -> str:
        lead = match["lead"] or ""
        form = "locative" if lead.strip().lower() in {"w", "we"} else "genitive"
        return lead + ordinal(language, int(match["year"]), form) + in_year(match)

    def named(match: re.Match[str]) -> str:
        return match["lead"] + ordinal(language, int(match["year"]), "nominative")

    lead = rf"(?P<lead>(?<!\w)(?:[Ww]e?|{GENITIVE})[ \u00a0])?"
    return [
        Rule(Written(rf"{lead}(?<![\d.,:-]){YEAR}[ \u00a0](?P<noun>r\.|roku)(?!\w)"), year),
        Rule(Written(rf"(?P<lead>(?<!\w)[Rr]ok[ \u00a0]){YEAR}"), named),
    ]


def date_rules(language: WordTable) -> list[Rule]:
    """Return the rules for dates, whose year is in the genitive as the day is: 3 maja 1990 r."""
    short = dict(zip(language.short_months, language.months, strict=True))

    def dated(match: re.Match[str]) -> str:
        day, month = int(match["day"]), match["month"]
        if not 1 <= day <= 31:
            return match[0]
        name = language.months[int(month) - 1] if month.isdigit() else short.get(month.rstrip("."), month)
        year = " " + ordinal(language, int(match["year"]), "genitive") if match["year"] else ""
        return f"{language.month_days[day - 1]} {name}{year}" + (in_year(match) if match["noun"] else "")

    noun = r"(?:[ \u00a0](?P<noun>r\.|roku)(?!\w))?"
    iso = r"(?<![\w.-])(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3]\d)(?!\d|-)"
    digits = r"(?<![\w./])(?P<day>\d{1,2})[./](?P<month>0?[1-9]|1[0-2])[./](?P<year>\d{4})(?![\d/]|\.\d)"
    months = rf"{either(language.months)}|(?:{either(short)})\.?"
    month = rf"(?<![\w.,])(?P<day>\d{{1,2}})[ \u00a0](?P<month>{months})(?!\w)"
    return [
        Rule(Written(iso + noun), dated, "-"),
        Rule(Written(digits + noun), dated, "./"),
        Rule(Written(rf"{month}(?:[ \u00a0]{YEAR})?{noun}"), dated),
    ]


def hour_rules(language: WordTable) -> list[Rule]:
    """Return the rules for hours after a preposition: o 14:30, od 9:00 do 17:00, o godz. 9."""

    def hour(match: re.Match[str]) -> str:
        number, minutes = int(match["h"]), match["m"]
        lead = re.sub(r"godz\.", "godzinie" if match["lead"][0] in "oO" else "godziny", match["lead"])
        said = ordinal(language, number, "feminine oblique") if number else "zero"
        if minutes and int(minutes):
            said += (" zero " if minutes[0] == "0" else " ") + spelling.cardinal(language, str(int(minutes)))
        return lead + said

    lead = r"(?P<lead>(?<!\w)(?:[Oo]|[Oo]d|[Dd]o|[Pp]o|[Oo]koło)[ \u00a0])"
    named = r"(?P<lead>(?<!\w)(?:[Oo]|[Oo]d|[Dd]o)[ \u00a0](?:godz\.|godzinie|godziny)[ \u00a0])"
    clock = r"(?P<h>[01]?\d|2[0-4])[:.](?P<m>[0-5]\d)(?![\d:%]|[.,]\d)"
    return [
        Rule(Written(lead + clock), hour, ":."),
        Rule(Written(rf"{named}(?P<h>[01]?\d|2[0-4])(?:[:.](?P<m>[0-5]\d))?(?!\d)"), hour),
    ]


def place_rules(language: WordTable) -> list[Rule]:
    """Return the rules for XX wiek, w XIX wieku, 3. miejsce, w 2. rundzie."""

    def century(match: re.Match[str]) -> str:
        lead, number = match["lead"] or "", roman_value(match["r"])
        form = (
            "nominative"
            if match["noun"] == "wiek"
            else "locative"
            if lead.strip().lower() in {"w", "we"}
            else "genitive"
        )
        return f"{lead}{ordinal(language, number, form)} {match['noun']}"

    def placed(match: re.Match[str]) -> str:
        lead, noun = match["lead"] or "", match["noun"]
        return f"{lead}{ordinal(language, int(match['n']), gender(noun, oblique=bool(lead)))} {noun}"

    roman = rf"(?P<lead>(?<!\w)[Ww]e?[ \u00a0])?(?<!\w)(?P<r>{NUMERAL})[ \u00a0](?P<noun>wieku?)(?!\w)"
    number = rf"(?P<lead>(?<!\w)(?:{PLACES})[ \u00a0])?(?<![\w.,:])(?<!\A)(?P<n>[1-9]\d?)\.[ \u00a0]"
    return [
        Rule(Written(roman), century, "XVI"),
        Rule(Written(number + r"(?P<noun>[a-ząćęłńóśźż]{3,20})(?!\w)"), placed, "."),
    ]


def telephone_rule(language: WordTable) -> Rule:
    """Return the rule for a number after tel.: its groups digit by digit."""

    def spelled(match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match["n"])
        return match["lead"] + ", ".join(spelling.digit_by_digit(language, group) for group in groups)

    lead = r"(?P<lead>(?<!\w)(?i:tel\.?|telefon|telefonu|numer telefonu|kom\.)[: \u00a0]{1,3})"
    return Rule(Written(rf"{lead}(?P<n>\d{{2,4}}(?:[ -]\d{{2,4}}){{1,4}})(?![\w-])"), spelled, "tTkK")


def ratio_rule(language: WordTable) -> Rule:
    """Return the rule for a score or a scale: 3:2, in which the second number is in the genitive."""

    def spelled(match: re.Match[str]) -> str:
        first = spelling.cardinal(language, match["a"])
        return f"{first} do {spelling.spell(language, int(match['b']), 'cardinal-masculine-genitive')}"

    return Rule(
        Written(r"(?<![\d.,:-])(?P<a>\d{1,3}):(?P<b>\d|\d{3,6}|[6-9]\d)(?![\d:-]|\.\d)"), spelled, ":"
    )


def scale_rule(language: WordTable) -> Rule:
    """Return the rule for mln, mld and tys. before a noun: 5 mln sztuk."""

    def spelled(match: re.Match[str]) -> str:
        number = Number.read(language, match["n"])
        return number.counting(language, Noun(SCALES[match["scale"].rstrip(".")]))

    number = written_number(language)
    ahead = rf"(?=[ \u00a0](?!{either(language.currencies)})[a-ząćęłńóśźż]{{3}})"
    return Rule(Written(rf"(?P<n>{number})[ \u00a0](?P<scale>mln|mld|tys\.){ahead}"), spelled, "mt")


def gender(noun: str, *, oblique: bool) -> str:
    """Return the form of an ordinal before a noun, by how the noun ends."""
    if oblique and noun.endswith(("u", "rze")):
        return "locative"
    if oblique and noun.endswith(("ie", "ce", "ji", "ii", "li")):
        return "feminine oblique"
    return (
        "feminine"
        if noun.endswith(("a", "ść"))
        else "neuter"
        if noun.endswith(("e", "o", "ę"))
        else "nominative"
    )
