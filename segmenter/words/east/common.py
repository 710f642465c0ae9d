"""What Chinese and Japanese share: numbers without spaces around them, and what may stand beside them.

A neighbour is looked at as what it is: a letter of an alphabet or a digit belongs to a number or a
unit, a hanzi or a kana does not. So no rule here asks for a word character.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from segmenter.words import spelling
from segmenter.words.languages import WordTable
from segmenter.words.rules import Rule, Written

__all__ = [
    "AFTER",
    "ALONE",
    "CJK",
    "DIGIT",
    "FIGURE",
    "SEPARATOR",
    "SEPARATORS",
    "SIGN",
    "Style",
    "Writer",
    "rule",
]


def rule(pattern: str, spell: Callable[[re.Match[str]], str] | str, needs: str = "") -> Rule:
    """Return the rule that puts a word, or what a function returns, where a pattern matches."""
    return Rule(Written(pattern), (lambda _: spell) if isinstance(spell, str) else spell, needs)


CJK = r"\u3005\u3007\u3040-\u30ff\u3400-\u9fff"
FIGURE = r"(?:\d{1,3}(?:,\d{3}){1,5}(?![\d,])|\d{1,40})(?:\.\d{1,40})?"  # 1,234.5
ALONE = r"(?<![A-Za-z\d.,:/_-])"  # before a number that nothing leads into
AFTER = r"(?![A-Za-z\d]|[.,:/-]\d)"  # after a number that ends there
SIGN = r"(?:(?<![A-Za-z\d)%°.])[-−])?"
SEPARATOR = r"[ ]?[-–—~～〜∼][ ]?"  # between the ends of a range
SEPARATORS = "-–—~～〜∼"
DIGIT = r"(?=[-−\d])"  # a pattern that begins so is tried where a number is


@dataclass(frozen=True, slots=True)
class Style:
    """What a language says and looks for, beside its table of words."""

    to: str  # between the ends of a range
    ratio: str  # between the sides of a score
    rest: str  # between the groups of a telephone number
    square: tuple[str, str]  # after a letter or a number, after a bracket
    cube: tuple[str, str]
    power: str
    per: str  # a measure by another
    price: str
    each: str  # what a price may be for one of
    telephone: str  # words before a telephone number
    code: str  # words before a number that is read digit by digit
    score_before: str
    score_after: str
    pair: str = r"(?!)"  # what follows a number of which a 2 has a form of its own
    plain_two: str = r"(?!)"  # what stands before a 2 that has not
    two: str = ""
    telephone_one: str = ""
    code_zero: str = ""
    percent: str = "{n}"
    permille: str = "{n}"
    scales: Mapping[str, int] = field(default_factory=dict)


class Writer:
    """Writes numbers in the words of one language."""

    def __init__(self, language: WordTable, style: Style) -> None:
        self.language, self.style = language, style

    def whole(self, digits: str) -> str:
        """Return a whole number; digit by digit where it begins with a zero or is over 15 digits."""
        if digits[0] == "0" and len(digits) > 1:
            return self.figures(digits)
        spelled = spelling.cardinal(self.language, digits)
        if self.style.two and len(digits) > 3 and spelled.startswith("二") and spelled[1] in "千万亿":
            return self.style.two + spelled[1:]
        if not self.style.two and digits[0] == "1" and len(digits) in {8, 12} and spelled[0] == "千":
            return "一" + spelled  # 一千万, but 千
        return spelled

    def number(self, written: str) -> str:
        """Return a number as it is written: `-1,234.5`."""
        sign = self.language.signs["minus"] if written[0] in "-−" else ""
        whole, _, fraction = written.lstrip("-−").replace(",", "").partition(".")
        if not fraction:
            return sign + self.whole(whole)
        name = self.whole(whole) if len(whole) == 1 or whole[0] != "0" else self.digits(whole)
        return sign + name + self.language.signs["point"] + self.digits(fraction)

    def price(self, amount: str, per: str) -> str:
        """Return an amount of money for one of what it buys."""
        return self.style.price.format(
            n=amount, per={"月": "か月"}.get(per, per) if not self.style.two else per
        )

    def counting(self, written: str) -> str:
        """Return a number before what it counts: a 2 may have a form of its own there."""
        if not self.style.two or written.lstrip("-−") != "2":
            return self.number(written)
        return self.number(written)[:-1] + self.style.two

    def span(self, first: str | None, last: str, *, counts: bool) -> str:
        """Return a number, or the two ends of a range of them."""
        write = self.counting if counts else self.number
        return write(last) if first is None else write(first) + self.style.to + write(last)

    def each_digit(self, match: re.Match[str]) -> str:
        """Return the digits that a rule found one after another."""
        return self.digits(match[0])

    def digits(self, digits: str) -> str:
        """Return the names of digits, one after another; what else stands there is left out."""
        return "".join(self._names[int(digit)] for digit in digits if digit.isdigit())

    def figures(self, digits: str) -> str:
        """Return digits that count nothing, one after another; a zero may have a name of its own there."""
        said = self.digits(digits)
        return said.replace("零", self.style.code_zero) if self.style.code_zero else said

    def telephone(self, written: str) -> str:
        """Return the groups of a telephone number, digit by digit, with a rest between them."""
        groups = re.findall(r"\d+", written)
        said = self.style.rest.join(self.figures(group) for group in groups)
        return said.replace("一", self.style.telephone_one) if self.style.telephone_one else said

    def scaled(self, written: str, scale: int) -> str:
        """Return a number times a thousand, a million or a billion."""
        value = Decimal(written.replace(",", "")) * scale
        return self.number(f"{value:f}".rstrip("0").rstrip(".") if value % 1 else str(int(value)))

    @cached_property
    def _names(self) -> list[str]:
        return [spelling.cardinal(self.language, str(digit)) for digit in range(10)]
