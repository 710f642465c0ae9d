"""Figures among letters of the Latin alphabet: Roman numerals, versions, file names, A&B."""

import re

from segmenter.words.east.common import CJK, Writer, rule
from segmenter.words.roman import roman_value
from segmenter.words.rules import Rule

__all__ = ["letter_rules"]

NUMERAL = r"(?=[IVXL])(?:X{0,3}|XL|L)(?:IX|IV|V?I{0,3})"
CLASSES = "章|卷|世|期|部|级|級|类|類|篇|节|節|编|編|相|度"  # a numeral before these is certain
VERSION = r"(?<![\d.])(?:(?<![A-Za-z])[vV](?=\d))?(?P<n>\d{1,9}(?:\.\d{1,9}){1,7})(?!\d|\.\d)"


def letter_rules(writer: Writer) -> list[Rule]:
    """Return the rules for Roman numerals, versions, addresses of machines and letters joined by &."""
    signs = writer.language.signs

    def numeral(match: re.Match[str]) -> str:
        return writer.whole(str(roman_value(match["r"]))) if match["r"] else match[0]

    def version(match: re.Match[str]) -> str:
        written, named = match["n"], match[0][0] in "vV"
        parts = written.split(".")
        if len(parts) < 3 and not named:
            return match[0]
        if len(parts) == 4 and not named:
            names = [writer.digits(part) if writer.style.two else writer.whole(part) for part in parts]
            return signs["point"].join(names)
        said = signs["point"].join(writer.whole(part) for part in parts)
        before = match.string[max(0, match.start() - 6) : match.start()].rstrip().lower()
        after = match.string[match.end() : match.end() + len(signs["version"])]
        told = not named or after == signs["version"] or before.endswith((signs["version"], "version"))
        return said if told else signs["version"] + said

    letter = r"(?<![A-Za-z])"
    return [
        rule(rf"(?<=第)(?P<r>{NUMERAL})(?![A-Za-z])", numeral, "IVX"),
        rule(rf"{letter}(?P<r>{NUMERAL})(?={CLASSES})", numeral, "IVX"),
        rule(rf"{letter}(?P<r>I{{1,3}}|IV)(?=型|型)", numeral, "IVX"),
        rule(rf"(?<=[{CJK}])(?P<r>(?!XX|XL|VI设|L)(?=[IVX]{{2}}){NUMERAL})(?![A-Za-z])", numeral, "IVX"),
        rule(VERSION, version, "."),
        rule(r"(?<=[A-Za-z\d])[ ]?&[ ]?(?=[A-Za-z\d])", signs["ampersand"], "&"),
    ]
