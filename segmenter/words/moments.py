"""Dates and times of day."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, either

__all__ = ["date_rules", "time_rules"]

HOUR, MINUTE = r"(?:[01]?\d|2[0-4])", r"[0-5]\d"
HALF = r"(?P<half>[AaPp])(?:\.[Mm]\.(?=[,;:)?!]|[ \u00a0][a-z(])|\.?[Mm](?!\w))"
SUFFIX = r"(?:st|nd|rd|th|\.|er|º|ª|:a|:e)?"


def time_rules(language: WordTable) -> list[Rule]:
    """Return the rule for times of day: 10:30, 10:30 p.m., and as the language writes them."""
    time = language.time
    separator = time.get("separator", ":")
    lead, after = time.get("lead", "(?!)"), time.get("after", "(?!)")
    pattern = re.compile(
        rf"(?P<lead>(?<!\w)(?i:{lead})[ \u00a0])?(?<![A-Za-z\d:.,/])"
        rf"(?P<h>{HOUR})(?P<mark>{separator}|\.)(?P<m>{MINUTE})"
        rf"(?::(?P<s>{MINUTE}))?(?![\d:]|[.,]\d)(?:[ \u00a0]?{HALF})?"
        rf"(?P<after>[ \u00a0]?(?:{after})(?!\w))?"
    )

    def spelled(match: re.Match[str]) -> str:
        if match["mark"] == "." and not (match["lead"] or match["after"] or match["half"]):
            return match[0]
        clock = spelled_time(language, int(match["h"]), int(match["m"]), match["half"])
        if match["s"] and int(match["s"]):
            clock += language.space + spelling.cardinal(language, str(int(match["s"])))
        return (match["lead"] or "") + clock

    hour = re.compile(rf"(?<![\w:.,])(?P<h>1[0-2]|0?[1-9])[ \u00a0]?{HALF}")

    def spelled_hour(match: re.Match[str]) -> str:
        return spelled_time(language, int(match["h"]), 0, match["half"])

    needs = {*":.", *re.findall(r"[a-z]", separator)}
    found = [Rule(pattern, spelled, needs)]
    return [*found, Rule(hour, spelled_hour, "mM")] if "am" in time else found


def spelled_time(language: WordTable, hour: int, minute: int, half: str | None) -> str:
    """Return a time of day in words."""
    time = language.time
    gender = time.get("gender", "")
    name = language.hours[hour] if language.hours else spelling.cardinal(language, str(hour), gender)
    name = time.get("one", name) if hour == 1 else name
    minutes = spelling.cardinal(language, str(minute), time.get("minutes", ""))
    form = time["form"]
    if minute == 0:
        full = time.get("full", "{h}")
        form = time.get("bare", "{h}") if half else time.get("late", full) if hour > 12 else full
    elif minute < 10:
        form = time.get("zero", form)
    noun = language.noun(language.units["h"], hour)
    clock = form.format(h=name, m=minutes, hour=noun, minute=language.noun(language.units["min"], minute))
    marked = time.get("am" if half in {"a", "A"} else "pm") if half else None
    return f"{clock} {marked}" if marked else clock


def date_rules(language: WordTable) -> list[Rule]:
    """Return the rules for dates in digits, and for days before or after a month's name."""
    iso = re.compile(r"(?<![\w.-])(?P<year>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?!\d|-)(?:T(?=\d\d:))?")
    marks = "[/]" if language.code == "en" else "[./]"
    digits = re.compile(
        rf"(?<![\w./])(?P<a>\d{{1,2}})(?P<mark>{marks})(?P<b>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}})(?![\w/]|\.\d)"
    )

    oblique = re.compile(rf"\b(?:{language.date.get('oblique', '(?!)')})[ \u00a0]\Z", re.IGNORECASE)

    def numeric(match: re.Match[str]) -> str:
        parts = match.groupdict()
        first, second = int(parts.get("a") or parts["d"]), int(parts.get("b") or parts["m"])
        if "a" in parts and language.date.get("order") == "mdy" and first <= 12:
            first, second = second, first
        year = match["year"] if len(match["year"]) == 4 else "20" + match["year"]
        ending = " " if match[0].endswith("T") else ""
        rule = "oblique" if oblique.search(match.string[max(0, match.start() - 8) : match.start()]) else "day"
        return (spelled_date(language, first, second, year, rule=rule) or match[0]) + ending

    return [Rule(iso, numeric, "-"), Rule(digits, numeric, "./"), *named_rules(language)]


