"""The pieces of a text that were read and are not given out yet: an opener among them may still go."""

from collections.abc import Iterator

from segmenter.marks.offsets import Piece

__all__ = ["Pieces"]


class Pieces:
    """Pieces in order, each with a number that stays the same."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._voices: dict[int, str] = {}
        self._taken = 0
        self.length = 0  # characters of all that is seen so far
        self.last = ""  # the last of them

    @property
    def next(self) -> int:
        """The number of the piece that comes next."""
        return self._taken + len(self._pieces)

    @property
    def first(self) -> int | None:
        """Where the first piece begins in the text as given."""
        return self._pieces[0].start if self._pieces else None

    def copy(self, text: str, start: int) -> None:
        """Add a span that is seen as it stands."""
        if text:
            self._pieces.append(Piece(text, start, start + len(text)))
            self._count(text)

    def replace(self, text: str, start: int, end: int) -> None:
        """Add a span of which something else is seen."""
        self._pieces.append(Piece(text, start, end, is_copy=False))
        self._count(text)

    def drop(self, start: int, end: int, side: int = 0) -> None:
        """Add a span of which nothing is seen."""
        self._pieces.append(Piece("", start, end, is_copy=False, side=side))

    def voice(self, name: str) -> None:
        """Have a voice begin after the last piece."""
        self._voices[self.next - 1] = name

    def hide(self, number: int, side: int = 1) -> None:
        """Have nothing seen of a piece that is already there."""
        piece = self._pieces[number - self._taken]
        self.length -= len(piece.text)
        piece.text, piece.is_copy, piece.side = "", False, side

    def split_last(self, count: int) -> None:
        """Make the last characters of the last piece a piece of their own."""
        last = self._pieces[-1]
        cut = last.end - count
        self._pieces[-1] = Piece(last.text[:-count], last.start, cut)
        self._pieces.append(Piece(last.text[-count:], cut, last.end))

    def is_copied(self, count: int) -> bool:
        """Whether the last characters stand in one piece that is seen as it stands."""
        return bool(self._pieces) and self._pieces[-1].is_copy and len(self._pieces[-1].text) > count

    def unite(self, number: int, end: int, text: str = "", side: int = 0) -> None:
        """Put one piece in the place of all from this number on."""
        at = number - self._taken
        gone = self._pieces[at:]
        self.length -= sum(len(piece.text) for piece in gone)
        del self._pieces[at:]
        self._pieces.append(Piece(text, gone[0].start, end, is_copy=False, side=side))
        self._count(text)

    def take(self, keep: int | None) -> Iterator[tuple[Piece, str | None]]:
        """Yield the pieces before the one with this number, each with the voice that begins after it."""
        count = len(self._pieces) if keep is None else keep - self._taken
        for number, piece in enumerate(self._pieces[:count], self._taken):
            yield piece, self._voices.pop(number, None)
        del self._pieces[:count]
        self._taken += count

    def _count(self, text: str) -> None:
        self.length += len(text)
        self.last = text[-1:] or self.last
