"""Long text to jobs, by content: a change in one place leaves the other jobs' texts as they were. Pure.

A place between two paragraphs is a cut where its rank is the highest within `REACH` on both sides.
The rank is a heading's, then a hash of how the paragraph after it begins. So whether a place is a
cut depends on its surroundings alone, and never on what was cut before it. (The idea is that of
content-defined chunking by local maxima: Bjørner, Blass, Gurevich, 2010.)
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from chatterpod.request import most_characters

__all__ = ["Heading", "Part", "cut", "cut_turns"]

TARGET = 3_000  # characters in a job, about
STEP = 250  # a paragraph's length counts in steps, so that a changed word does not move far cuts
PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*")
SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n\s*")
SPACE = re.compile(r"\s+")
HEADING = re.compile(
    r"#{1,6}\s+(?P<marked>\S[^\n]*)|(?P<named>(?:(?:chapter|part|book|kapitel|teil|chapitre)\s+[\w.-]+"
    r"|prologue|epilogue|preface|introduction)\b[^\n]{0,60})(?<![.!?,;])(?=\n|$)",
    re.IGNORECASE,
)
BREAK_MS, SENTENCE_MS, WORD_MS = 700, 300, 150  # the pause due after a paragraph, a sentence, a clause
TURN_MS = 400  # after a turn that names no pause of its own
MOST_TURNS = 200  # that a worker takes in one job


@dataclass(frozen=True, slots=True)
class Heading:
    """A chapter's title and where it stands in the whole text."""

    title: str
    char_start: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one job speaks: a stretch of the text, or some turns of a dialogue."""

    text: str
    char_start: int  # in the whole text
    pause_ms: int  # due after it, before the next part
    headings: tuple[Heading, ...] = ()
    turns: tuple[Mapping[str, Any], ...] = ()
    turn_start: int = 0

    @property
    def given(self) -> dict[str, Any]:
        """The field of the input that says it."""
        return {"turns": list(self.turns)} if self.turns else {"text": self.text}


@dataclass(frozen=True, slots=True)
class Block:
    """A piece that is not cut further: [start, end) of the text, or of the list of turns."""

    start: int
    end: int
    size: int  # characters
    rank: tuple[int, bytes]  # of the place before it
    pause_ms: int  # due where the text is cut after it


def cut(text: str, options: Mapping[str, Any]) -> list[Part]:
    """Return the jobs that speak `text`, in order; one, where it is short enough for that."""
    most = most_characters(options)
    target = min(TARGET, most * 3 // 5)
    if len(text) <= min(most, target * 3 // 2):
        groups = [[Block(0, len(text), len(text), (0, b""), BREAK_MS)]]
    else:
        groups = grouped(blocks(text, most), target, most)
    parts = []
    for group in groups:
        start, end = group[0].start, group[-1].end
        body = text[start:end]
        start += len(body) - len(body.lstrip())
        parts.append(Part(body.strip(), start, group[-1].pause_ms, tuple(headings(body.strip(), start))))
    return parts


def cut_turns(turns: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[Part]:
    """Return the jobs that speak a dialogue; a turn is never cut."""
    made = []
    for number, turn in enumerate(turns):
        text = str(turn.get("text", ""))
        pause = turn.get("pause_ms")
        size = max(len(text), 2 * TARGET // MOST_TURNS + 1)
        pause_ms = TURN_MS if pause is None else pause
        made.append(Block(number, number + 1, size, (0, ranked(text)), pause_ms))
    groups = grouped(made, TARGET, most_characters(options)) if made else []
    return [
        Part("", 0, group[-1].pause_ms, (), tuple(turns[group[0].start : group[-1].end]), group[0].start)
        for group in groups
    ]


def headings(body: str, char_start: int) -> list[Heading]:
    """Return the headings in a part: lines that begin a paragraph, marked with # or named chapters."""
    found = []
    starts = [0, *(match.end() for match in PARAGRAPH.finditer(body)), *line_starts(body)]
    for start in sorted(set(starts)):
        match = HEADING.match(body, start)
        if match and (match["marked"] or is_alone(body, start, match.end())):
            title = (match["marked"] or match["named"]).strip().strip("#").strip()
            found.append(Heading(title[:200], char_start + start))
    return found


def line_starts(body: str) -> list[int]:
    """Return where lines begin that are marked as headings."""
    return [match.start() for match in re.finditer(r"^#{1,6}\s", body, re.MULTILINE)]


def is_alone(body: str, start: int, end: int) -> bool:
    """Return whether a line that names a chapter is a paragraph of its own."""
    before, after = body[:start], body[end:]
    return (not before.strip() or before.endswith("\n")) and (
        not after.strip() or PARAGRAPH.match(after) is not None
    )


