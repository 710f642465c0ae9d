"""What is seen of a text, with its places in the text as given: for a text in pieces as for a whole one.

Each piece is read once. A construct with an opener of its own is a state (`skipping`); one inside a line is
held back until its end, the line's or 200 characters, and is text where it does not end.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from segmenter.marks.brackets import Brackets
from segmenter.marks.constructs import Constructs
from segmenter.marks.offsets import Places
from segmenter.marks.openers import FIRST
from segmenter.marks.pending import Pieces

__all__ = ["CODE", "REASONING", "MarkRules", "Reader", "visible"]

CODE, REASONING = "code", "reasoning"
SCHEMES = ("data", "https", "ftp", "file", "mailto", "www")
BEHIND = 256  # characters before a place that a decision about it may look at
BLOCK = 4_096  # characters of a whole text that are read at once


@dataclass(frozen=True, slots=True)
class MarkRules:
    """What is read of what is for the eye.

    Args:
        read: What is read out although it is left out by default: `code` in fences, `reasoning`.
        has_markup: Whether marks are looked for at all; a text without is spoken as it stands.
        phrases: Words with spaces or stops between them that are never cut.
        is_seen: Whether the text was read before, and only its phrases are looked for.
    """

    read: frozenset[str] = frozenset()
    has_markup: bool = True
    phrases: tuple[str, ...] = ()
    is_seen: bool = False

    @classmethod
    def of(
        cls, read: Collection[str] = (), markup: str = "auto", pronounce: Collection[str] = ()
    ) -> "MarkRules":
        """Return the rules that the fields `read`, `markup` and `pronounce` of a request ask for."""
        phrases = sorted(
            (word for word in pronounce if re.search(r"\S[\s.!?]+\S", word)), key=len, reverse=True
        )
        return cls(frozenset(read), markup != "none", tuple(phrases))


class Reader:
    """Reads a text that may come in pieces.

    Args:
        rules: What is read of what is for the eye.
    """

    def __init__(self, rules: MarkRules | None = None) -> None:
        self.places = Places()
        self.voices: list[tuple[int, str]] = []  # where a voice begins in what is seen, and its name
        self.warnings: dict[str, None] = {}  # in order, each once
        self._rules = rules or MarkRules()
        self._pieces = Pieces()
        self._brackets = Brackets(self._pieces)
        self._constructs = Constructs(self._rules, self._pieces, self._brackets, self.warnings)
        self._text = ""  # from `BEHIND` characters before what is not read yet
        self._base = 0  # where it begins in the text as given
        self._at = 0  # what is not read yet, in `_text`
        self._seen = 0

    @property
    def is_open(self) -> bool:
        """Whether a construct has begun of which it is not known yet what is seen of it."""
        rest = self._text[self._at :]
        if rest.strip() == "]":
            return False
        return self._brackets.is_open or (self._constructs.skip is None and FIRST.match(rest) is not None)

    @property
    def begun(self) -> str:
        """The word that has begun and is not given out yet, if it is one whatever follows."""
        word = self._text[self._at :]
        is_word = word.isascii() and word.isalpha() and not self._brackets.is_open and not self.is_skipping
        return word if is_word and not any(scheme.startswith(word.lower()) for scheme in SCHEMES) else ""

    @property
    def is_skipping(self) -> bool:
        """Whether what comes next is inside a construct that is skipped."""
        return self._constructs.skip is not None

    @property
    def pending(self) -> str:
        """What has come and of which nothing was given out yet, as given."""
        first = self._pieces.first
        begin = self._at if first is None else first - self._base
        return "" if self._constructs.skip else self._text[max(0, begin) :]

    def push(self, text: str) -> str:
        """Take more text; return what is seen of what is now certain."""
        self._text += text
        self._read(final=False)
        self._brackets.expire(self._text, self._at, self._base)
        return self._commit(self._brackets.first)

    def settle(self) -> str:
        """Return what is seen of all that has come; what is open is text. More may come."""
        self._read(final=True)
        self._brackets.clear()
        return self._commit(None)

    def finish(self) -> str:
        """End of text: return the rest; name what was never closed."""
        given = self.settle()
        self._constructs.finish()
        return given

    def _read(self, *, final: bool) -> None:
        self._at = self._constructs.read(self._text, self._at, self._base, final=final)

    def _commit(self, keep: int | None) -> str:
        """Return what is seen of the pieces before the one with this number."""
        seen: list[str] = []
        for piece, voice in self._pieces.take(keep):
            self.places.add(piece)
            seen.append(piece.text)
            self._seen += len(piece.text)
            if voice:
                self.voices.append((self._seen, voice))
        drop = self._at - BEHIND
        if drop > BEHIND:
            self._text, self._base, self._at = self._text[drop:], self._base + drop, BEHIND
        return "".join(seen)


def visible(text: str, rules: MarkRules | None = None) -> str:
    """Return what is seen of a whole text."""
    reader = Reader(rules)
    return "".join(
        [*(reader.push(text[at : at + BLOCK]) for at in range(0, len(text), BLOCK)), reader.finish()]
    )
