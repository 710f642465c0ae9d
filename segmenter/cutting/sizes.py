"""A segment, and how long segments are: short while somebody waits, then as long as a voice stays steady."""

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Given", "Segment", "Sizes"]


@dataclass(frozen=True, slots=True)
class Segment:
    """What one run of the model speaks, and the pause after it.

    `char_start` and `char_end` are code points into the text as given; `text` is what is seen of that span,
    without marks and written pauses. `segmenter.words` makes of it what an engine is given. `lead_ms` is a
    pause before it, where nothing stands before that could rest. `voice` speaks it, if the text names one.
    `offsets` are the places from which `text` and the text as given run alike.
    """

    text: str
    char_start: int
    char_end: int
    pause_ms: int
    lead_ms: int = 0
    voice: str | None = None
    offsets: tuple[tuple[int, int], ...] = ()

    def place(self, at: int, *, is_end: bool = False) -> int:
        """Return where a place in `text` is in the text as given."""
        known = [(seen, given) for seen, given in self.offsets if seen < at or (seen == at and not is_end)]
        seen, given = known[-1] if known else (0, self.char_start)
        return min(given + at - seen, self.char_end)


class Given(NamedTuple):
    """How many segments were given out, and the characters of the first and of all, as far as they count."""

    number: int = 0
    first: int = 0
    total: int = 0

    def more(self, length: int) -> "Given":
        """Return what it is with another segment of this length."""
        return Given(self.number + 1, self.first if self.number else length, self.total + length)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Characters a segment: the first and the second are short where somebody waits for them.

    With an `opening` the first segment ends with the first clause of so many characters that a word follows,
    the second does not wait for a third, and none is longer than what an engine at twice real time makes
    while all before it is heard; without (0) nothing hurries.

    Raises:
        ValueError: the sizes contradict each other.
    """

    first: int = 80
    second: int = 120
    rest: int = 280
    most: int = 300
    least: int = 25
    opening: int = 25

    def __post_init__(self) -> None:
        targets = (self.first, self.second, self.rest)
        if not 0 < self.least <= min(targets) <= max(targets) <= self.most or self.opening < 0:
            raise ValueError(
                f"the sizes contradict each other: {self}, expected least <= first, second, rest <= most"
            )

    @classmethod
    def fast(cls) -> "Sizes":
        """The sizes for a listener who waits."""
        return cls()

    @classmethod
    def even(cls) -> "Sizes":
        """The sizes for speech nobody waits for."""
        return cls(first=280, second=280, opening=0)

    def limit(self, given: Given) -> int:
        """Return the length that the segment after those that were given out should not pass."""
        return min((self.first, self.second, self.rest)[min(given.number, 2)], self._heard(given))

    def whole(self, given: Given) -> int:
        """Return up to which length a sentence is not cut, after those segments."""
        if not given.number:
            return self.first
        limit = self.limit(given)
        return min(self.most, max(limit, min(limit * 6 // 5, self._heard(given))))

    def _heard(self, given: Given) -> int:
        """Return how long a segment twice real time makes before the ones before it have been heard."""
        is_bound = given.number and self.opening
        return max(3 * self.first // 4, given.first + given.total) if is_bound else self.most