def blocks(text: str, most: int) -> list[Block]:
    """Return the paragraphs of a text; those longer than a job in sentences, words, or pieces."""
    made: list[Block] = []
    for start, end in spans(text, PARAGRAPH, 0, len(text)):
        body = text[start:end]
        if not any(letter.isalnum() for letter in body) and made:  # an ornament goes with what is before it
            last = made.pop()
            made.append(Block(last.start, end, last.size + end - last.end, last.rank, BREAK_MS))
        elif end - start <= most:
            is_heading = 1 if HEADING.match(body.lstrip()) else 0
            made.append(Block(start, end, end - start, (is_heading, ranked(body)), BREAK_MS))
        else:
            made += sentences(text, start, end, most)
    return made


def sentences(text: str, start: int, end: int, most: int) -> list[Block]:
    """Return a paragraph that is longer than a job, in pieces that are not."""
    made: list[Block] = []
    for first, last in spans(text, SENTENCE, start, end):
        places = [(first, last)]
        if last - first > most:
            places = [
                (at, min(at + most, e)) for s, e in words(text, first, last, most) for at in range(s, e, most)
            ]
        for number, (s, e) in enumerate(places):
            pause = SENTENCE_MS if number == len(places) - 1 else WORD_MS
            made.append(Block(s, e, e - s, (-1, ranked(text[s:e])), pause))
    return [*made[:-1], *(replace(block, pause_ms=BREAK_MS) for block in made[-1:])]


def words(text: str, start: int, end: int, most: int) -> list[tuple[int, int]]:
    """Return a sentence in runs of words of about a quarter of a job."""
    runs, begin = [], start
    for _, last in spans(text, SPACE, start, end):
        if last - begin >= most // 4:
            runs.append((begin, last))
            begin = last
    return [*runs, (begin, end)] if begin < end else runs


def spans(text: str, between: re.Pattern[str], start: int, end: int) -> list[tuple[int, int]]:
    """Return the stretches of text[start:end] that end where `between` matches, its match included."""
    borders = [start, *(match.end() for match in between.finditer(text, start, end)), end]
    return [(a, b) for a, b in pairwise(borders) if a < b]


def ranked(text: str) -> bytes:
    """Return a rank that hangs on how a paragraph begins: its first words, without their marks."""
    opening = "".join(letter for letter in text.casefold()[:80] if letter.isalnum())[:24]
    return hashlib.blake2b(opening.encode("utf-8", "replace"), digest_size=8).digest()


def grouped(made: Sequence[Block], target: int, most: int) -> list[list[Block]]:
    """Return the blocks in groups of about `target` characters, none over `most`."""
    groups: list[list[Block]] = []
    for start, end in pairwise([0, *cuts(made, target), len(made)]):
        groups += divided(list(made[start:end]), min(most, 2 * target))
    return groups


def divided(group: list[Block], most: int) -> list[list[Block]]:
    """Return a group in parts of at most `most` characters, cut at its highest rank, not near an end."""
    size = sum(block.size for block in group)
    if size <= most or len(group) == 1:
        return [group]
    before = list(accumulate((block.size for block in group), initial=0))
    far = [number for number in range(1, len(group)) if size // 4 <= before[number] <= size - size // 4]
    middle = min(range(1, len(group)), key=lambda number: abs(2 * before[number] - size))
    best = max(far or [middle], key=lambda number: (group[number].rank, -abs(2 * before[number] - size)))
    return divided(group[:best], most) + divided(group[best:], most)


def cuts(made: Sequence[Block], target: int) -> list[int]:
    """Return the numbers of the blocks before which to cut: the highest ranks within reach."""
    steps = list(accumulate((-(-block.size // STEP) for block in made), initial=0))
    reach = max(1, target * 2 // 3 // STEP)
    found = []
    for number in range(1, len(made)):
        at, rank = steps[number], made[number].rank
        if at < reach or steps[-1] - at < reach:
            continue
        before = highest(made, steps, number, -1, at - reach)
        after = highest(made, steps, number, 1, at + reach)
        if (before is None or rank > before) and (after is None or rank >= after):
            found.append(number)
    return found


def highest(
    made: Sequence[Block], steps: Sequence[int], number: int, way: int, until: int
) -> tuple[int, bytes] | None:
    """Return the highest rank of the places on one side of a block, up to the step `until`."""
    best = None
    other = number + way
    while 0 < other < len(made) and (steps[other] >= until if way < 0 else steps[other] <= until):
        best = made[other].rank if best is None else max(best, made[other].rank)
        other += way
    return best
