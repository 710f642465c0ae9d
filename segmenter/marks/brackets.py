"""Square brackets: links, pictures, footnotes, tasks, voices, definitions; anything else is text."""

import re
from collections import deque
from dataclasses import dataclass

from segmenter.marks.links import LONGEST, TARGET, is_target
from segmenter.marks.pending import Pieces
from segmenter.marks.skipping import Skip, definition, picture

__all__ = ["WITHIN", "Brackets"]

WITHIN = 200  # characters in which a construct inside a line ends
CITATION = re.compile(r"\^?\d{1,3}(?:\s?[,;–-]\s?\^?\d{1,3}){0,9}|\^[\w.-]{1,40}|\d{1,3}†[^\[\]]{0,80}")
VOICE = re.compile(r"voice:\s{0,3}([A-Za-z0-9_-]{1,64})\s{0,3}")
TASK = re.compile(r"(?:\A|\n)[ \t>]{0,40}(?:[-*+]|\d{1,3}[.)])[ \t]{1,8}\Z")
INDEX = re.compile(r"(?:\A|[^\w])[A-Za-z_]\Z|_\w*\Z")  # x[1]: an index, not a footnote
LINE = re.compile(r"(?:\A|\n)[ ]{0,3}\Z")
LABEL = re.compile(r"\[([^\[\]\n]{0,60})\]")
LABELLED = re.compile(
    r":[ \t]{0,8}<?(?:[a-z]{2,8}:|/|\.{1,2}/|#|www\.|[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}[/\s>])", re.IGNORECASE
)
REFERENCE = re.compile(r"[\d\W]|[A-Z]")  # in a label, what no tag has
DATA = re.compile(r"\(\s?<?data:[\w.+-]{1,40}/", re.IGNORECASE)
TAGS = frozenset({"clear throat", "deep breath"})


@dataclass(slots=True)
class Opener:
    """An open bracket: the number of its piece, its place, and what was seen up to it."""

    number: int
    place: int
    length: int
    is_picture: bool


