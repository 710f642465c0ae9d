"""Dates and times of day in Chinese and Japanese, which write both with the same characters."""

import re

from segmenter.words.east.common import ALONE, SEPARATOR, SEPARATORS, Writer, rule
from segmenter.words.rules import Rule

__all__ = ["DAYS", "MONTHS", "date_rules", "time_rules"]

YEAR = r"(?:1[0-9]|20)\d\d"
DAYS = r"(?P<day>3[01]|[12]\d|0?[1-9])"
MONTHS = r"(?P<month>1[0-2]|0?[1-9])"
CLOCK = r"(?P<h>[01]?\d|2\d):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\d:])"
HALF = r"(?:[ ]?(?P<half>[AaPp])\.?[Mm]\.?(?![A-Za-z]))?"


def date_rules(writer: Writer) -> list[Rule]:
    """Return the rules for 2024-03-15, 2024/3/15, 2024.3.15, 15.3.2024 and spans of years."""
    table = writer.language

    def date(match: re.Match[str]) -> str:
        day = table.date["form"].format(
            year=year(match["year"]),
            month=table.months[int(match["month"]) - 1],
            day=writer.whole(str(int(match["day"]))),
        )
        return day + (" " if match[0].endswith("T") else "")

    def year(digits: str) -> str:
        return writer.digits(digits) if writer.style.two else writer.whole(digits)

    def years(match: re.Match[str]) -> str:
        return year(match["a"]) + writer.style.to + year(match["b"])

    end = r"(?![\d/]|[.-]\d)"
    span = rf"(?<![\d.])(?P<a>{YEAR}){SEPARATOR}"
    return [
        rule(rf"(?<![A-Za-z\d.-])(?P<year>\d{{4}})-{MONTHS}-{DAYS}(?:T(?=\d\d:)|{end})", date, "-"),
        rule(rf"(?<![\d./])(?P<year>{YEAR})(?P<mark>[./]){MONTHS}(?P=mark){DAYS}{end}", date, "./"),
        rule(rf"(?<![\d./]){DAYS}(?P<mark>[./]){MONTHS}(?P=mark)(?P<year>{YEAR}){end}", date, "./"),
        rule(rf"{span}(?P<b>{YEAR}|\d\d)(?=年|赛季|シーズン|学年)", years, SEPARATORS),
        rule(rf"(?<=[(（]){span}(?P<b>{YEAR})(?=[)）])", years, SEPARATORS),
        rule(rf"{span}(?P<b>\d\d)(?=年|赛季|シーズン|学年)", years, SEPARATORS),
    ]


def time_rules(writer: Writer) -> list[Rule]:
    """Return the rules for 10:30, 10:30:15, 10:30 pm and 3 pm."""
    table = writer.language
    time = table.time

    def clock(match: re.Match[str]) -> str:
        hour, minute, second = match["h"], int(match["m"]), match["s"]
        form = time["full"] if minute == 0 and not second else time["zero"] if minute < 10 else time["form"]
        said = form.format(h=writer.counting(str(int(hour))), m=writer.whole(str(minute)))
        if second:
            said += writer.whole(str(int(second))) + time["second"]
        return half(match["half"]) + said

    def hour(match: re.Match[str]) -> str:
        return half(match["half"]) + time["full"].format(h=writer.counting(str(int(match["h"]))))

    def half(letter: str | None) -> str:
        return "" if letter is None else time["am" if letter in "Aa" else "pm"]

    between = rf"(?P<first>(?<![\d:.])\d{{1,2}}:[0-5]\d){SEPARATOR}(?=\d{{1,2}}:[0-5]\d(?!\d))"
    alone_hour = rf"{ALONE}(?P<h>1[0-2]|0?[1-9]){HALF.removesuffix('?')}"
    return [
        rule(between, lambda match: match["first"] + writer.style.to, SEPARATORS),
        rule(rf"(?<![A-Za-z\d:./]){CLOCK}{HALF}", clock, ":"),
        rule(alone_hour, hour, "mM"),
    ]
