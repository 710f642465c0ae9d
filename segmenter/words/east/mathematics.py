"""Mathematics: signs between numbers, letters and brackets."""

import re

from segmenter.words.east.common import CJK, FIGURE, Writer, rule
from segmenter.words.east.quantities import with_unit
from segmenter.words.rules import Rule, either

__all__ = ["mathematics_rules"]

LEFT = r"(?<=[\dA-Za-zπ)²³])"
RIGHT = r"(?=[-−]?\d|[(√π±]|[A-Za-z](?![A-Za-z])|[A-Za-z]{2,3}[²³^])"
SIDE = rf"(?:(?<![A-Za-z]{{2}}){LEFT}|(?<=\d[kcmGMT][gmlLB]))"  # 1kg is a side of an equation, a word is not
EQUATION = rf"(?=[ ]?{FIGURE}[ ]?=)"
TERM = r"(?=[\dA-Za-z(])(?=[\d.,()+*/×÷A-Za-z²³^ −-]{0,40}=)"
METRE = r"(?<![kcm]m)(?<![\d /]m)"  # km² is a unit
SIGNS = (  # in their order: a pattern, the name of the words that it stands for, what a text must have
    (rf"{LEFT}[ ]?[-−][ ]?{TERM}|(?<=\d)[ ][-−][ ](?=\d)|(?<=\d)−(?=\d)", "subtract", "-−"),
    (r"(?<![A-Za-z\d)%°.])[-−](?=[¥$€£]\d)", "minus", "-−"),
    (rf"{SIDE}[ ]?\+[ ]?{RIGHT}", "plus", "+"),
    (r"(?<=[\d%])\+(?=税|送料|运费)", "plus", "+"),
    (rf"(?<=[A-Za-z{CJK}])(?<![万亿億元円年岁歳千百次])\+(?=[{CJK}])", "plus", "+"),
    (r"(?<=[\d%万亿億元円])\+(?![\d+])", "or more", "+"),
    (r"(?<![A-Za-z\d+)])\+(?=[¥$€£]?\d)", "positive", "+"),
    (rf"{LEFT}[ ]?[×✕*][ ]?{RIGHT}|(?<=\d)[ ]?[xX][ ]?(?=\d)", "times", "×✕*xX"),
    (rf"[ ]?[×✕][ ]?(?=\d)|(?<=\d)[ ]?[×✕][ ]?(?=[{CJK}])", "times", "×✕"),
    (rf"{LEFT}[ ]?÷[ ]?{RIGHT}|(?<=[\d)])/{EQUATION}", "over", "÷/"),
    (rf"{SIDE}[ ]?=[ ]?{RIGHT}|(?<=[{CJK}])[ ]?=[ ]?(?=\d)", "equals", "="),
    (r"[ ]?≤[ ]?", "at most", "≤"),
    (r"[ ]?≥[ ]?", "at least", "≥"),
    (r"[ ]?≠[ ]?", "unequal", "≠"),
    (rf"(?:{LEFT}|(?<=[{CJK}]))[ ]?≈[ ]?", "nearly", "≈"),
    (rf"{SIDE}[ ]?<[ ]?{RIGHT}|<(?=\d)", "less", "<"),
    (rf"{SIDE}[ ]?>[ ]?{RIGHT}|>(?=\d)", "greater", ">"),
    ("±", "plus minus", "±"),
    ("√", "root", "√"),
    ("∞", "infinity", "∞"),
)


def mathematics_rules(writer: Writer) -> list[Rule]:
    """Return the rules for the signs of arithmetic, of comparison, for powers and roots."""
    said = writer.language.signs

    def about(match: re.Match[str]) -> str:
        return match[1] or said["about"]

    return [
        tenth_power_rule(writer),
        *(rule(pattern, said[name], needs) for pattern, name, needs in SIGNS),
        *power_rules(writer),
        angle_rule(writer),
        rule(r"(约|約)?(?<![A-Za-z\d°%])[~～∼≈][ ]?(?=[¥$€£]?\d)", about, "~～∼≈"),
    ]


def tenth_power_rule(writer: Writer) -> Rule:
    """Return the rule for 6×10^23 and 1.5e10."""

    def tenth_power(match: re.Match[str]) -> str:
        power = writer.style.power.format(n=writer.number(match["n"]))
        number = writer.number(match["a"]) + writer.language.signs["times"] + writer.whole("10") + power
        return with_unit(number, units[match["unit"]], "") if match["unit"] else number

    units = writer.language.units
    times = r"(?:[eE]\+?|[ ]?[×x*][ ]?10\^)"
    unit = rf"(?:[ ]?(?P<unit>{either(units)}))?(?![A-Za-z\d])"
    return rule(rf"(?<![A-Za-z\d.])(?P<a>{FIGURE}){times}(?P<n>[-−]?\d{{1,9}}){unit}", tenth_power, "eE^")


def angle_rule(writer: Writer) -> Rule:
    """Return the rule for degrees with minutes: 39°54'."""
    said = writer.language.signs["angle"]

    def angle(match: re.Match[str]) -> str:
        seconds = writer.whole(match["s"]) + said[2] if match["s"] else ""
        return writer.number(match["d"]) + said[0] + writer.whole(match["m"]) + said[1] + seconds

    return rule(r"(?P<d>\d{1,3})°[ ]?(?P<m>\d{1,2})['′](?:[ ]?(?P<s>\d{1,2})[\"″])?", angle, "°")


def power_rules(writer: Writer) -> list[Rule]:
    """Return the rules for 2^10, x², (a+b)³."""
    style = writer.style

    def power(match: re.Match[str]) -> str:
        return style.power.format(n=writer.number(match["n"]))

    return [
        rule(r"(?<=[\w)）])\^(?P<n>[-−]?\d{1,15})", power, "^"),
        *(
            rule(rf"{METRE}(?<={side}){sign}", forms[index], sign)
            for sign, forms in (("²", style.square), ("³", style.cube))
            for index, side in ((0, r"[A-Za-zπ]"), (1, r"[\d)）]"))
        ),
    ]
