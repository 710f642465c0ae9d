"""The plan of a whole text, and of text that arrives in pieces: the same for the same text."""

from collections.abc import Iterator

from segmenter.packing import Packer, Segment, Sizes
from segmenter.sentences import AHEAD, check, scan

__all__ = ["Segmenter", "iter_plan", "plan"]

LOOK_AHEAD = 5 * AHEAD  # characters after a sentence that may still change where it ends


def iter_plan(text: str, language: str = "en", sizes: Sizes | None = None) -> Iterator[Segment]:
    """Yield the segments of a text in order, lazily: the first does not wait for the last.

    Raises:
        TypeError: `text` is not a string.
        ValueError: `language` is no language tag.
    """
    check(text, language)
    packer = Packer(sizes or Sizes())
    for sentence in scan(text):
        yield from packer.push(text, sentence)
    yield from packer.flush(text)


def plan(text: str, language: str = "en", sizes: Sizes | None = None) -> list[Segment]:
    """Return the segments of a text; raises as `iter_plan` does."""
    return list(iter_plan(text, language, sizes))


class Segmenter:
    """Segments of a text that arrives in pieces, each as soon as no later text could change it."""

    def __init__(self, language: str = "en", sizes: Sizes | None = None) -> None:
        check("", language)
        self._packer = Packer(sizes or Sizes())
        self._text = ""
        self._scanned = 0  # where the next sentence begins

    def push(self, text: str) -> list[Segment]:
        """Take more text; return the segments now certain."""
        check(text, "en")
        self._text += text
        given: list[Segment] = []
        for sentence in scan(self._text, self._scanned):
            if sentence.end + LOOK_AHEAD > len(self._text):
                break
            given += self._packer.push(self._text, sentence)
            self._scanned = sentence.end
        return given

    def flush(self) -> list[Segment]:
        """End of text: return the rest. Idempotent."""
        given: list[Segment] = []
        for sentence in scan(self._text, self._scanned):
            given += self._packer.push(self._text, sentence)
        self._scanned = len(self._text)
        return given + list(self._packer.flush(self._text))
