"""Numbers where they stand in a text: a fixed order of rules, each of which leaves no digit behind."""

import re
import unicodedata
from functools import lru_cache

from segmenter.words import spelling
from segmenter.words.abbreviations import abbreviation_rules, weekday_rules
from segmenter.words.dates_times import date_rules, time_rules
from segmenter.words.formulas import formula_rules
from segmenter.words.grammar import last_rules, own_rules
from segmenter.words.languages import WordTable, find_language
from segmenter.words.number_forms import (
    VULGAR,
    account_rule,
    coded_rule,
    fraction_rules,
    numbered_rule,
    ordinal_rules,
    power_rule,
    telephone_rule,
    version_rule,
)
from segmenter.words.number_signs import rewriting_rules
from segmenter.words.quantities import Number, money_rules, unit_rules, written_number
from segmenter.words.roman import roman_rules
from segmenter.words.rules import EAST, Rule, Rules, Written, among, numeric

__all__ = ["spell_numbers"]

CJK = Written(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af〇]")
FOREIGN = Written(r"[^\x00-\x7f]")
YEAR = Written(r"1[1-9]\d\d|20\d\d")
EASTERN = Written(r"[A-Za-z\d½-¾⅐-⅞²³√≤≥≠≈±∞×+〜～]")  # a Chinese text without any of these needs no rule
LONG = Written(r"\d+")
WIDE_POINT = Written(r"(?<=\d)．(?=\d)")
WIDE_COLON = Written(r"(?<=\d)：(?=\d)")
ORDINAL_PREFIX = "제"  # an ordinal counts nothing: no gender, no counter
RATIO = Written(r"(?<=\d):(?=\d)")
PARTS = Written(r"(\d)([⅐-⅒⅕-⅞])")  # 1⅞ is not 17/8
RAISED = Written(r"(?<=\d)[ᵃ-ᵛʰʳˢⁿ]{1,3}")  # 4ᵗʰ
POWERS = Written(r"[⁰¹⁴-⁹⁻][⁰¹²³⁴-⁹]{0,9}|(?<=10)[²³][⁰¹²³⁴-⁹]{1,9}")


def spell_numbers(text: str, language: WordTable | None) -> str:
    """Return the text with all that is written in digits in words; as it is where no table is."""
    if language is None:
        return text
    text = plain_digits(text)
    if language.code in EAST and EASTERN.compiled.search(text) is None:
        return text
    return rules(language.code).applied(text)


def plain_digits(text: str) -> str:
    """Return the text with every script's digits in ASCII, and with powers after a caret."""
    if text.isascii():
        return text
    text = POWERS.compiled.sub(
        lambda match: "^" + unicodedata.normalize("NFKC", match[0]).replace("−", "-"), text
    )
    text = RAISED.compiled.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = PARTS.compiled.sub(r"\1 \2", text)
    text = WIDE_COLON.compiled.sub(":", WIDE_POINT.compiled.sub(".", text))
    text = text.replace("℃", "°C").replace("℉", "°F").replace("٫", ".").replace("٬", ",").replace("٪", "%")
    return FOREIGN.compiled.sub(lambda match: plain_digit(match[0]), text)


def plain_digit(letter: str) -> str:
    """Return a digit of any script in ASCII, a numeral in a circle and the like as what is in it."""
    if letter.isascii() or letter in "²³" or letter in VULGAR:
        return letter
    category = unicodedata.category(letter)
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category in {"No", "Nl"} and letter != "〇":
        return unicodedata.normalize("NFKC", letter).replace("⁄", "/")
    return {"％": "%", "＄": "$", "￥": "¥"}.get(letter, letter)


