"""Where sentences end. One pass, each decision in a bounded window, so that text may arrive in pieces."""

import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import NamedTuple

from segmenter.atoms import AHEAD, BEHIND, CJK, EMOJI, PAUSE, open_tag, pause_ms, tail
from segmenter.cutting.languages import Language, language_of
from segmenter.cutting.lines import ITEM, WRAPPED, is_growing, is_heading, is_next_item, line_ends, marker_at
from segmenter.cutting.stops import (
    BRACKETS,
    SAID_WITHIN,
    Stop,
    may_go_on,
    opened_bracket,
    stop_ends,
)
from segmenter.cutting.unspaced import unspaced_ends
from segmenter.cutting.wide import wide_end

__all__ = ["ONLY_TAGS", "Ending", "Scanner", "Sentence", "Silence", "check"]

GAP = 48  # characters of white space that end any sentence
PARTIAL = 48  # characters: the longest candidate that may still be growing at the end of a text
MARKS = ".!?…‽⁇⁈⁉"
WIDE = "。！？｡．।॥؟۔։።။។᠃\u037e"
CLOSERS = "\"'”’“‘»«›‹)\\]}*_`"
WIDE_CLOSERS = "」』”’）)\\]》】〉〗＞\"'»*"
FIRST_LETTER = re.compile(r"[^\W_]")
# A look-ahead and what it found: possessive groups match wrongly before Python 3.11.5.
SKIPPED = re.compile(rf"\A(?=(?P<skipped>(?:\s|\[[^\[\]\n]{{1,40}}\]|{EMOJI})*))(?P=skipped)")
# That many whole words must follow before a decision is certain, white space, tags and emoji left aside.
CERTAIN = {number: re.compile(rf"{SKIPPED.pattern}(?:\S+\s+){{{number}}}") for number in (1, SAID_WITHIN + 1)}
ONLY_TAGS = re.compile(r"\s*(?:\[[^\[\]\n]{1,40}\]\s*)+")
CLAUSE_AHEAD = 20  # characters that tell whether a sentence goes on after a quotation, where no spaces are
SPACES = re.compile(rf"[^\S\r\n]{{{GAP}}}")
BEGUN_ADDRESS = re.compile(r"(?:@|://|\bwww\.|\.[a-z]{2,12}/)[^\s@]*\Z")
CAPITAL = "[A-ZÀ-ÖØ-ÞĀ-ŽΑ-ΩЀ-Я]"  # which may begin a sentence with no space before it


class Ending(Enum):
    """What a sentence ends with; the pause that is due follows from it."""

    CLAUSE = "clause"
    SENTENCE = "sentence"
    LINE = "line"
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    PAUSE = "pause"  # written into the text


class Silence(Enum):
    """How long no text has come, and so what is spoken of what has."""

    SHORT = 1  # what has ended: Hello there.
    MEDIUM = 2  # and what may go on: Dr., 3., 9 a.m., "Stop!"
    LONG = 3  # and what is open: a bracket, a tag


class Sentence(NamedTuple):
    """A span of the text, white space before it included."""

    start: int
    end: int
    ending: Ending
    pause_ms: int = 0  # of a written pause


def check(text: str, language: str) -> Language:
    """Return the language; refuse a text that is not a string, and a tag that is not one."""
    if not isinstance(text, str):
        raise TypeError(f"text is {type(text).__name__}, expected str")
    return language_of(language)


@cache
def candidates(question_mark: str) -> re.Pattern[str]:
    """Return what finds every place where a sentence may end; the last group says of which kind it is.

    It begins with one set of characters, so that the search skips all others fast.
    """
    marks = MARKS + question_mark
    return re.compile(
        rf"[{marks}{WIDE}\n\r\u2028\u2029\[](?:"
        rf"(?<=[{marks}])(?<![{marks}]{{2}})[{marks}]{{0,31}}+"
        rf"(?=(?P<close>(?:[ \xa0\u202f]?»(?!\w)|[{CLOSERS}]){{0,12}}))(?P=close)"
        rf"(?=\s|\Z|[{CJK}]|{EMOJI}|\[[^\[\]\n]{{1,40}}\](?:\s|\Z)|(?<=[^\W\d_]{{2}}[.!?]){CAPITAL})(?P<stop>)"
        r"|(?<=[\n\r])(?:(?<=\r)\n)?(?:[ \t]{0,40}+(?:\r\n?|\n)(?P<paragraph>)|(?P<line>))"
        r"|(?<=\u2028)(?P<separator>)|(?<=\u2029)(?P<divider>)"
        rf"|(?<=[{WIDE}])[{WIDE}{marks}]{{0,31}}+(?P<wideclose>[{WIDE_CLOSERS}]{{0,12}}+)(?P<wide>)"
        rf"|(?<=\[){PAUSE[2:]}(?:[ \t]{{0,8}}{PAUSE}){{0,7}}(?P<pause>)"
        r")"
    )


