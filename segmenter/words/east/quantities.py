"""What is measured and paid: money, shares, units, each alone or as a range."""

import re

from segmenter.words.east.common import CJK, DIGIT, FIGURE, SEPARATOR, SEPARATORS, SIGN, Writer, rule
from segmenter.words.languages import Noun
from segmenter.words.rules import Rule, Written, either

__all__ = ["quantity_rules"]

AMOUNT = rf"{DIGIT}(?:(?P<first>{SIGN}{FIGURE}){SEPARATOR})?(?P<n>{SIGN}{FIGURE})"
SMALLER = "cm|mm|min|g|m"  # a unit that may touch one before it: 1m75cm
START = r"(?:(?<![A-Za-z\d.])|(?<=\d[mgh]))"
SCALE = r"(?:[ ]?(?P<scale>万亿|[万亿億兆]|[kKMB](?![A-Za-z])|bn))?"
NO_CENTS = Written(r"\.00\Z|(\.[1-9])0\Z")


def quantity_rules(writer: Writer) -> list[Rule]:
    """Return the rules for money, shares and units."""
    return [*money_rules(writer), *share_rules(writer), *length_rules(writer), *unit_rules(writer)]


def money_rules(writer: Writer) -> list[Rule]:
    """Return the rules for amounts, the currency before or after them, and what they are paid for."""
    per = rf"(?:/(?P<per>{writer.style.each}))?"
    found = [name for name in writer.language.currencies if not re.match(f"[{CJK}]", name)]
    names, signs = either(found), "".join({name[0] for name in found})

    def amount(match: re.Match[str]) -> str:
        said = amount_words(writer, match)
        return said if match["per"] is None else writer.price(said, match["per"])

    def priced(match: re.Match[str]) -> str:
        return writer.price(writer.counting(match["n"]) + match["name"], match["per"])

    def thousands(match: re.Match[str]) -> str:
        return writer.scaled(match["n"], 1000)

    named = r"(?P<name>[千万億亿兆]{0,2}(?:[日美欧港]?元|円|ドル|ユーロ))"
    noun = "[万亿億]?(?:[日美欧港]?元|円|块|ドル|ユーロ)"
    return [
        rule(rf"(?<=\d)(?:\.00|(?P<tenth>\.[1-9])0)(?={noun})", lambda match: match["tenth"] or "", "."),
        rule(rf"(?<![A-Za-z])(?P<name>{names})[ ]?{AMOUNT}{SCALE}{per}", amount, signs),
        rule(rf"(?<![A-Za-z\d.,]){AMOUNT}{SCALE}[ ]?(?P<name>{names})(?![A-Za-z]){per}", amount, signs),
        rule(rf"(?P<n>(?<![A-Za-z\d.,]){FIGURE})(?:k(?![A-Za-z\d])|K(?=元|円|人|块))", thousands, "kK"),
        rule(rf"(?P<n>{FIGURE}){named}/(?P<per>{writer.style.each})", priced, "/"),
    ]


def amount_words(writer: Writer, match: re.Match[str]) -> str:
    """Return an amount of money in words."""
    currency = writer.language.currencies[match["name"]]
    noun, first, number, scale = currency.major.forms[0], match["first"], match["n"], match["scale"]
    if scale in writer.style.scales:
        return writer.scaled(number, writer.style.scales[scale]) + noun
    if scale:
        return writer.span(first, number, counts=True) + scale + noun
    if currency.minor is None or first is not None or not re.search(r"\.\d\d\Z", number):
        return (
            writer.span(first, NO_CENTS.compiled.sub(lambda cents: cents[1] or "", number), counts=True)
            + noun
        )
    whole, _, hundredths = number.partition(".")
    minor = writer.number(hundredths.lstrip("0") or "0") + currency.minor.forms[0]
    return writer.number(whole) + noun + (minor if hundredths.strip("0") else "")


def share_rules(writer: Writer) -> list[Rule]:
    """Return the rules for percent and permille, which Chinese says before the number."""
    style = writer.style

    def share(match: re.Match[str]) -> str:
        if match["n"] == "100" and match["first"] is None and match["mark"] == "%" and style.two:
            return "百分之百"
        form = style.percent if match["mark"] == "%" else style.permille
        first, last = match["first"], match["n"]
        lead = first or last
        sign = writer.language.signs["minus"] if lead[0] in "-−" else ""
        numbers = writer.number(lead.lstrip("-−"))
        return sign + form.format(n=numbers if first is None else numbers + style.to + writer.number(last))

    return [
        rule(rf"(?P<first>\d[%‰]){SEPARATOR}(?=\d)", lambda match: match["first"] + style.to, SEPARATORS),
        rule(rf"{AMOUNT}[ ]?(?P<mark>[%‰])", share, "%‰"),
    ]


def length_rules(writer: Writer) -> list[Rule]:
    """Return the rule for 1h 30m, in which m is a minute."""
    units = writer.language.units

    def length(match: re.Match[str]) -> str:
        hours = writer.counting(match["h"]) + units["h"].forms[0]
        return hours + writer.counting(match["m"]) + units["min"].forms[0]

    return [rule(r"(?P<h>\d{1,3})[ ]?h[ ]?(?P<m>\d{1,2})[ ]?m(?:in)?(?![A-Za-z\d])", length, "h")]


def unit_rules(writer: Writer) -> list[Rule]:
    """Return the rules for units and for what they are measured per."""
    style, units = writer.style, writer.language.units
    names = either(units)
    plain = either([name for name, noun in units.items() if "{n}" not in noun.forms[0]])

    def unit(match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - 4) : match.start()]
        number = writer.span(match["first"], match["n"], counts=not before.endswith("负"))
        said = with_unit(number, units[match["unit"]], before)
        return said if match["below"] is None else per(said, match)

    def counted(match: re.Match[str]) -> str:
        return per(writer.counting(match["n"]) + match["noun"], match)

    def per(said: str, match: re.Match[str]) -> str:
        below = match["below"]
        return style.per.format(n=said, per=units[below].forms[0] if below in units else below)

    below = rf"(?:/(?P<below>{plain}(?![A-Za-z\d])|{style.each}))?"
    end = rf"(?:(?![A-Za-z\d²³]|/[A-Za-z])|(?=\d{{1,3}}(?:{SMALLER})(?![A-Za-z\d])))"
    counter = rf"(?P<n>{FIGURE})(?P<noun>[{CJK}]{{1,2}})/(?P<below>"
    return [
        rule(
            rf"(?P<first>\d[ ]?(?:{names})){SEPARATOR}(?=\d)",
            lambda match: match["first"] + style.to,
            SEPARATORS,
        ),
        rule(rf"{START}{AMOUNT}[ ]?(?P<unit>{names}){below}{end}", unit),
        rule(
            rf"(?<=[多余几何数万亿億千百])(?P<unit>{plain})(?![A-Za-z\d])",
            lambda m: units[m["unit"]].forms[0],
        ),
        rule(rf"{counter}{plain})(?![A-Za-z\d])", counted, "/"),
        rule(rf"{counter}{style.each})", counted, "/"),
    ]


def with_unit(number: str, noun: Noun, before: str) -> str:
    """Return a number and its unit; a word such as 时速 that stands before them already is not said twice."""
    lead, place, rest = noun.forms[0].rpartition("{n}")
    if not place:
        return number + rest
    said = bool(lead) and (lead in before or lead.replace("秒速", "風速") in before)
    return ("" if said else lead) + number + rest
