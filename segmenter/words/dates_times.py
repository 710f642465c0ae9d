"""Dates and times of day."""

import re
from collections.abc import Callable

from segmenter.words import spelling
from segmenter.words.abbreviations import sentence_goes_on
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, either, numeric

__all__ = ["date_rules", "joined_dates", "time_rules"]

HOUR, MINUTE = r"(?:[01]?\d|2[0-4])", r"[0-5]\d"
HALF = (
    r"(?P<half>[AaPp])(?:\.[Mm]\.(?=[,;:)?!]|[ \u00a0]"
    r"(?:[a-z(\d]|[A-Z]{1,3}T\b|UTC\b|(?:Mon|Tue|Wednes|"
    r"Thurs|Fri|Satur|Sun)day\b))|\.?[Mm](?!\w))"
)
DASHED = Written(r"[\w.][ \u00a0][–-][ \u00a0](?=[^\n]{0,14}\d)")
SUFFIX = r"(?:st|nd|rd|th|\.|er|º|ª|:a|:e)?"


def time_rules(language: WordTable) -> list[Rule]:
    """Return the rule for times of day: 10:30, 10:30 p.m., and as the language writes them."""
    time = language.time
    separator = time.get("separator", ":")
    lead, after = time.get("lead", "(?!)"), time.get("after", "(?!)")
    # Without a word before it begins with a digit, so that the search skips all else fast.
    begin = rf"(?P<lead>(?<!\w)(?i:{lead})[ \u00a0])?(?<![A-Za-z\d:.,/])(?P<h>{HOUR})"
    if "lead" not in time:
        begin = r"(?P<h>\d(?<![A-Za-z\d:.,/].)(?:(?<=[01])\d|(?<=2)[0-4])?)(?P<lead>(?!))?"
    pattern = Written(
        rf"{begin}(?P<mark>{separator}|\.)(?P<m>{MINUTE})"
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

    hour = Written(rf"(?<![\w:.,])(?P<h>1[0-2]|0?[1-9])[ \u00a0]?{HALF}")

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
    iso = Written(r"(?<![\w.-])(?P<year>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?!\d|-)(?:T(?=\d\d:))?")
    marks = r"/|\.(?=\d{1,2}\.\d{4})" if language.code == "en" else "[./]"
    digits = Written(
        rf"(?<![\w./=])(?P<a>\d{{1,2}})(?P<mark>{marks})"
        rf"(?P<b>\d{{1,2}})(?P=mark)(?P<year>\d{{4}}|\d{{2}})"
        rf"(?![\w/]|\.\d)"
    )

    def in_digits(match: re.Match[str]) -> str:
        parts = match.groupdict()
        first, second = int(parts.get("a") or parts["d"]), int(parts.get("b") or parts["m"])
        if "a" in parts and language.date.get("order") == "mdy" and first <= 12:
            first, second = second, first
        year = match["year"] if len(match["year"]) == 4 else "20" + match["year"]
        ending = " " if match[0].endswith("T") else ""
        words = match.string[max(0, match.start() - 8) : match.start()].split()
        rule = day_rule(language, words[-1] if words and match.string[match.start() - 1] in " \u00a0" else "")
        return (spelled_date(language, first, second, year, rule=rule) or match[0]) + ending

    month = Written(r"(?<![\w./,-])(?P<m>0[1-9]|1[0-2])/(?P<year>20\d\d)(?![\w/-])")

    def of_year(match: re.Match[str]) -> str:
        of = language.date.get("month_of", "")
        name = (language.date.get("nominative", "").split() or language.months)[int(match["m"]) - 1]
        return f"{name} {of}{spelled_year(language, match['year'])}"

    numbers = [Rule(iso, in_digits, "-"), Rule(digits, in_digits, "./"), Rule(month, of_year, "/")]
    return [*numeric(numbers), *named_rules(language)]


def joined_dates(text: str, language: WordTable) -> str:
    """Return the text with a word for the dash between two dates, which is a pause elsewhere."""
    if DASHED.compiled.search(text) is None or language.date.get("named") == "no":
        return text
    month = either(month_numbers(language))
    of = r"(?:de[ \u00a0])?"
    day = rf"\d{{1,2}}\.?[ \u00a0]{of}(?:{month})\.?(?:,?[ \u00a0]{of}\d{{4}})?"
    first = rf"(?:{day}|(?:{month})\.?[ \u00a0]\d{{1,2}}(?:,[ \u00a0]\d{{4}})?)"
    span = Written(rf"(?P<a>{first})[ \u00a0][–-][ \u00a0](?=(?:the[ \u00a0])?{first})")
    to = language.date.get("to", language.signs["to"])
    return span.compiled.sub(lambda match: f"{match['a']} {to} ", text)


def day_rule(language: WordTable, lead: str) -> str:
    """Return the rule for a day after a word: an article or a preposition may decide its ending."""
    for key in ("oblique", "definite"):
        if re.fullmatch(language.date.get(key, "(?!)"), lead, re.IGNORECASE):
            return key
    return "day"


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
    """Return the names of months as texts write them, short ones without their stop, with their numbers."""
    months = {name: number for number, name in enumerate(language.months, 1)}
    short = {name.removesuffix("."): number for number, name in enumerate(language.short_months, 1)}
    more = {
        name: number
        for number, names in enumerate(language.date.get("abbreviated", "").split(), 1)
        for name in names.split("/")
    }
    found = {name: number for name, number in (short | more | months).items() if name.isalpha()}
    lower = {name.lower(): number for name, number in months.items() if name not in {"May", "March"}}
    return (
        found
        | lower
        | {name.capitalize(): number for name, number in found.items()}
        | {name.upper(): number for name, number in months.items()}
    )


def named_rules(language: WordTable) -> list[Rule]:
    """Return the rules for `15 March 2025` and `3.–5. Mai`, in English for `March 15, 2025` too."""
    if language.date.get("named") == "no":
        return []
    months = month_numbers(language)
    needs = set(re.findall(r"[^\W\d_]+", " ".join(months)))
    found = [Rule(day_first(language, months), day_first_speller(language, months), needs)]
    if language.code == "en":
        found.append(month_first_rule(language, months, needs))
    return [span_of_months(language, months)._replace(needs=needs), *numeric(found)]


def span_of_months(language: WordTable, months: dict[str, int]) -> Rule:
    """Return the rule for months without a day: `Oct-Dec 2024`, `Aug. 2021`."""
    name = either(months)
    pattern = Written(
        rf"(?<![\w.-])(?<!\d[ \u00a0])(?<!\d\.[ \u00a0]"
        rf")(?P<a>{name})\b\.?(?:[ \u00a0]?[–-][ \u00a0]"
        rf"?(?P<b>{name})\b\.?(?!-)|(?=[ \u00a0]\d{{4}}"
        rf"(?![\d:]|[.,]\d)))"
    )

    def full(match: re.Match[str]) -> str:
        first = language.date.get("nominative", "").split() or list(language.months)
        names = [first[months[match[part]] - 1] for part in ("a", "b") if match[part]]
        return f" {language.signs['to']} ".join(names)

    return Rule(pattern, full)


def day_first(language: WordTable, months: dict[str, int]) -> Written:
    """Return the pattern of a day, or two, and the name of a month after it."""
    oblique = "|".join(language.date[key] for key in ("oblique", "definite") if key in language.date)
    lead = rf"(?P<lead>(?<!\w)(?i:{oblique})[ \u00a0])?" if oblique else r"(?P<lead>(?<!\w)[Tt]he[ \u00a0])?"
    join = language.date.get("join", r"(?!)")
    two = rf"(?:(?P<d0>\d{{1,2}}){SUFFIX}(?P<join>[ \u00a0]?[–-][ \u00a0]?|[ \u00a0](?:{join})[ \u00a0]))?"
    of = r"(?:(?:of|de)[ \u00a0])?"
    year = (
        rf"(?:,?[ \u00a0](?:{language.date.get('of_year', '(?!)')}[ "
        rf"\u00a0])?(?P<year>\d{{4}})(?![\d:]|[.,]\d))?"
    )
    tail = language.date.get("tail", "(?!)")
    return Written(
        rf"{lead}(?<![\w.,:/-]){two}(?P<d>\d{{1,2}}){SUFFIX}[ "
        rf"\u00a0]{of}(?P<month>{either(months)})(?!\w)"
        rf"(?P<stop>\.)?{year}"
        rf"(?P<tail>[ \u00a0](?:{tail})(?!\w))?"
    )


def day_first_speller(language: WordTable, months: dict[str, int]) -> Callable[[re.Match[str]], str]:
    """Return what says a match of `day_first`."""
    oblique = language.date.get("oblique")

    def spelled(match: re.Match[str]) -> str:
        rule = day_rule(language, (match["lead"] or "").strip())
        form = language.date.get("of", "")
        said = spelled_date(language, int(match["d"]), months[match["month"]], form=form, rule=rule)
        if said is None or (match["d0"] and not 0 < int(match["d0"]) < 32):
            return match[0]
        if match["d0"]:
            join = match["join"].strip()
            first = spelled_day(language, int(match["d0"]), rule)
            to = language.date.get("to", language.signs["to"]) if join in {"-", "–"} else join
            said = f"{'the ' if form.startswith('the') else ''}{first} {to} {said}"
        after = dated_year(language, match["year"]) if match["year"] else ""
        ends = match["stop"] and not (match["year"] or sentence_goes_on(match.string, match.end("stop")))
        return (match["lead"] if oblique and match["lead"] else "") + said + after + ("." if ends else "")

    return spelled


def dated_year(language: WordTable, year: str) -> str:
    """Return the year after a day and a month, with what the language puts before and after it."""
    return " " + language.date.get("year", "{year}").format(year=spelled_year(language, year))


def month_first_rule(language: WordTable, months: dict[str, int], needs: set[str]) -> Rule:
    """Return the rule for `March 15, 2025` and `May 3-5`."""
    pattern = Written(
        rf"(?<!\w)(?P<month>{either(months)})(?!\w)\.?[ \u00a0](?P<d>\d{{1,2}})(?:st|nd|rd|th)?"
        rf"(?:[ \u00a0]?[–-][ \u00a0]?(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?![\d-]))?(?![\w:%]|[.,]\d|-\d)"
        rf"(?:,?[ \u00a0](?P<year>\d{{4}})(?![\d:]|[.,]\d))?"
    )

    def spelled(match: re.Match[str]) -> str:
        said = spelled_date(language, int(match["d"]), months[match["month"]])
        if said is None or not 0 < int(match["d1"] or 1) < 32:
            return match[0]
        last = f" to {spelled_day(language, int(match['d1']), 'day')}" if match["d1"] else ""
        return said + last + (f", {spelled_year(language, match['year'])}" if match["year"] else "")

    return Rule(pattern, spelled, needs)