class Brackets:
    """The open brackets of a text, and what each pair turns out to be."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._open: deque[Opener] = deque()
        self.skip: Skip | None = None  # that the last bracket began

    @property
    def is_open(self) -> bool:
        """Whether a bracket is open that may still be a mark."""
        return bool(self._open)

    @property
    def first(self) -> int | None:
        """The number of the piece of the first open bracket."""
        return self._open[0].number if self._open else None

    def clear(self) -> None:
        """Take all open brackets for text."""
        self._open.clear()

    def expire(self, text: str, at: int, base: int) -> None:
        """Take for text what did not end within its line, or within `WITHIN` characters."""
        while self._open and self._pieces.length - self._open[0].length > WITHIN:
            self._open.popleft()
        if self._open:
            broken = text.rfind("\n", max(0, self._open[0].place - base), at)
            while self._open and self._open[0].place - base < broken:
                self._open.popleft()

    def open(self, text: str, at: int, base: int) -> int:
        """Read an opening bracket; return what is read."""
        is_picture = text[at - 1 : at] == "!" and self._pieces.is_copied(0)
        if is_picture:
            self._pieces.split_last(1)
        number = self._pieces.next - is_picture
        self._pieces.copy("[", base + at)
        self._open.append(Opener(number, base + at - is_picture, self._pieces.length, is_picture))
        return at + 1

    def close(self, text: str, at: int, base: int, *, final: bool) -> int | None:
        """Read a closing bracket; return what is read, None where more text decides."""
        self.expire(text, at, base)
        following = text[at + 1 : at + 2]
        if self._open and not final and (not following or text[at + 1 :] == ":"):
            return None
        opener = self._open[-1] if self._open else None
        if opener is None:
            return self._as_text(text, at, base)
        content = text[max(0, opener.place - base + 1 + opener.is_picture) : at]
        if following == "(":
            end = self._target(text, at, base, opener, final=final)
        elif following == "[":
            end = self._reference(text, at, base, opener, content, final=final)
        elif following == ":" and content[:1] != "^":
            end = self._definition(text, at, base, opener, final=final)
        else:
            end = 0
        if end:
            self._open.pop()
            return end
        return None if end is None else self._alone(text, at, base, content)

    def _as_text(self, text: str, at: int, base: int) -> int:
        self._pieces.copy(text[at], base + at)
        return at + 1

    def _target(self, text: str, at: int, base: int, opener: Opener, *, final: bool) -> int | None:
        """Read the target of a link or a picture."""
        if DATA.match(text, at + 1):
            self.skip = picture()
            return self._linked(opener, at, at + 2, base)
        match = TARGET.match(text, at + 1)
        if match is not None:
            if not is_target(match["target"]):
                return 0
            return self._linked(opener, at, match.end(), base)
        rest = text[at + 1 : at + 2 + LONGEST]
        if (
            not final
            and len(rest) <= LONGEST
            and re.fullmatch(r"\(\s?<?[^\s<>]*(?:[ \t]{1,3}[\"'(][^\n]{0,300})?", rest)
        ):
            return None
        return 0

    def _linked(self, opener: Opener, at: int, end: int, base: int) -> int:
        self._pieces.hide(opener.number)
        if opener.is_picture:
            self._pieces.hide(opener.number + 1)
        self._pieces.drop(base + at, base + end, side=-1)
        return end

    def _reference(
        self, text: str, at: int, base: int, opener: Opener, content: str, *, final: bool
    ) -> int | None:
        """Read the label of a link whose target stands elsewhere: [words][1]."""
        label = LABEL.match(text, at + 1)
        if label is None:
            grows = (
                len(text) - at < 62 and not set("\n]") & set(text[at + 1 :]) and text.count("[", at + 1) == 1
            )
            return None if grows and not final else 0
        if CITATION.fullmatch(content) or VOICE.fullmatch(content) or content in TAGS or ":" in label[1]:
            return 0
        if label[1] in TAGS or (
            label[1] and not REFERENCE.search(label[1]) and not REFERENCE.search(content)
        ):
            return 0
        return self._linked(opener, at, label.end(), base)

    def _definition(self, text: str, at: int, base: int, opener: Opener, *, final: bool) -> int | None:
        """Read a line that says where a label points to: it is skipped to its end."""
        place = opener.place - base
        if not LINE.search(text, max(0, place - 5), place):
            return 0
        rest = text[at + 1 : at + 100]
        if LABELLED.match(rest) is None:
            grows = len(rest) < 99 and re.fullmatch(r":[ \t]{0,8}\S{0,90}", rest) is not None
            return None if grows and not final else 0
        self._pieces.unite(opener.number, base + at + 1)
        self.skip = definition()
        return at + 1

    def _alone(self, text: str, at: int, base: int, content: str) -> int:
        """Read brackets that nothing follows."""
        opener = self._open.pop()
        before = text[max(0, opener.place - base - 60) : max(0, opener.place - base)]
        voice = VOICE.fullmatch(content)
        end = base + at + 1
        if voice is not None:
            self._pieces.unite(opener.number, end, "\n\n", side=1)
            self._pieces.voice(voice[1])
            return at + 1
        is_task = content in {" ", "x", "X"} and TASK.search(before) is not None
        is_citation = CITATION.fullmatch(content) and content != "0" and not INDEX.search(before)
        if is_task or is_citation:
            more = re.compile(r":(?=\s)").match(text, at + 1) if content[:1] == "^" else None
            self._pieces.unite(opener.number, end + bool(more), side=-1)
            return at + 1 + bool(more)
        is_wiki = (
            bool(self._open) and self._open[-1].number == opener.number - 1 and text[at + 1 : at + 2] == "]"
        )
        if is_wiki and content:
            outer = self._open.pop()
            self._pieces.unite(outer.number, end + 1, content.rpartition("|")[2])
            return at + 2
        return self._as_text(text, at, base)
