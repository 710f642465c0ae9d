"""Cuts a long text into jobs by content: a change in one place leaves the other jobs as they were. Pure.

A place between two paragraphs is a cut if its rank is the highest within a certain distance on both
sides. Headings have the highest ranks; otherwise the rank is a hash of how the paragraph after the
place begins. So a cut depends on its surroundings only, not on earlier cuts. (This is content-defined
chunking by local maxima: Bjørner, Blass, Gurevich, 2010.)
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from chatterpod.request import max_characters

__all__ = ["Heading", "Part", "cut", "cut_turns"]

TARGET = 3_000  # characters of a job, approximately
STEP = 250  # characters: lengths are rounded up to this, so that a changed word does not move distant cuts
PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*")
SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*")
SPACE = re.compile(r"\s+")
HEADING = re.compile(
    r"#{1,6}\s+(?P<marked>\S[^\n]*)|(?P<named>(?:(?:chapter|part|book|kapitel|teil|chapitre)\s+[\w.-]+"
    r"|prologue|epilogue|preface|introduction)\b[^\n]{0,60})(?<![.!?,;])(?=\n|$)",
    re.IGNORECASE,
)
# The worker's pauses, as in segmenter/pauses.py: after a paragraph, a sentence, a word within one, a turn.
BREAK_MS, SENTENCE_MS, WORD_MS, TURN_MS = 700, 300, 150, 400
MAX_TURNS = 200  # of one job, the worker's limit


@dataclass(frozen=True, slots=True)
class Heading:
    """A chapter's title and its place in the whole text."""

    title: str
    char_start: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one job speaks: a range of the text, or some turns of a dialogue."""

    text: str  # empty in a dialogue
    char_start: int  # in the whole text
    pause_ms: int  # after it, before the next part
    headings: tuple[Heading, ...] = ()
    turns: tuple[Mapping[str, Any], ...] = ()
    turn_start: int = 0  # in the whole dialogue

    @property
    def input_fields(self) -> dict[str, Any]:
        """The field of the input that holds it."""
        return {"turns": list(self.turns)} if self.turns else {"text": self.text}


@dataclass(frozen=True, slots=True)
class Passage:
    """A range that is not cut: [start, end) of the text, or of the list of turns."""

    start: int
    end: int
    size: int  # characters
    rank: tuple[int, bytes]  # of the place before it
    pause_ms: int  # after it, if the text is cut there


def cut(text: str, options: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a text in order; a short text is one part.

    Args:
        text: The whole text.
        options: Fields of the input; format, bit rate and speed decide how much text fits into a job.
    """
    limit = max_characters(options)
    target = min(TARGET, limit * 3 // 5)
    if len(text) <= min(limit, target * 3 // 2):
        groups = [[Passage(0, len(text), len(text), (0, b""), BREAK_MS)]]
    else:
        groups = grouped(passages_of(text, limit), target, limit)
    parts = []
    for group in groups:
        start, end = group[0].start, group[-1].end
        body = text[start:end]
        start += len(body) - len(body.lstrip())
        parts.append(Part(body.strip(), start, group[-1].pause_ms, tuple(headings(body.strip(), start))))
    return parts


def cut_turns(turns: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a dialogue in order; a turn is never cut. Options: as for `cut`."""
    passages = []
    for number, turn in enumerate(turns):
        text = str(turn.get("text", ""))
        pause = turn.get("pause_ms")
        size = max(len(text), 2 * TARGET // MAX_TURNS + 1)
        pause_ms = TURN_MS if pause is None else pause
        passages.append(Passage(number, number + 1, size, (0, opening_hash(text)), pause_ms))
    groups = grouped(passages, TARGET, max_characters(options)) if passages else []
    return [
        Part("", 0, group[-1].pause_ms, (), tuple(turns[group[0].start : group[-1].end]), group[0].start)
        for group in groups
    ]


def headings(body: str, char_start: int) -> list[Heading]:
    """Return the headings in a part: lines marked with #, and paragraphs such as "Chapter 3"."""
    found = []
    starts = [0, *(match.end() for match in PARAGRAPH.finditer(body)), *line_starts(body)]
    for start in sorted(set(starts)):
        match = HEADING.match(body, start)
        if match and (match["marked"] or is_alone(body, start, match.end())):
            title = (match["marked"] or match["named"]).strip().strip("#").strip()
            found.append(Heading(title[:200], char_start + start))
    return found


def line_starts(body: str) -> list[int]:
    """Return the offsets of lines that are marked as headings."""
    return [match.start() for match in re.finditer(r"^#{1,6}\s", body, re.MULTILINE)]


def is_alone(body: str, start: int, end: int) -> bool:
    """Return whether the line at [start, end) is a paragraph of its own."""
    before, after = body[:start], body[end:]
    return (not before.strip() or before.endswith("\n")) and (
        not after.strip() or PARAGRAPH.match(after) is not None
    )


def passages_of(text: str, limit: int) -> list[Passage]:
    """Return the paragraphs of a text; one that is longer than a job as sentences, words, or slices."""
    passages: list[Passage] = []
    for start, end in spans(text, PARAGRAPH, 0, len(text)):
        body = text[start:end]
        if passages and not any(letter.isalnum() for letter in body):
            # A line of ornaments belongs to the paragraph before.
            last = passages.pop()
            passages.append(Passage(last.start, end, last.size + end - last.end, last.rank, BREAK_MS))
        elif end - start <= limit:
            is_heading = 1 if HEADING.match(body.lstrip()) else 0
            passages.append(Passage(start, end, end - start, (is_heading, opening_hash(body)), BREAK_MS))
        else:
            passages += sentences(text, start, end, limit)
    return passages


def sentences(text: str, start: int, end: int, limit: int) -> list[Passage]:
    """Return the sentences of text[start:end]; one that is longer than a job as words, or slices."""
    passages: list[Passage] = []
    for first, last in spans(text, SENTENCE, start, end):
        ranges = [(first, last)]
        if last - first > limit:
            ranges = [
                (at, min(at + limit, e))
                for s, e in words(text, first, last, limit)
                for at in range(s, e, limit)
            ]
        for number, (s, e) in enumerate(ranges):
            pause = SENTENCE_MS if number == len(ranges) - 1 else WORD_MS
            passages.append(Passage(s, e, e - s, (-1, opening_hash(text[s:e])), pause))
    return [*passages[:-1], *(replace(passage, pause_ms=BREAK_MS) for passage in passages[-1:])]


def words(text: str, start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """Return text[start:end] as runs of words, each of about a quarter of a job."""
    runs, begin = [], start
    for _, last in spans(text, SPACE, start, end):
        if last - begin >= limit // 4:
            runs.append((begin, last))
            begin = last
    return [*runs, (begin, end)] if begin < end else runs


def spans(text: str, between: re.Pattern[str], start: int, end: int) -> list[tuple[int, int]]:
    """Return the ranges of text[start:end] that `between` separates, each with the match that ends it."""
    borders = [start, *(match.end() for match in between.finditer(text, start, end)), end]
    return [(a, b) for a, b in pairwise(borders) if a < b]


def opening_hash(text: str) -> bytes:
    """Return a hash of how a paragraph begins: its first letters and digits."""
    opening = "".join(letter for letter in text.casefold()[:80] if letter.isalnum())[:24]
    return hashlib.blake2b(opening.encode("utf-8", "replace"), digest_size=8).digest()


def grouped(passages: Sequence[Passage], target: int, limit: int) -> list[list[Passage]]:
    """Return the passages in groups of about `target` characters, none above `limit`."""
    groups: list[list[Passage]] = []
    for start, end in pairwise([0, *cuts(passages, target), len(passages)]):
        groups += divided(list(passages[start:end]), min(limit, 2 * target))
    return groups


def divided(group: list[Passage], limit: int) -> list[list[Passage]]:
    """Return a group as groups of at most `limit` characters, cut at its highest rank, not near an end."""
    size = sum(passage.size for passage in group)
    if size <= limit or len(group) == 1:
        return [group]
    before = list(accumulate((passage.size for passage in group), initial=0))
    far = [number for number in range(1, len(group)) if size // 4 <= before[number] <= size - size // 4]
    middle = min(range(1, len(group)), key=lambda number: abs(2 * before[number] - size))
    best = max(far or [middle], key=lambda number: (group[number].rank, -abs(2 * before[number] - size)))
    return divided(group[:best], limit) + divided(group[best:], limit)


def cuts(passages: Sequence[Passage], target: int) -> list[int]:
    """Return the numbers of the passages before which to cut: the highest ranks within reach."""
    steps = list(accumulate((-(-passage.size // STEP) for passage in passages), initial=0))
    reach = max(1, target * 2 // 3 // STEP)
    found = []
    for number in range(1, len(passages)):
        at, rank = steps[number], passages[number].rank
        if at < reach or steps[-1] - at < reach:
            continue
        before = highest(passages, steps, number, -1, at - reach)
        after = highest(passages, steps, number, 1, at + reach)
        if (before is None or rank > before) and (after is None or rank >= after):
            found.append(number)
    return found


def highest(
    passages: Sequence[Passage], steps: Sequence[int], number: int, way: int, until: int
) -> tuple[int, bytes] | None:
    """Return the highest rank on one side of a passage (`way` -1 or 1), up to the step `until`."""
    best = None
    other = number + way
    while 0 < other < len(passages) and (steps[other] >= until if way < 0 else steps[other] <= until):
        best = passages[other].rank if best is None else max(best, passages[other].rank)
        other += way
    return best
