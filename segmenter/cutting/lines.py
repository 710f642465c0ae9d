"""Whether a line break ends a sentence, and lists that go on within a line."""

import re

from segmenter.cutting.languages import Language
from segmenter.cutting.stops import word_before

__all__ = ["ITEM", "MARKER", "WRAPPED", "is_growing", "is_heading", "is_next_item", "line_ends", "marker_at"]

WRAPPED = 50  # a line this long without an end goes on in the next
WRAPPED_WIDE = 25  # likewise, of ideographs and kana
BULLET = re.compile(
    r"(?:[-*+•⁃‣◦▪●–—―|]|>{1,3}|#{1,6}|\(?\d{1,3}[.)]|\(?[^\W\d_][)])\s|[—―•#]\S|```|-{3}|\*{3}"
)
MARKER = re.compile(
    r"\s{0,64}(?=[•⁃‣◦▪●\da-z])(?:(?P<bullet>[•⁃‣◦▪●])\s?)?(?:(?P<number>\d{1,2}|[a-z])(?P<stop>[.)]{1,2})\s)?"
)
ITEM = re.compile(
    r"[ \t](?=(?:[•⁃‣◦▪●]\s?)?(?:\d{1,2}|[a-z])[.)]{1,2}\s|[•⁃‣◦▪●]\s?\w)",
)
GROWING = re.compile(r"\s{0,64}(?:[•⁃‣◦▪●]\s?)?(?:\d{0,2}|[a-z])[.)]{0,2}\Z")
GROWN = 80  # characters: more than `GROWING` matches
FINISHERS = ".!?…:\"'”’»“)]*_`。！？।॥؟۔;」』）】\u037e\u203d"
UNFINISHED = ",，、،;؛-–"
HEADING = re.compile(r"\s*#{1,6}\s")


def marker_at(text: str, start: int) -> re.Match[str] | None:
    """Return the list marker that a sentence begins with."""
    match = MARKER.match(text, start)
    return match if match and (match["bullet"] or match["number"]) else None


def is_next_item(before: re.Match[str], text: str, place: int) -> bool:
    """Whether a list within a line goes on at `place`: 1) one 2) two."""
    after = marker_at(text, place)
    if after is None or before["bullet"] != after["bullet"] or before["stop"] != after["stop"]:
        return False
    if before["number"] is None or after["number"] is None:
        return before["number"] == after["number"]
    if before["number"].isdigit() and after["number"].isdigit():
        return int(after["number"]) == int(before["number"]) + 1
    both = len(before["number"]) == len(after["number"]) == 1
    return both and ord(after["number"]) == ord(before["number"]) + 1


def is_growing(text: str, place: int) -> bool:
    """Whether more text may still make another marker of the one at `place`."""
    return len(text) - place <= GROWN and GROWING.match(text, place) is not None


def is_heading(line: str) -> bool:
    """Whether a line is marked as a heading."""
    return HEADING.match(line) is not None


def line_ends(line: str, rest: str, language: Language) -> bool:
    """Whether a single line break ends a sentence: not where the next line goes on.

    `line` is the line's end (a window) within its sentence, `rest` what follows the break (a window).
    """
    indented = rest[:2].isspace()
    rest = rest.lstrip(" \t")
    if BULLET.match(rest) or is_heading(line):
        return True
    line = line.rstrip()
    if not rest or rest[0] in ",;)]،，、" or (line[-1:] == "." and is_open(line, language)):
        return False
    if rest[0].islower():
        return BULLET.match(line.lstrip()) is not None and not indented and len(line) < WRAPPED
    if rest[0].lower() == rest[0].upper() and rest[0].isalpha():
        return caseless_ends(line)
    if line[-1:].islower() and is_unfinished(line, language):
        return False
    return len(line) < WRAPPED or line[-1:] in FINISHERS


def caseless_ends(line: str) -> bool:
    """Whether a line ends a sentence, in a script without capitals."""
    return line[-1:] in FINISHERS or len(line) < (WRAPPED_WIDE if line[-1:] > "\u2fff" else WRAPPED)


def is_open(line: str, language: Language) -> bool:
    """Whether a line ends with an abbreviation that never ends a sentence."""
    word = word_before(line[:-1])
    return word in language.words["before_names"] or word in language.words["before_more"]


def is_unfinished(line: str, language: Language) -> bool:
    """Whether a line ends with a word that something must follow: the spring of that year to."""
    word = word_before(line)
    return word.islower() and any(word in language.words[kind] for kind in ("comma_words", "clause_words"))
