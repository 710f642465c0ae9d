"""Scores, ranges, fractions and plain counts."""

import re

from segmenter.words.east.common import ALONE, CJK, DIGIT, FIGURE, SEPARATOR, SEPARATORS, SIGN, Writer, rule
from segmenter.words.rules import Rule

__all__ = ["count_rules", "score_rules"]

NOUNS = (
    rf"[{CJK}]{{1,2}}[ ]?[–~～〜∼][ ]?|[年月日号時时点分秒歳岁代人个個]-"  # a range may have one at both ends
)
ALONE_SIDE = r"(?<![\d.,:/A-Za-z-])"
LAST_SIDE = r"(?![\d:/A-Za-z-]|[.,]\d|[ ]?[AaPp]\.?[Mm])"


def score_rules(writer: Writer) -> list[Rule]:
    """Return the rules for scores, scales and ratios: 3:1, 1:50000, and 3-1 among words of sport."""
    style = writer.style

    def score(match: re.Match[str]) -> str:
        return match["lead"] + writer.whole(match["a"]) + style.ratio + writer.whole(match["b"])

    def ratio(match: re.Match[str]) -> str:
        return writer.whole(match["a"]) + style.ratio + writer.number(match["b"])

    def sides(between: str, lead: str = "") -> str:
        first, last = rf"{ALONE_SIDE}(?P<a>\d{{1,5}})", rf"(?P<b>\d{{1,7}}){LAST_SIDE}"
        return rf"(?P<lead>{lead}){first}{between}{last}"

    def sets(match: re.Match[str]) -> str:
        pairs = re.findall(r"(\d+):(\d+)", match[0])
        if all(int(hour) < 25 and int(minute) < 60 for hour, minute in pairs):
            return match[0]
        return re.sub(
            r"(\d+):(\d+)", lambda pair: writer.whole(pair[1]) + style.ratio + writer.whole(pair[2]), match[0]
        )

    def games(match: re.Match[str]) -> str:
        return re.sub(
            r"(\d+)[-–](\d+)",
            lambda pair: writer.whole(pair[1]) + style.ratio + writer.whole(pair[2]),
            match[0],
        )

    marks = "[ ]?[:–-][ ]?"
    game = r"\d{1,2}[-–]\d{1,2}"
    return [
        rule(r"[(（]\d{1,3}:\d{1,3}(?:[，,、； ]{1,2}\d{1,3}:\d{1,3}){1,6}[)）]", sets, ":"),
        rule(rf"(?<![\d-]){game}(?:[、，,][ ]?{game}){{1,4}}(?![\d-])", games, "、，,"),
        rule(rf"{ALONE_SIDE}(?P<lead>)(?P<a>\d{{1,4}}):(?P<b>0\.\d{{1,3}})(?![\d.])", ratio, ":"),
        rule(sides(marks, style.score_before), score, ":–-"),
        rule(sides(marks) + rf"(?={style.score_after})", score, ":–-"),
        rule(sides(r":(?![0-5]\d(?!\d))"), score, ":"),
        rule(sides(r"[ ]?vs\.?[ ]?"), score, "v"),
    ]


def count_rules(writer: Writer) -> list[Rule]:
    """Return the rules for what is left: fractions, ranges, counts, and single digits."""
    style = writer.style
    pair = re.compile(style.pair)
    plain_two = re.compile(rf"(?:{style.plain_two})\Z")

    def counts(match: re.Match[str]) -> bool:
        before, after = match.string[max(0, match.start() - 3) : match.start()], match.string[match.end() :]
        return pair.match(after) is not None and plain_two.search(before) is None

    def span(match: re.Match[str]) -> str:
        first, last = match["first"], match["n"]
        if first == last:
            return writer.number(first) + style.rest + writer.number(last)
        if match["mark"].strip() == "-" and not rises(first, last):
            return writer.digits(first) + writer.language.signs["hyphen"] + writer.digits(last)
        return writer.span(first, last, counts=counts(match))

    def number(match: re.Match[str]) -> str:
        said = writer.counting(match[0]) if counts(match) else writer.number(match[0])
        is_thousand = (
            not style.two and said == "千" and match.string[match.end() : match.end() + 1] in "万億兆"
        )
        return "一" + said if is_thousand else said

    first = rf"(?P<first>{ALONE}(?:[-−](?=\d))?{FIGURE})"
    return [
        fraction_rule(writer),
        rule(rf"{first}(?P<mark>{SEPARATOR})(?P<n>{FIGURE})(?![A-Za-z]|[:/-]\d)", span, SEPARATORS),
        rule(rf"(?<=\d)(?:{NOUNS})(?=\d)", lambda match: match[0].rstrip(" -–~～〜∼") + style.to, SEPARATORS),
        rule(rf"{DIGIT}{SIGN}{FIGURE}", number),
        rule(r"\d", lambda match: writer.digits(match[0])),
    ]


def rises(first: str, last: str) -> bool:
    """Whether two numbers with a hyphen between are the ends of a range, not the parts of a code."""
    values = [float(end.replace(",", "").replace("−", "-")) for end in (first, last)]
    return values[0] < values[1] and re.match(r"0\d", last) is None


def fraction_rule(writer: Writer) -> Rule:
    """Return the rule for 2/3, 1 1/2 and marks out of ten: 8.5/10."""
    signs = writer.language.signs

    def fraction(match: re.Match[str]) -> str:
        below = writer.number(match["b"])
        below = below[1:] if re.fullmatch("一[百千]", below) else below
        whole = writer.whole(match["whole"]) + signs["mixed"] if match["whole"] else ""
        return whole + signs["fraction"].format(above=writer.number(match["a"]), below=below)

    whole = r"(?:(?P<whole>(?<![A-Za-z\d.,])\d{1,3})[ ])?"
    return rule(
        rf"{whole}(?<![\d/.])(?P<a>\d{{1,3}}(?:\.\d{{1,2}})?)/(?P<b>\d{{1,4}})(?![\d/]|\.\d)", fraction, "/"
    )
