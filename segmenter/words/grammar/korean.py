"""Korean: dates, fractions and ranges where a hangul touches the figures, and numbers before counters."""

import re

from segmenter.words import spelling
from segmenter.words.east.dates import DAYS, MONTHS
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written

__all__ = ["korean_rules"]

SPAN = r"[ ]?[-–~～〜∼][ ]?"
SHORT = {"6월": "유월", "10월": "시월"}
COUNTED = (
    "(?!의|이|가|은|는|을|를|로|와|과|도|에|만|씩|정도)[가-힣]"  # a counter stands apart, a particle does not
)
SCORED = "(?=(?:으?로[ ]?)(?:이[겼기긴]|승|패|졌|앞|끝|비겼|꺾)|[ ]?(?:승리|패배|무승부|비율))"


def linked(word: str) -> str:
    """Return a word with the particle for `and`, which depends on how the word ends."""
    ends_open = (ord(word[-1]) - 0xAC00) % 28 == 0
    return word + ("와 " if ends_open else "과 ")


def number(language: WordTable, digits: str) -> str:
    """Return a number in Sino-Korean."""
    return spelling.cardinal(language, digits)


def korean_rules(language: WordTable) -> list[Rule]:
    """Return the rules of Korean that come before those of all languages."""
    return [
        score_rule(language),
        telephone_rule(language),
        *date_rules(language),
        *figure_rules(language),
        span_rule(language),
    ]


def score_rule(language: WordTable) -> Rule:
    """Return the rule for a score or a ratio: 3:2로 이겼다."""

    def score(match: re.Match[str]) -> str:
        return f"{number(language, match['a'])} 대 {number(language, match['b'])}"

    return Rule(Written(rf"(?<![\d:])(?P<a>\d{{1,3}})[:-](?P<b>\d{{1,3}}){SCORED}"), score, ":-")


def telephone_rule(language: WordTable) -> Rule:
    """Return the rule for the numbers of firms, which have no area: 1588-1234."""

    def spelled(match: re.Match[str]) -> str:
        return ", ".join(spelling.digit_by_digit(language, group) for group in match[0].split("-"))

    return Rule(Written(r"(?<![\d-])1[568]\d\d-\d{4}(?![\d-])"), spelled, "-")


def date_rules(language: WordTable) -> list[Rule]:
    """Return the rules for 2024/3/15 and for the two months whose numbers lose a consonant."""

    def date(match: re.Match[str]) -> str:
        month, day = str(int(match["month"])), str(int(match["day"]))
        named = SHORT.get(f"{month}월") or number(language, month) + "월"
        return f"{number(language, match['year'])}년 {named} {number(language, day)}일"

    year = r"(?<![\d./-])(?P<year>(?:1\d|20)\d\d)(?P<mark>[./-])"
    return [
        Rule(Written(rf"{year}{MONTHS}(?P=mark)[ ]?{DAYS}(?!\d|[./-]\d)"), date, "./-"),
        Rule(Written(r"(?<!\d)(?:6|10)월"), lambda match: SHORT[match[0]], "월"),
    ]


def figure_rules(language: WordTable) -> list[Rule]:
    """Return the rules for fractions, for decimals before a hangul, and for 5만."""

    def fraction(match: re.Match[str]) -> str:
        whole = linked(number(language, match["whole"])) if match["whole"] else ""
        apart = " " if match["next"] is not None else ""
        return f"{whole}{number(language, match['b'])}분의 {number(language, match['a'])}{apart}"

    def decimal(match: re.Match[str]) -> str:
        return spelling.decimal(language, match["w"], ".", match["f"]) + " "

    def scaled(match: re.Match[str]) -> str:
        return number(language, match["n"].replace(",", "")) + match["scale"]

    sides = r"(?<![\d/.])(?P<a>\d{1,3})/(?P<b>\d{1,4})(?![\d/]|\.\d)"
    scales = r"(?P<n>\d{1,3}(?:,\d{3})?|\d{1,4})(?P<scale>[만억조])"
    return [
        Rule(Written(rf"(?:(?P<whole>(?<!\d)\d{{1,3}})[ ])?{sides}(?P<next>(?={COUNTED}))?"), fraction, "/"),
        Rule(Written(r"(?<![\d.,₩$€£¥])(?P<w>\d{1,9})\.(?P<f>\d{1,9})(?=[가-힣])(?![만억조])"), decimal, "."),
        Rule(Written(rf"(?<![\d.,₩$€£¥]){scales}"), scaled, "만억조"),
    ]


def span_rule(language: WordTable) -> Rule:
    """Return the rule for ranges, whose first end counts as the last does: 10~20명."""

    def span(match: re.Match[str]) -> str:
        is_native = int(match["a"]) < 100 and language.agreement[0][1].search(f"1:{match['next']}")
        rule = language.rules["m"] if is_native else language.rules["count"]
        return f"{spelling.spell(language, int(match['a']), rule)}에서 {match['b']}"

    ends = rf"(?<![A-Za-z\d.,:/-])(?P<a>\d{{1,4}}){SPAN}(?P<b>\d{{1,4}})"
    return Rule(Written(ends + r"(?=(?P<next>[가-힣]{1,4}|%|[ ][가-힣]))"), span, "-–~～〜∼")
