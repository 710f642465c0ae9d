"""Where a sentence that is too long is cut: at the best clause, never inside an atom."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from segmenter.atoms import CJK, SPOKEN, TAG
from segmenter.cutting.languages import Language

__all__ = ["MARGIN", "best_cut", "first_clause"]

MARGIN = 48  # characters after the limit that a cut may look at: a tag that begins before it
CLOSERS = "\"'”’“»«›‹)」』）"
NEVER = re.compile(r"(?!)")
# Places inside an atom: 10 000, Dr. Brown, 5 p.m., § 3.
INSIDE = re.compile(r"\d[.:']?\s+[\d%°]|\d\s+[^\W\d_]|[^\s.…]\.\s|[$€£¥₹#№§°&+]\s")
ADDRESS = re.compile(
    r"(?:(?i:https?|ftp|file)://|www\.|(?<![\w.+-])[\w.+-]{1,64}@)(?:[^\s<>\"“”«»\]]|\](?!\())*"
)
FIGURE = re.compile(r"\s*[^\w\s]?\d")  # the word before may decide how it is read: Thursday 14/11, page 7
KANJI = "\u4e00-\u9fff\u30a0-\u30ff"


@dataclass(frozen=True, slots=True)
class Grades:
    """What finds places to cut, the best first; `clauses` are worth a shorter piece."""

    clauses: tuple[re.Pattern[str], ...]
    words: tuple[re.Pattern[str], ...]
    leads: re.Pattern[str]  # words that something must follow: an article, a preposition


@cache
def grades(
    tag: str, comma_words: frozenset[str], clause_words: frozenset[str], articles: frozenset[str]
) -> Grades:
    """Return the grades of a language."""
    del tag
    closed = rf"[{CLOSERS}]{{0,4}}+"
    after_comma, after_space = either(comma_words), either(comma_words | clause_words)
    return Grades(
        (
            re.compile(rf"[;:·؛—–―]{closed}(?=\s)|[；：]{closed}|\s(?=[—–-]\s)|(?<=[^\s—–])——?(?=[^\s—–])"),
            re.compile(rf"[,،]{closed}(?=\s+{after_comma[0]})|[，、]{closed}(?={after_comma[1]})"),
            re.compile(rf"[,،]{closed}(?=\s)|[，、]{closed}"),
        ),
        (
            re.compile(
                rf"(?=\s{after_space[0]})|(?<=[{CJK}])(?={after_space[1]})|(?<=[はがをにでとも])(?=[{KANJI}])"
            ),
            re.compile(r"(?=\s)"),
            re.compile(rf"(?<=[{CJK}])(?=[{CJK}])"),
        ),
        re.compile(rf"(?:\A|[\s(“\"'])(?i:{either(clause_words | articles)[0]})\Z"),
    )


def either(words: frozenset[str]) -> tuple[str, str]:
    """Return what matches one of the words that stand alone, and of those that nothing need set apart."""
    wide = sorted((re.escape(word) for word in words if word > "\u2fff"), key=len, reverse=True)
    narrow = sorted((re.escape(word) for word in words if word <= "\u2fff"), key=len, reverse=True)
    return (
        rf"(?:{'|'.join(narrow)})(?!\w)" if narrow else NEVER.pattern,
        f"(?:{'|'.join(wide)})" if wide else NEVER.pattern,
    )


def best_cut(window: str, limit: int, last: int, least: int, language: Language) -> int:
    """Return where to cut a sentence so that the first piece is at most `limit` long.

    The last place of the best grade from `least` to `last` counts; never inside an atom, unless there is no
    other way. `window` is the sentence's beginning, `limit + MARGIN` characters of it.
    """
    found = grades_of(language)
    tags = [tag.span() for tag in TAG.finditer(window)] if "[" in window else []
    speaks = first_spoken(window, tags) + 1
    least = max(least, speaks)
    half = max(least, limit // 2)
    for patterns, leads in ((found.clauses, NEVER), (found.words, found.leads), (found.words, NEVER)):
        for low, high in ((half, last), (least, min(half, last))):
            for pattern in patterns:
                place = last_place(window, pattern, low, high, tags, leads)
                if place:
                    return place
    return hard_cut(window, min(limit, max(last, speaks)), tags)


def first_clause(window: str, least: int, most: int, language: Language, *, is_over: bool) -> int:
    """Return where the first clause of `least` characters or more ends that a word follows, or 0.

    Not inside an atom or a bracket. `is_over`: the window ends with the sentence; no word need follow.
    """
    found = grades_of(language).clauses
    tags = [tag.span() for tag in TAG.finditer(window)] if "[" in window else []
    places = sorted({place for pattern in found for place in allowed(window, pattern, least, most)})
    for place in places:
        if not is_free(window, place, tags):
            continue
        head, rest = window[:place], window[place:]
        is_followed = SPOKEN.search(rest) is not None and (is_over or len(rest) >= 3)
        if is_followed and is_balanced(head) and SPOKEN.search(head):
            return place
    return 0


def is_balanced(text: str) -> bool:
    """Whether every bracket is closed."""
    return all(text.count(pair[0]) <= text.count(pair[1]) for pair in ("[]", "()", "（）"))


def first_spoken(window: str, tags: list[tuple[int, int]]) -> int:
    """Return the place of the first letter or digit outside the tags, 0 if there is none."""
    found = (match.start() for match in SPOKEN.finditer(window))
    return next((place for place in found if not any(a < place < b for a, b in tags)), 0)


def last_place(
    window: str,
    pattern: re.Pattern[str],
    low: int,
    high: int,
    tags: list[tuple[int, int]],
    leads: re.Pattern[str],
) -> int:
    """Return the last place from `low` to `high` where a pattern allows to cut, 0 if there is none.

    Not after a word that `leads` finds; nor, where something leads, before a figure.
    """
    for place in reversed(allowed(window, pattern, low, high)):
        if is_free(window, place, tags) and (leads is NEVER or not is_led(window, place, leads)):
            return place
    return 0


def is_led(window: str, place: int, leads: re.Pattern[str]) -> bool:
    """Whether the word before a place, or a figure after it, asks for them to stay together."""
    return (
        leads.search(window[max(0, place - 16) : place]) is not None
        or FIGURE.match(window, place) is not None
    )


def grades_of(language: Language) -> Grades:
    """Return the grades of a language."""
    words = language.words
    lists = (words[name].folded for name in ("comma_words", "clause_words", "articles"))
    return grades(language.tag, *lists)


def allowed(window: str, pattern: re.Pattern[str], low: int, high: int) -> list[int]:
    """Return the places from `low` to `high` that a pattern allows, atoms left aside."""
    places = []
    for match in pattern.finditer(window, max(0, low - 6)):
        place = match.end()
        if place > high:
            break
        if place >= low:
            places.append(place)
    return places


def is_free(window: str, place: int, tags: list[tuple[int, int]]) -> bool:
    """Whether a place is inside no atom."""
    if any(a < place < b for a, b in tags) or INSIDE.match(window, max(0, place - 2), place + 2):
        return False
    return INSIDE.search(window, max(0, place - 3), place + 3) is None


def hard_cut(window: str, limit: int, tags: list[tuple[int, int]]) -> int:
    """Return where to cut what has no place to cut: before a tag or an address, or between two letters."""
    addresses = [found.span() for found in ADDRESS.finditer(window)]
    around = [(a, b) for a, b in (*tags, *addresses) if a < limit < b]
    if around:
        start, end = around[0]
        return start or (end if end < len(window) else limit)
    place = limit
    while place > max(1, limit - 16) and is_joined(window[place : place + 1], window[place - 1]):
        place -= 1
    return place


def is_joined(letter: str, before: str) -> bool:
    """Whether a character belongs to the one before it."""
    return bool(letter) and (unicodedata.category(letter)[0] == "M" or "\u200d" in {letter, before})
