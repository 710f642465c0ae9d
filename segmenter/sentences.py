"""Where sentences end. One pass, each decision in a bounded window, so that text may arrive in pieces."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from segmenter.english import BEFORE_NAMES, ENDINGS, NEVER_LAST, STARTERS, UNITS

__all__ = ["AHEAD", "PAUSE_LIMIT_MS", "TAG", "Ending", "Sentence", "is_speakable", "scan", "sentences"]

AHEAD = 64  # characters after a stop that its decision may look at
WORD = 40  # characters before a stop that its decision may look at
AFTER_TIME = 20  # characters: "At 5 a.m. Mr. Smith went" is not yet two sentences
WRAPPED = 50  # a line this long without an end goes on in the next
PAUSE_LIMIT_MS = 10_000
TAG = re.compile(r"\[[^\[\]\n]{1,40}\]")
PAUSE = r"\[pause:\s{0,3}(?P<number>\d{1,5}(?:\.\d{1,3})?)\s{0,3}(?P<unit>ms|s)\]"
CLOSERS = "\"'”’»)\\]*_`"
CANDIDATE = re.compile(
    rf"(?P<pause>{PAUSE})"
    r"|(?P<paragraph>\r?\n[ \t\r]*\n\s*)"
    r"|(?P<line>\r?\n)"
    rf"|(?<![.!?…])(?P<stop>[.!?…]+)(?P<close>[{CLOSERS}]*)(?=\s|\Z)"
    r"|(?P<item>[ \t](?=(?:[•⁃]\s?)?(?:\d{1,2}|[a-z])[.)]{1,2}\s))"
    r"|(?P<wide>[。！？｡।؟]+)(?P<wideclose>[」』”’）)\]]*)"
)
TRAILING_TAGS = re.compile(r"(?:[ \t]*\[[^\[\]\n]{1,40}\])+[ \t]*(?=[\r\n]|\Z)")
LIST_ITEM = re.compile(r"\s*(?:[•⁃]\s?)?(?:\d{1,3}|[A-Za-z])\Z")
MARKER = re.compile(r"\s*(?:[•⁃]\s?)?(\d{1,2}|[a-z])([.)]{1,2})\s")
BULLET = re.compile(r"(?:[-*•⁃–]|#{1,6}|\d{1,3}[.)]|[a-zA-Z]\))\s")
SPEAKER = re.compile(r"I\b")  # a capital in the middle of a sentence too
FIRST_WORD = re.compile(r"[\"'“‘(\[*_]*(\w+)")


class Ending(Enum):
    """What a sentence ends with; the pause that is due follows from it."""

    CLAUSE = "clause"
    SENTENCE = "sentence"
    LINE = "line"
    PARAGRAPH = "paragraph"
    PAUSE = "pause"  # written into the text


@dataclass(frozen=True, slots=True)
class Sentence:
    """A span of the text, white space after it included."""

    start: int
    end: int
    ending: Ending
    pause_ms: int = 0  # of a written pause


def sentences(text: str, language: str = "en") -> list[str]:
    """Return the sentences of a text, without the white space around them.

    Raises:
        TypeError: `text` is not a string.
        ValueError: `language` is no language tag.
    """
    check(text, language)
    spans = (text[sentence.start : sentence.end].strip() for sentence in scan(text))
    return [span for span in spans if span]


def check(text: str, language: str) -> None:
    """Refuse what is no text, and what is no language tag."""
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}, expected str")
    if not re.fullmatch(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}", language):
        raise ValueError(f"language is {language[:20]!r}, expected a tag such as 'en'")


def scan(text: str, start: int = 0) -> Iterator[Sentence]:
    """Yield the sentences from `start` on, lazily; together they cover the text."""
    for match in CANDIDATE.finditer(text, start):
        if match.end() <= start:  # inside what an earlier end took along
            continue
        ending = ends(text, start, match)
        if ending is None:
            continue
        end = match.end() if match["pause"] else tail(text, match.end())
        yield Sentence(start, end, ending, written_pause(match))
        start = end
    if start < len(text):
        yield Sentence(start, len(text), Ending.SENTENCE)


def is_speakable(text: str) -> bool:
    """Whether anything is left to speak when the tags are taken out."""
    return any(unicodedata.category(letter)[0] in "LN" for letter in TAG.sub("", text))


def written_pause(match: re.Match[str]) -> int:
    """Return the milliseconds of a written pause, 0 for other ends."""
    if not match["pause"]:
        return 0
    factor = 1000 if match["unit"] == "s" else 1
    return min(PAUSE_LIMIT_MS, round(float(match["number"]) * factor))


def tail(text: str, end: int) -> int:
    """Return where a sentence ends that takes an emoji and the tags of its line along."""
    for place in range(end, min(end + AHEAD, len(text))):
        letter = text[place]
        if letter in "\r\n" or not (
            letter in " \t\u200d\ufe0f" or unicodedata.category(letter) in {"So", "Sk"}
        ):
            break
        if letter not in " \t":
            end = place + 1
    tags = TRAILING_TAGS.match(text, end, end + 4 * AHEAD)
    return tags.end() if tags and (tags.end() < end + 4 * AHEAD) else end


def ends(text: str, start: int, match: re.Match[str]) -> Ending | None:
    """Return how a sentence ends at a candidate, or None where it goes on."""
    if match["pause"]:
        return Ending.PAUSE
    if match["paragraph"]:
        return Ending.PARAGRAPH
    if match["line"]:
        return Ending.LINE if line_ends(text, start, match) else None
    if match["item"]:
        return Ending.LINE if is_next_item(text, start, match.start()) else None
    rest = text[match.end() : match.end() + AHEAD].lstrip()
    if match["wide"]:
        closed_inside = match["wideclose"] and rest[:1].isalnum() and rest[:1] not in "「『“"
        return None if closed_inside else Ending.SENTENCE
    return Ending.SENTENCE if stop_ends(text, start, match, rest) else None


def is_next_item(text: str, start: int, place: int) -> bool:
    """Whether a list within a line goes on at `place`: 1) one 2) two."""
    before, after = MARKER.match(text, start), MARKER.match(text, place)
    if before is None or after is None or before[2] != after[2]:
        return False
    if before[1].isdigit() and after[1].isdigit():
        return int(after[1]) == int(before[1]) + 1
    return len(before[1]) == len(after[1]) == 1 and ord(after[1]) == ord(before[1]) + 1


def line_ends(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether a single line break ends a sentence: not where the next line goes on."""
    rest = text[match.end() : match.end() + AHEAD].lstrip(" \t")
    if BULLET.match(rest):
        return True
    line_start = max(start, text.rfind("\n", max(start, match.start() - 2 * WRAPPED), match.start()) + 1)
    line = text[line_start : match.start()].rstrip()
    if not rest or rest[0] in ",;)" or (rest[0].islower() and not BULLET.match(line)):
        return False
    return len(line) < WRAPPED or line[-1:] in ".!?…:\"'”’)]*_"