@lru_cache(maxsize=64)
def rules(code: str) -> Rules:
    """Return a language's rules in the order in which they apply."""
    language = find_language(code)
    if language is None:
        return Rules([])
    if code in EAST:
        from segmenter.words.east import east_rules  # noqa: PLC0415 - of Chinese and Japanese alone

        return Rules(east_rules(language))
    found = [
        *weekday_rules(language),
        *own_rules(language),
        *formula_rules(language),
        *abbreviation_rules(language),
        *date_rules(language),
        *numeric(number_rules(language)),
        *roman_rules(language),
        *fraction_rules(language),
    ]
    found = [*(among(language, rule) for rule in found), *plain_rules(language)]
    return Rules(rule._replace(has_digits=rule.has_digits or not rule.needs) for rule in found)


def number_rules(language: WordTable) -> list[Rule]:
    """Return the rules for digits with what makes more than a number of them."""
    return [
        account_rule(language),
        coded_rule(language),
        numbered_rule(language),
        telephone_rule(language),
        *rewriting_rules(language),
        power_rule(language),
        *time_rules(language),
        Rule(
            RATIO,
            lambda _: language.space + language.signs.get("ratio", language.signs["to"]) + language.space,
            ":",
        ),
        version_rule(language),
        *money_rules(language),
        *unit_rules(language),
        *ordinal_rules(language),
    ]


def plain_rules(language: WordTable) -> list[Rule]:
    """Return the rules for what is left: years, counts in the gender of the next word, long runs."""
    number = written_number(language)
    pattern = Written(rf"(?P<n>{number})(?=(?P<next>[ \u00a0]?[^\W\d_]{{1,40}})?)")
    dotted = Written(r"(?<![\d.,])(?P<w>\d{1,15})\.(?P<f>\d{1,2}|\d{4,15})(?![\d.,])")

    def with_dot(match: re.Match[str]) -> str:
        return spaced(match, Number(match["w"], ".", match["f"]).spelled(language))

    def spelled(match: re.Match[str]) -> str:
        written = match["n"]
        if is_year(match):
            return spaced(match, spelling.year(language, written))
        gender = agreeing(
            language, written, match["next"] or "", match.string[match.start() - 1 : match.start()] or " "
        )
        return spaced(match, plain_number(language, written, gender))

    found: list[Rule] = [Rule(pattern, spelled)]
    if language.decimal == ",":
        found.insert(0, Rule(dotted, with_dot, "."))
    return [
        *found,
        Rule(LONG, lambda match: spelling.digit_by_digit(language, match[0])),
        *last_rules(language),
    ]


@lru_cache(maxsize=4096)
def plain_number(language: WordTable, written: str, gender: str) -> str:
    """Return a number as it is written in words."""
    return Number.read(language, written).spelled(language, gender)


def is_year(match: re.Match[str]) -> bool:
    """Whether four digits alone are read as a year."""
    return len(match["n"]) == 4 and YEAR.compiled.fullmatch(match["n"]) is not None and not glued(match)


def glued(match: re.Match[str]) -> bool:
    """Whether letters of an alphabet touch the number."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return any(letter.isalpha() and not CJK.compiled.match(letter) for letter in (before, after))


def agreeing(language: WordTable, written: str, following: str, before: str) -> str:
    """Return the gender that the next word asks for."""
    if not following or before in ORDINAL_PREFIX:
        return ""
    context = f"{written[-1]}:{following.strip().lower()}"
    for gender, rule in language.agreement:
        if rule.search(context):
            return gender
    attributive = following[0] in " \u00a0" and (language.code != "de" or following.strip()[0].isupper())
    return "attributive" if attributive else ""


def spaced(match: re.Match[str], spelled: str) -> str:
    """Return the words of a number with spaces where letters touched it (B2B)."""
    before, after = (
        match.string[match.start() - 1 : match.start()],
        match.string[match.end() : match.end() + 1],
    )
    left = " " if before.isalpha() and not joins(before, spelled[:1]) else ""
    right = " " if after.isalpha() and not joins(after, spelled[-1:]) else ""
    return left + spelled + right


def joins(letter: str, other: str) -> bool:
    """Whether two letters are written without a space between words."""
    return bool(CJK.compiled.match(letter) and CJK.compiled.match(other))