def is_certain(text: str, match: re.Match[str]) -> bool:
    """Whether no later text could change what is decided about a candidate."""
    end, kind = match.end(), match.lastgroup
    room = len(text) - end
    if room >= AHEAD or kind in {"paragraph", "divider"}:
        return True
    following = text[end : end + 1]
    if following > "\u2fff" and following.isalnum():
        return room >= (CLAUSE_AHEAD if kind == "stop" or match["wideclose"] else 3)
    window = text[end:]
    first = window.lstrip()[:1]
    if "#" in window or first in {"(", "（"} or open_tag(window) < len(window):
        return False
    opened = opened_bracket(text[max(0, match.start() - BEHIND) : match.start()])
    if opened and BRACKETS[opened] not in window:
        return False
    closes = (kind == "stop" and match["close"]) or (kind == "wide" and match["wideclose"])
    words = SAID_WITHIN + 1 if closes or not first.isalnum() else 1
    return CERTAIN[words].match(window) is not None


def is_plain(word: str) -> bool:
    """Whether a word has letters alone, not all of them capitals, and is written with spaces around it."""
    return word.isalpha() and not word.isupper() and (word.isascii() or max(word) < "\u3040")


class Scanner:
    """Finds the sentences of a text that may still grow.

    The text is handed in anew each time: the same, longer; or, after `shift`, without its beginning.
    """

    def __init__(self, language: Language) -> None:
        self._language = language
        self._find = candidates(language.question_mark)
        self._ends = MARKS + language.question_mark + WIDE + CLOSERS + WIDE_CLOSERS + " \xa0\u202f"
        self._start = 0  # of the sentence
        self._place = 0  # what is before it is decided
        self._judged = 0  # likewise, since nothing between stands where a sentence may end
        self._head = ""  # the sentence's beginning, once it was shifted away
        self._marker: re.Match[str] | None = None  # of the list item that the sentence is
        self._may_have_marker = True

    @property
    def decided(self) -> int:
        """What begins before this place and ends a sentence, `scan` has given out."""
        return max(self._place, self._judged)

    @property
    def start(self) -> int:
        """Where the sentence begins that is not over yet."""
        return self._start

    def shift(self, text: str, by: int) -> None:
        """Forget the first characters of the text."""
        if self._start < by and not self._head:
            self._head = text[self._start : self._start + AHEAD]
        self._start -= by
        self._place -= by
        self._judged -= by

    def rest(self, text: str, pending: str, silence: Silence) -> Iterator[Sentence]:
        """Yield the sentences that are over if nothing has come for so long after `text` and `pending`."""
        yield from self.scan(text + pending, final=True, silence=silence)
        self._place = max(self._start, min(self._place, len(text)))
        self._judged = min(self._judged, self._place)

    def scan(self, text: str, *, final: bool, silence: Silence | None = None) -> Iterator[Sentence]:
        """Yield the sentences that are now certain, lazily; all of them if the text is `final`.

        With a `silence` only those that have an end, which holds if nothing has come for so long.
        """
        unfinished = silence is None
        seen = self._place
        closed = len(text) if final else open_tag(text)  # a tag that is still growing is skipped or it is not
        for match in self._find.finditer(text, self._place):
            place = match.start()
            if place < self._start:  # inside what an earlier end took along
                continue
            if self._marker or self._may_have_marker or place - seen > GAP or seen == self._place:
                yield from self._between(text, seen, place, final=final)
            seen = place
            if not (
                final or (place < closed and (len(text) - match.end() >= AHEAD or is_certain(text, match)))
            ):
                self._place = self._opened(text, place)
                self._judged = min(self._judged, self._place)
                return
            if silence is not None and self._may_go_on(text, match, silence):
                self._place = place
                return
            found = self._judge(text, match)
            self._judged = match.end()
            if found is not None:
                yield self._end(*found)
        upto = len(text) if final and unfinished else max(self._start, len(text) - PARTIAL, self._place)
        yield from self._between(text, seen, upto, len(text), final=final)
        self._place = max(self._start, upto)
        if final and unfinished and self._start < len(text):
            yield self._end(len(text), Ending.SENTENCE)

    def _may_go_on(self, text: str, match: re.Match[str], silence: Silence) -> bool:
        """Whether what may still come decides about a candidate that nothing follows."""
        place, kind = match.start(), match.lastgroup
        if silence is Silence.LONG or kind not in {"stop", "wide"}:
            return False
        before = text[max(self._start, place - BEHIND, 0) : place]
        if text[match.end() :].strip():
            closes = match["close"] if kind == "stop" else match["wideclose"]
            is_open = bool(closes and silence is Silence.SHORT) or bool(opened_bracket(before))
            return is_open and not is_certain(text, match)
        opened = opened_bracket(before)
        if opened and BRACKETS[opened] not in match[0]:
            return True
        close = match["close"] if kind == "stop" else match["wideclose"]
        if not close and BEGUN_ADDRESS.search(before):
            return True
        return silence is Silence.SHORT and may_go_on(
            before, text[place : match.end() - len(close)], close, self._language
        )

    def _opened(self, text: str, place: int) -> int:
        """Return the place, or where a tag begins that it may be in, with the stop that touches the tag."""
        first = max(self._start, place - PARTIAL, 0)
        opened = text.rfind("[", first, place)
        return place if opened < 0 else first + len(text[first:opened].rstrip(self._ends))

    def _end(self, end: int, ending: Ending, pause: int = 0) -> Sentence:
        """End the sentence and return it. A blank one only tells how the one before it ends."""
        sentence = Sentence(self._start, end, ending, pause)
        self._start, self._place = end, end
        self._head, self._marker, self._may_have_marker = "", None, True
        return sentence

    def _between(
        self, text: str, seen: int, upto: int, gaps_upto: int = 0, *, final: bool
    ) -> Iterator[Sentence]:
        """Yield what ends between two candidates: at wide gaps, and where a list within a line goes on."""
        if gaps_upto or upto - seen > GAP or seen == self._place:
            for gap in SPACES.finditer(text, max(self._start, seen - GAP), gaps_upto or upto):
                yield self._end(gap.start(), Ending.LINE)
        if self._may_have_marker and (final or not is_growing(text, max(0, self._start))):
            self._marker = marker_at(text, max(0, self._start))
            self._may_have_marker = self._marker is None and not final and len(text) - self._start < 2 * AHEAD
        while self._marker is not None:
            items = ITEM.finditer(text, max(self._start + 1, seen - 16), upto + GAP)
            places = (item.start() for item in items)
            near = (place for place in places if place >= upto or is_next_item(self._marker, text, place))
            place = next(near, upto)
            if place >= upto or (not final and is_growing(text, place)):
                break
            yield self._end(place, Ending.LINE)
            self._marker, self._may_have_marker = marker_at(text, place), False

    def _judge(self, text: str, match: re.Match[str]) -> tuple[int, Ending, int] | None:
        """Return where and how the sentence ends at a candidate, None where it goes on."""
        kind, end = match.lastgroup, match.end()
        if kind == "stop":
            stops = self._stop(text, match)
            return None if stops is None else (tail(text, stops), Ending.SENTENCE, 0)
        if kind == "wide":
            marks = (match.start(), match.start("wideclose"))
            stops = wide_end(text, max(0, self._start), marks, end, self._language)
            return None if stops is None else (tail(text, stops), Ending.SENTENCE, 0)
        if kind == "pause":
            return end, Ending.PAUSE, pause_ms(match[0])
        if kind in {"paragraph", "divider"}:
            return end, Ending.PARAGRAPH, 0
        return self._line(text, match.start(), end)

    def _line(self, text: str, place: int, end: int) -> tuple[int, Ending, int] | None:
        """Return where and how the sentence ends at a line break, None where it goes on."""
        since = max(self._start, place - BEHIND, 0)
        is_over = not text[since:place].strip()  # the sentence ended before the break
        line = text[max(0, place - BEHIND) if is_over else since : place]
        line = line[max(line.rfind("\n"), line.rfind("\r")) + 1 :]
        if not (len(line) < WRAPPED if is_over else line_ends(line, text[end : end + AHEAD], self._language)):
            return None
        return end, Ending.HEADING if is_heading(line) else Ending.LINE, 0

    def _stop(self, text: str, match: re.Match[str]) -> int | None:
        """Return where the sentence ends at a stop, None where it goes on."""
        place, end, close = match.start(), match.end(), match["close"]
        before = text[max(self._start, place - BEHIND, 0) : place]
        opened = opened_bracket(before)
        after = text[end : end + AHEAD]
        if not opened and match[0] == "." and after[:1].isspace() and after.lstrip()[:1].isupper():
            word = before[before.rfind(" ") + 1 :]
            if len(word) > 1 and is_plain(word) and self._language.is_plain(word):
                return end
        if text[end : end + 1] > "\u2fff" and text[end].isalpha():
            if not close and text[place] == "." and before[-1:] < "\u3000":
                return None
            marks = (place, place + len(match[0]) - len(close))
            return wide_end(text, max(0, self._start), marks, end, self._language)
        if after[:1].isalpha() and not unspaced_ends(before, match[0], after, self._language):
            return None
        rest = after[1:] if after[:1] == " " and after[1:2].isalpha() else SKIPPED.sub("", after, 1)
        is_low = self._begins_low(text, place)
        stop = Stop(before, text[place : end - len(close)], close, rest, opened, begins_low=is_low)
        return end if stop_ends(stop, self._language) else None

    def _begins_low(self, text: str, place: int) -> bool:
        head = self._head or text[self._start : min(place, self._start + AHEAD)]
        letter = FIRST_LETTER.search(head)
        return letter is not None and letter[0].islower()
