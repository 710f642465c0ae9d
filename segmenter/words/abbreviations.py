"""Abbreviations that a reader says in full: titles, weekdays, short words."""

import re
from collections.abc import Iterable

from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written, either

__all__ = ["LOWER", "abbreviation_rules", "sentence_goes_on", "weekday_rules"]

LOWER = "a-zß-öø-ÿāăąćčďđēęěğıłńňőœřśşšťūůűźżžа-яёіїєґα-ωά-ώ"
GOES_ON = Written(rf"[ \u00a0]?[,;:)?!]|[ \u00a0][{LOWER}(]")

COUNTED = Written(r"\d[ \u00a0]?\Z")  # before an abbreviation that is a unit there: 5 см.


def sentence_goes_on(text: str, end: int) -> bool:
    """Whether what stands at `end`, after an abbreviation's stop, belongs to the same sentence."""
    return GOES_ON.compiled.match(text, end) is not None


def abbreviation_rules(language: WordTable) -> list[Rule]:
    """Return the rules for titles before a name and for short words anywhere."""
    titles, short = language.titles, language.short
    title = Written(rf"(?<![\w.])(?P<a>{either(titles)})[ \u00a0](?=[^\W\d_{LOWER}])")
    word = Written(rf"(?<![\w.])(?P<a>{either(short)})(?![\w/])")

    def shortened(match: re.Match[str]) -> str:
        spoken, dotted = short[match["a"]], match["a"].endswith(".")
        if (
            dotted
            and match["a"][:-1] in language.units
            and COUNTED.compiled.search(match.string[: match.start()][-3:])
        ):
            return match[0]
        is_last = dotted and match.end() == len(match.string)
        may_end = dotted and spoken.endswith(".") and not sentence_goes_on(match.string, match.end())
        return spoken.removesuffix(".") + ("." if is_last or may_end else "")

    found = []
    if titles:
        found.append(Rule(title, lambda match: titles[match["a"]] + " ", first_words(titles)))
    if short:
        found.append(Rule(word, shortened, first_words(short)))
    return found


def first_words(names: Iterable[str]) -> set[str]:
    """Return what a text with one of the names has at least: its first word, or its first sign."""
    return {(re.findall(r"[^\W\d_]+", name) or [name[0]])[0] for name in names}


def weekday_rules(language: WordTable) -> list[Rule]:
    """Return the rules for weekdays: `Mon–Fri`, and before a date, a time or a comma."""
    days = language.weekdays
    if not days:
        return []
    name = either(days)
    to = language.signs.get("days", f" {language.signs['to']} ")
    joined = r"[ \u00a0]?[–-][ \u00a0]?|[ \u00a0](?:&|and|und|bis|to|et|au|y|a|e|и|по)[ \u00a0]"
    span = Written(rf"(?<![\w.-])(?P<a>{name})\.?(?P<to>{joined})(?P<b>{name})\b\.?(?![\w-])")
    month = either(month_starts(language))
    hour = r"\d{1,2}(?:[:h]\d|\.(?:[ \u00a0]|\d)|[ ]?[AaPp]\.?[Mm]\b|[ ]?h\b|[ ]?[–-][ ]?\d{1,2}\b)"
    dated = rf"\d{{1,2}}(?:\.|st|nd|rd|th|er)?[ \u00a0](?:de[ \u00a0])?(?:{month})\b"
    alone = Written(
        rf"(?<![\w.–-])(?P<a>{name})"
        rf"(?:(?:\.,?|,)(?=[ \u00a0]+(?:the[ \u00a0])?\d)|"
        rf"\.?,?(?=[ \u00a0]+(?:{month})\b)|(?=[ \u00a0]+(?:{hour}|{dated})))"
    )

    def spanned(match: re.Match[str]) -> str:
        first, last = days[match["a"]], days[match["b"]]
        if match["to"].strip() not in {"-", "–"}:
            return first + match["to"] + last
        if "{a}" in to:
            return to.replace("{a}", first).replace("{b}", last)
        return first + to + last

    def named(match: re.Match[str]) -> str:
        return days[match["a"]] + ("," if match[0].endswith(",") else "")

    spans = [] if language.code == "ru" else [Rule(span, spanned, set(days))]  # there in other cases
    return [*spans, Rule(alone, named, set(days))]


def month_starts(language: WordTable) -> list[str]:
    """Return the names of months that may follow a weekday."""
    short = [name.removesuffix(".") for name in language.short_months]
    return [*language.months, *short, *(name.capitalize() for name in [*language.months, *short])]
