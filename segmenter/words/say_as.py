"""What a text says how to say: SSML's `<say-as>`."""

import re
from collections.abc import Callable

from segmenter.atoms import unglued
from segmenter.marks.say_as import ANNOTATED
from segmenter.words import spelling
from segmenter.words.dates_times import spelled_date
from segmenter.words.languages import WordTable
from segmenter.words.protected import Rule

__all__ = ["annotated"]


def annotated(language: WordTable | None) -> Rule:
    """Return the rule that says what is annotated as it asks; without a table digits stay."""
    ways: dict[str, Callable[[WordTable | None, str, str], str]] = {
        "c": characters, "g": characters, "t": telephone, "o": ordinal, "d": date,
    }  # fmt: skip

    def spelled(match: re.Match[str]) -> str:
        return ways[match[1]](language, unglued(match[3]).strip(), match[2])

    return ANNOTATED, spelled


def characters(language: WordTable | None, content: str, _: str) -> str:
    """Return letters and digits one by one."""
    return " ".join(named(language, letter) for letter in content if not letter.isspace())


def named(language: WordTable | None, letter: str) -> str:
    """Return a digit's name; a letter as a capital, which engines spell."""
    if letter.isdecimal() and language is not None:
        return spelling.digit_by_digit(language, letter)
    return letter.upper()


def telephone(language: WordTable | None, content: str, _: str) -> str:
    """Return digits one by one, with a rest between their groups."""
    plus = f"{language.signs['plus']} " if language and content.startswith("+") else ""
    return plus + ", ".join(characters(language, group, "") for group in re.findall(r"\d+", content))


def ordinal(language: WordTable | None, content: str, _: str) -> str:
    """Return the ordinal of a number."""
    digits = "".join(filter(str.isdecimal, content))
    return (language and digits and spelling.ordinal(language, digits)) or content


def date(language: WordTable | None, content: str, form: str) -> str:
    """Return a date in words: of the form, else of four digits first, else as the language writes it."""
    numbers = re.findall(r"\d+", content)
    order = form or ("ymd" if numbers and len(numbers[0]) == 4 else "")
    order = order or (language.date.get("order", "dmy") if language else "dmy")
    parts = dict(zip(order, numbers, strict=False))
    if language is None or not {"d", "m"} <= parts.keys():
        return content
    return spelled_date(language, int(parts["d"]), int(parts["m"]), parts.get("y")) or content