def stop_ends(text: str, start: int, match: re.Match[str], rest: str) -> bool:
    """Whether a sentence ends at a stop that white space follows."""
    following = rest.lstrip("\"'“‘([*_-—–¿¡")[:1]
    goes_on = following.islower()
    if rest and rest[0] in ".,;:?!…" and not (rest[0] == "." and rest[1:2].isalpha()):
        return False
    begins_low = text[start : start + WORD].lstrip()[:1].islower()
    if match["stop"] != ".":
        is_ellipsis = set(match["stop"]) <= {".", "…"}
        return not (goes_on and (is_ellipsis or match["close"] or not begins_low)) and not (
            is_ellipsis and rest[:1] == "("
        )
    if goes_on and match["close"]:
        return False
    before = text[max(start, match.start() - WORD) : match.start()]
    return period_ends(before, rest, goes_on=goes_on, begins_low=begins_low)


def period_ends(before: str, rest: str, *, goes_on: bool, begins_low: bool) -> bool:
    """Whether a single full stop ends a sentence, by the words on both sides."""
    if not rest:
        return True
    if before.endswith(" "):  # the last of a spaced ellipsis
        return not goes_on and not SPEAKER.match(rest)
    if LIST_ITEM.match(before) and len(before) < WORD:
        return False
    word = re.split(r"[\s(\[“‘\"'/-]", before)[-1]
    folded = word.casefold()
    if folded in BEFORE_NAMES or folded in NEVER_LAST:
        return False
    if goes_on:  # a sentence that began in lower case may be followed by another
        return begins_low and folded not in ENDINGS | UNITS and "." not in word and len(word) > 1
    return not abbreviates(word, before) or begins(rest, titles=len(before) >= AFTER_TIME)


def abbreviates(word: str, before: str) -> bool:
    """Whether the stop after a word may be the word's own: an initial, U.S., Inc., 20 ft."""
    folded = word.casefold()
    is_initial = len(word) == 1 and word.isupper()
    dotted = "." in word and all(len(part) <= 2 and not part.isdigit() for part in word.split("."))
    is_unit = folded in UNITS and before[: -len(word)].rstrip()[-1:].isdigit()
    return is_initial or dotted or is_unit or folded in ENDINGS


def begins(rest: str, *, titles: bool) -> bool:
    """Whether a text begins with a word that begins sentences; titles do so after a whole one."""
    word = FIRST_WORD.match(rest)
    return (
        word is not None
        and word[1][:1].isupper()
        and word[1].casefold() in (STARTERS | BEFORE_NAMES if titles else STARTERS)
    )
