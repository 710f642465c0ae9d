"""Sentences to segments: early at first, then as long as a voice stays steady."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from segmenter.sentences import TAG, Ending, Sentence, is_speakable

__all__ = ["Packer", "Segment", "Sizes"]

PAUSES_MS = {Ending.CLAUSE: 150, Ending.SENTENCE: 300, Ending.LINE: 450, Ending.PARAGRAPH: 700}
WRITTEN_PAUSE = re.compile(r"\[pause:\s{0,3}\d{1,5}(?:\.\d{1,3})?\s{0,3}(?:ms|s)\]")
MARKUP = re.compile(r"(?<!\w)[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}(?!\w)|^#{1,6} ")
SPACES = re.compile(r"\s+")
# Where a sentence may be cut, the best first; each matches up to the place of the cut.
CUTS = (
    re.compile(r"[;:—–][\"'”’)]*\s+|\s+[—–-]\s+"),
    re.compile(r",[\"'”’)]*\s+(?=(?:and|but|or|so|yet|because|which|while|though|although|where|when|if)\b)"),
    re.compile(r"[,、，؛،；][\"'”’)]*\s*"),
    re.compile(r"\s+(?=(?:and|but|or|so|because|which|while|that|when|where|if|to|with|for|from)\b)"),
    re.compile(r"\s+"),
)
ATOM = re.compile(r"\[[^\[\]\n]{1,40}\]")


@dataclass(frozen=True, slots=True)
class Segment:
    """What one run of the model speaks, and the pause after it.

    `char_start` and `char_end` are code points into the text as given; `text` is what is spoken.
    """

    text: str
    char_start: int
    char_end: int
    pause_ms: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Characters a segment: the first and the second are short where somebody waits for them."""

    first: int = 80
    second: int = 120
    rest: int = 280
    most: int = 300
    least: int = 25

    def __post_init__(self) -> None:
        targets = (self.first, self.second, self.rest)
        if not 0 < self.least <= min(targets) <= max(targets) <= self.most:
            raise ValueError(f"the sizes contradict each other: {self}")

    @classmethod
    def fast(cls) -> "Sizes":
        """The sizes for a listener who waits."""
        return cls()

    @classmethod
    def even(cls) -> "Sizes":
        """The sizes for speech nobody waits for."""
        return cls(first=280, second=280)

    def limit(self, index: int) -> int:
        """Return the length that the segment of this number should not pass."""
        return (self.first, self.second, self.rest)[min(index, 2)]


class Packer:
    """Takes sentences in order, gives out segments as soon as no later sentence can change them."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._held: Sentence | None = None
        self._given = 0

    def push(self, text: str, sentence: Sentence) -> Iterator[Segment]:
        """Take the next sentence of `text`; yield the segments that are now certain."""
        held = self._held
        if held is None:
            self._held = sentence
        elif self._joins(text, held, sentence):
            self._held = replace(sentence, start=held.start)
        else:
            yield from self._give(text, held)
            self._held = sentence
        yield from self._give_full(text)

    def flush(self, text: str) -> Iterator[Segment]:
        """Yield the rest. Idempotent."""
        held, self._held = self._held, None
        if held is not None:
            yield from self._give(text, held)

    def _joins(self, text: str, held: Sentence, sentence: Sentence) -> bool:
        before, after = text[held.start : held.end], text[sentence.start : sentence.end]
        if not is_speakable(before):
            return True
        if held.ending is Ending.PAUSE:
            return False
        if not is_speakable(after) and len(before) + len(after) <= self._sizes.most:
            return True
        if held.ending is not Ending.SENTENCE:
            return False
        joined = len(before.strip()) + 1 + len(after.strip())
        return joined <= self._sizes.limit(self._given) or len(before.strip()) < self._sizes.least

    def _give_full(self, text: str) -> Iterator[Segment]:
        """Give out what is held when nothing may join it any more."""
        held = self._held
        if held is None or held.ending is Ending.PAUSE or not is_speakable(text[held.start : held.end]):
            return
        if held.end - held.start > self._sizes.limit(self._given) * 0.7:
            self._held = None
            yield from self._give(text, held)

    def _give(self, text: str, sentence: Sentence) -> Iterator[Segment]:
        """Yield a sentence, or joined ones, in pieces that are short enough."""
        while True:
            body = text[sentence.start : sentence.end]
            lead = len(body) - len(body.lstrip())
            limit = self._sizes.limit(self._given)
            if len(body.strip()) <= limit:
                break
            cut = best_cut(body, lead, limit, self._sizes.least)
            yield from self._segment(text, replace(sentence, end=sentence.start + cut, ending=Ending.CLAUSE))
            sentence = replace(sentence, start=sentence.start + cut)
        yield from self._segment(text, sentence)

    def _segment(self, text: str, sentence: Sentence) -> Iterator[Segment]:
        body = text[sentence.start : sentence.end]
        start = sentence.start + len(body) - len(body.lstrip())
        end = sentence.start + len(body.rstrip())
        if start >= end:
            return
        pause = PAUSES_MS.get(sentence.ending, sentence.pause_ms)
        self._given += 1
        yield Segment(spoken(text[start:end]), start, end, pause)


def best_cut(body: str, lead: int, limit: int, least: int) -> int:
    """Return where to cut a sentence so that the first piece is at most `limit` long.

    The last place of the best grade counts; never inside a tag, never so that less than `least`
    characters are left on a side, unless there is no other way.
    """
    most = lead + limit
    window = body[: most + 1]
    tags = [tag.span() for tag in TAG.finditer(body, 0, most + 42)]
    first, last = lead + least, min(most, len(body.rstrip()) - least)
    for grade in CUTS:
        places = [match.end() for match in grade.finditer(window, first)]
        free = [p for p in places if first <= p <= last + 1 and not any(a < p < b for a, b in tags)]
        if free:
            return free[-1]
    around = [a for a, b in tags if a < most < b and a > lead]
    return around[0] if around else most


def spoken(body: str) -> str:
    """Return a segment as it is spoken: no written pauses, no markup, single spaces."""
    plain = MARKUP.sub("", WRITTEN_PAUSE.sub(" ", body))
    return SPACES.sub(" ", plain).strip()
