"""Where what is seen stands in the text as given."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

__all__ = ["Edit", "Piece", "Places"]


@dataclass(slots=True)
class Piece:
    """A span of the text as given, and what is seen of it.

    `side` says to which neighbour a span belongs of which nothing is seen: -1 to what stands before it
    (the address of a link), 1 to what follows (its bracket), 0 to none (a comment).
    """

    text: str
    start: int
    end: int
    is_copy: bool = True
    side: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """A place where what is seen leaves the text as given.

    At `seen` characters of what is seen, what stands before it ends at `left` of the text as given, what
    follows begins at `start` with its marks, and at `base` without them.
    """

    seen: int
    left: int
    start: int
    base: int


class Places:
    """The edits so far, in order; between two of them both texts run alike."""

    def __init__(self) -> None:
        self._edits = [Edit(0, 0, 0, 0)]
        self._seen = 0

    def add(self, piece: Piece) -> None:
        """Take the next piece."""
        size = len(piece.text)
        if piece.is_copy:
            self._seen += size
            return
        if not size:
            left = piece.end if piece.side < 0 else piece.start
            start = piece.start if piece.side > 0 else piece.end
            self._merge(Edit(self._seen, left, start, piece.end), piece)
            return
        self._merge(Edit(self._seen, piece.start, piece.start, piece.start), piece)
        self._seen += size
        self._edits.append(Edit(self._seen, piece.end, piece.end, piece.end))

    def _merge(self, edit: Edit, piece: Piece) -> None:
        last = self._edits[-1]
        if last.seen != edit.seen:
            self._edits.append(edit)
            return
        left = edit.left if piece.side < 0 and last.left == piece.start else last.left
        start = last.start if piece.side > 0 and last.start < last.base == piece.start else edit.start
        self._edits[-1] = Edit(edit.seen, left, start, edit.base)

    def start(self, seen: int) -> int:
        """Return where what is seen from here on begins in the text as given."""
        at = bisect_right(self._edits, seen, key=lambda edit: edit.seen) - 1
        edit = self._edits[at]
        return edit.start if edit.seen == seen else self._within(at, seen)

    def end(self, seen: int) -> int:
        """Return where what is seen up to here ends in the text as given."""
        after = bisect_left(self._edits, seen, key=lambda edit: edit.seen)
        if after < len(self._edits) and self._edits[after].seen == seen:
            return self._edits[after].left
        return self._within(after - 1, seen)

    def _within(self, at: int, seen: int) -> int:
        edit = self._edits[at]
        place = edit.base + seen - edit.seen
        return min(place, self._edits[at + 1].left) if at + 1 < len(self._edits) else place

    def within(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Return where the two texts run alike from, inside a span of what is seen: (seen, as given)."""
        first = bisect_right(self._edits, begin, key=lambda edit: edit.seen)
        last = bisect_left(self._edits, end, key=lambda edit: edit.seen)
        base = self._edits[first - 1].base + begin - self._edits[first - 1].seen
        return [(begin, base), *((edit.seen, edit.base) for edit in self._edits[first:last])]

    def forget(self, seen: int) -> None:
        """Forget the edits that no place from `seen` on needs."""
        at = bisect_left(self._edits, seen, key=lambda edit: edit.seen) - 1
        if at > 64:
            del self._edits[:at]
