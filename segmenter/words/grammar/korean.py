"""Korean: dates, fractions and ranges where a hangul touches the figures, and numbers before counters."""

import re

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule

__all__ = ["korean_rules"]

SPAN = r"[ ]?[-–~～〜∼][ ]?"
SHORT = {"6월": "유월", "10월": "시월"}
COUNTED = (
    "(?!의|이|가|은|는|을|를|로|와|과|도|에|만|씩|정도)[가-힣]"  # a counter stands apart, a particle does not
)
SCORED = "(?=(?:으?로[ ]?)(?:이[겼기긴]|승|패|졌|앞|끝|비겼|꺾)|[ ]?(?:승리|패배|무승부|비율))"
MONTHS = r"(?P<month>1[0-2]|0?[1-9])"
DAYS = r"(?P<day>3[01]|[12]\d|0?[1-9])"


def linked(word: str) -> str:
    """Return a word with the particle for `and`, which depends on how the word ends."""
    ends_open = (ord(word[-1]) - 0xAC00) % 28 == 0
    return word + ("와 " if ends_open else "과 ")


def korean_rules(language: WordTable) -> list[Rule]:
    """Return the rules of Korean that come before those of all languages."""

    def number(digits: str) -> str:
        return spelling.cardinal(language, digits)

    def date(match: re.Match[str]) -> str:
        month = SHORT.get(f"{int(match['month'])}월") or number(str(int(match["month"]))) + "월"
        return f"{number(match['year'])}년 {month} {number(str(int(match['day'])))}일"

    def fraction(match: re.Match[str]) -> str:
        whole = linked(number(match["whole"])) if match["whole"] else ""
        return f"{whole}{number(match['b'])}분의 {number(match['a'])}" + (
            " " if match["next"] is not None else ""
        )

    def span(match: re.Match[str]) -> str:
        native = language.rules["m"] if language.agreement[0][1].search(f"1:{match['next']}") else ""
        first = (
            spelling.spell(language, int(match["a"]), native)
            if native and int(match["a"]) < 100
            else number(match["a"])
        )
        return f"{first}에서 {match['b']}"

    def decimal(match: re.Match[str]) -> str:
        return spelling.decimal(language, match["w"], ".", match["f"]) + " "

    def score(match: re.Match[str]) -> str:
        return f"{number(match['a'])} 대 {number(match['b'])}"

    def scaled(match: re.Match[str]) -> str:
        return number(match["n"].replace(",", "")) + match["scale"]

    whole = r"(?:(?P<whole>(?<!\d)\d{1,3})[ ])?"
    return [
        Rule(re.compile(rf"(?<![\d:])(?P<a>\d{{1,3}})[:-](?P<b>\d{{1,3}}){SCORED}"), score, ":-"),
        Rule(
            re.compile(
                rf"(?<![\d./-])(?P<year>(?:1\d|20)\d\d)(?P<mark>[./-]){MONTHS}(?P=mark)[ ]?{DAYS}"
                r"(?!\d|[./-]\d)"
            ),
            date,
        ),
        Rule(re.compile(r"(?<!\d)(?:6|10)월"), lambda match: SHORT[match[0]]),
        Rule(
            re.compile(
                rf"{whole}(?<![\d/.])(?P<a>\d{{1,3}})/(?P<b>\d{{1,4}})(?![\d/]|\.\d)(?P<next>(?={COUNTED}))?"
            ),
            fraction,
            "/",
        ),
        Rule(
            re.compile(r"(?<![\d.,₩$€£¥])(?P<w>\d{1,9})\.(?P<f>\d{1,9})(?=[가-힣])(?![만억조])"), decimal, "."
        ),
        Rule(
            re.compile(r"(?<![\d.,₩$€£¥])(?P<n>\d{1,3}(?:,\d{3})?|\d{1,4})(?P<scale>[만억조])"),
            scaled,
            "만억조",
        ),
        Rule(
            re.compile(
                rf"(?<![A-Za-z\d.,:/-])(?P<a>\d{{1,4}}){SPAN}(?P<b>\d{{1,4}})"
                r"(?=(?P<next>[가-힣]{1,4}|%|[ ][가-힣]))"
            ),
            span,
        ),
    ]
