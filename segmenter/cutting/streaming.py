"""The plan of a whole text, and of text that arrives in pieces: the same for the same text."""

from collections.abc import Iterator
from dataclasses import replace

from segmenter.cutting.packing import Packer, Segment, Sizes
from segmenter.cutting.sentences import BEHIND, Scanner, check

__all__ = ["Segmenter", "iter_plan", "plan"]

KEPT = 512  # characters that are given out and still kept, so that dropping them costs little


def iter_plan(text: str, language: str = "en", sizes: Sizes | None = None) -> Iterator[Segment]:
    """Yield the segments of a text in order, lazily: the first does not wait for the last.

    Raises:
        TypeError: `text` or `language` is not a string.
        ValueError: `language` is not a language tag.
    """
    known = check(text, language)
    return segments(text, Packer(sizes or Sizes(), known), Scanner(known))


def segments(text: str, packer: Packer, scanner: Scanner) -> Iterator[Segment]:
    """Yield the segments of a whole text."""
    for sentence in scanner.scan(text, final=True):
        yield from packer.push(text, sentence)
    yield from packer.flush(text)


def plan(text: str, language: str = "en", sizes: Sizes | None = None) -> list[Segment]:
    """Return the segments of a text; raises as `iter_plan` does."""
    return list(iter_plan(text, language, sizes))


class Segmenter:
    """Segments of a text that arrives in pieces, each as soon as no later text could change it.

    What decides about a place is at most 64 characters after it: mostly the next word and its space. A
    segment that another sentence could still join waits for the next 25 characters, too.

    Raises:
        TypeError: what came is not a string.
        ValueError: `language` is not a language tag.
    """

    def __init__(self, language: str = "en", sizes: Sizes | None = None) -> None:
        known = check("", language)
        self._scanner = Scanner(known)
        self._packer = Packer(sizes or Sizes(), known)
        self._text = ""  # what is not given out yet
        self._base = 0  # where that begins

    def push(self, text: str) -> list[Segment]:
        """Take more text; return the segments now certain."""
        check(text, "en")
        self._text += text
        given: list[Segment] = []
        for sentence in self._scanner.scan(self._text, final=False):
            given += self._packer.push(self._text, sentence)
        given += self._packer.grow(self._text, self._scanner.decided)
        return self._placed(given)

    def flush_sentence(self) -> list[Segment]:
        """Return the sentences that are over if nothing else comes; what is unfinished stays.

        For a caller who has waited long enough. Text may follow; it begins a new sentence.
        """
        given: list[Segment] = []
        for sentence in self._scanner.scan(self._text, final=True, unfinished=False):
            given += self._packer.push(self._text, sentence)
        given += self._packer.flush(self._text)
        return self._placed(given)

    def flush(self) -> list[Segment]:
        """End of text: return the rest. Idempotent."""
        given: list[Segment] = []
        for sentence in self._scanner.scan(self._text, final=True):
            given += self._packer.push(self._text, sentence)
        given += self._packer.flush(self._text)
        return self._placed(given)

    def _placed(self, given: list[Segment]) -> list[Segment]:
        """Return segments with their places in the whole text; drop what is no longer needed."""
        base = self._base
        held = self._packer.held
        unheld = max(self._packer.done, self._scanner.start)
        needed = min(unheld if held is None else held, self._scanner.decided - BEHIND)
        if needed > KEPT:
            self._scanner.shift(self._text, needed)
            self._packer.shift(needed)
            self._text = self._text[needed:]
            self._base += needed
        if not base:
            return given
        return [
            replace(segment, char_start=segment.char_start + base, char_end=segment.char_end + base)
            for segment in given
        ]