def spelled_date(
    language: WordTable, day: int, month: int, year: str | None = None, form: str = "", rule: str = "day"
) -> str | None:
    """Return a date in words, or None where there is no such day."""
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    default = "{day} {month} {year}" if year else "{day} {month}"
    return (form or language.date.get("form" if year else "short", default)).format(
        day=spelled_day(language, day, rule),
        month=language.months[month - 1],
        year=spelled_year(language, year) if year else "",
    )


def spelled_year(language: WordTable, year: str) -> str:
    """Return the year of a date in words: in some languages in a case of its own."""
    rule = language.rules.get("date_year", "")
    return (spelling.ordinal(language, year, rule) if rule else None) or spelling.year(language, year)


def spelled_day(language: WordTable, day: int, rule: str) -> str:
    """Return the day of a month as the language says it, by a rule of its table."""
    if day == 1 and "first" in language.date:
        return language.date["first"]
    if language.month_days:
        return language.month_days[day - 1]
    name = language.rules.get(rule)
    spelled = spelling.ordinal(language, str(day), name) if name else None
    return spelled or spelling.cardinal(language, str(day), language.date.get("gender", ""))


def month_numbers(language: WordTable) -> dict[str, int]:
    """Return the names of months as texts write them, with their numbers."""
    months = {name: number for number, name in enumerate(language.months, 1)}
    if language.code == "en":
        months |= {name[:3]: number for name, number in months.items()} | {"Sept": 9}
    return months | {name.capitalize(): number for name, number in months.items()}


def named_rules(language: WordTable) -> list[Rule]:
    """Return the rules for `15 March 2025`, in English for `March 15, 2025` too."""
    if language.date.get("named") == "no":
        return []
    months = month_numbers(language)
    name = rf"(?P<month>{either(months)})(?!\w)"
    year = r"(?:\.?,?[ \u00a0](?P<year>\d{4})(?![\d:]|[.,]\d))?"
    oblique = language.date.get("oblique")
    lead = rf"(?P<lead>(?<!\w)(?i:{oblique})[ \u00a0])?" if oblique else r"(?P<lead>(?<!\w)[Tt]he[ \u00a0])?"
    of = r"(?:(?:of|de)[ \u00a0])?"
    day_first = re.compile(rf"{lead}(?<![\w.,:/-])(?P<d>\d{{1,2}}){SUFFIX}[ \u00a0]{of}{name}{year}")
    month_first = re.compile(
        rf"(?<!\w){name}\.?[ \u00a0](?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|[.,]\d|-\d){year}"
    )

    def before(match: re.Match[str]) -> str:
        rule = "oblique" if oblique and match["lead"] else "day"
        number = months[match["month"]]
        spelled = spelled_date(language, int(match["d"]), number, form=language.date.get("of", ""), rule=rule)
        if spelled is None:
            return match[0]
        after = " " + spelled_year(language, match["year"]) if match["year"] else ""
        return (match["lead"] if oblique and match["lead"] else "") + spelled + after

    def after(match: re.Match[str]) -> str:
        return spelled_date(language, int(match["d"]), months[match["month"]], match["year"]) or match[0]

    needs = set(re.findall(r"[^\W\d_]+", " ".join(months)))
    found = [Rule(day_first, before, needs)]
    return [*found, Rule(month_first, after, needs)] if language.code == "en" else found
