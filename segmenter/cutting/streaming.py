"""The plan of a whole text, and of text that arrives in pieces: the same for the same text.

What is for the eye is found first (`segmenter.marks`); what is seen of the text is cut; and each segment says
where it stands in the text as given.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter

from segmenter.atoms import BEHIND
from segmenter.cutting.packing import Packer
from segmenter.cutting.sentences import ONLY_TAGS, Ending, Scanner, Silence, check
from segmenter.cutting.sizes import Segment, Sizes
from segmenter.marks import MarkRules, Reader

__all__ = ["Segmenter", "iter_plan", "plan", "recut", "sentences"]

ENDED = re.compile(r"[.!?…\]][\"'”’)\]*_]{0,4}\s*\Z")
ADDRESS = re.compile(r"[/@\]]|www\.")

KEPT = 512  # characters that are given out and still kept, so that dropping them costs little
BLOCKS = (256, 1_024, 4_096, 16_384)  # characters of a whole text that are read at once: first, and later


def iter_plan(
    text: str, language: str = "en", sizes: Sizes | None = None, marks: MarkRules | None = None
) -> Iterator[Segment]:
    """Yield the segments of a text in order, lazily: the first does not wait for the last.

    Raises:
        TypeError: `text` or `language` is not a string.
        ValueError: `language` is not a language tag.
    """
    check(text, language)
    return segments(text, Segmenter(language, sizes, marks))


def segments(text: str, segmenter: "Segmenter") -> Iterator[Segment]:
    """Yield the segments of a whole text, which is given in blocks."""
    at = 0
    for size in BLOCKS:
        yield from segmenter.push(text[at : at + size])
        at += size
    for begin in range(at, len(text), BLOCKS[-1]):
        yield from segmenter.push(text[begin : begin + BLOCKS[-1]])
    yield from segmenter.finish()


def plan(
    text: str, language: str = "en", sizes: Sizes | None = None, marks: MarkRules | None = None
) -> list[Segment]:
    """Return the segments of a text; raises as `iter_plan` does."""
    return list(iter_plan(text, language, sizes, marks))


class Segmenter:
    """Segments of a text that arrives in pieces, each as soon as no later text could change it.

    What decides about a place is at most 64 characters after it: mostly the next word and its space. A
    segment that another sentence could still join waits for the next 25 characters, too.

    Args:
        language: The language's tag.
        sizes: How long segments are.
        marks: What is read of what is for the eye.

    Raises:
        TypeError: what came is not a string.
        ValueError: `language` is not a language tag.
    """

    def __init__(
        self, language: str = "en", sizes: Sizes | None = None, marks: MarkRules | None = None
    ) -> None:
        known = check("", language)
        self._reader = Reader(marks)
        self._scanner = Scanner(known)
        self._packer = Packer(sizes or Sizes(), known)
        self._text = ""  # what is seen and not given out yet
        self._base = 0  # where that begins in all that is seen

    @property
    def warnings(self) -> list[str]:
        """What was left out of the text so far that somebody may miss, in words."""
        return list(self._reader.warnings)

    def push(self, text: str) -> list[Segment]:
        """Take more text; return the segments now certain."""
        check(text, "en")
        self._text += self._reader.push(text)
        given: list[Segment] = []
        for sentence in self._scanner.scan(self._text, final=False):
            given += self._packer.push(self._text, sentence)
        given += self._packer.grow(self._text, self._scanner.decided, self._reader.begun)
        return self._placed(given)

    def rest(self, silence: Silence) -> list[Segment]:
        """Return the sentences that are over if no text has come for so long; what is unfinished stays.

        Text may follow; it begins a new sentence.
        """
        given: list[Segment] = []
        if self._is_settled(silence):
            self._text += self._reader.settle()
        for sentence in self._scanner.rest(self._text, self._reader.pending, silence):
            given += self._packer.push(self._text, sentence)
        given += self._packer.flush(self._text)
        return self._placed(given)

    def _is_settled(self, silence: Silence) -> bool:
        """Whether what was read and not given out yet is text, if nothing has come for so long."""
        if self._reader.is_skipping:
            return False
        if silence is Silence.LONG:
            return True
        pending = self._reader.pending
        is_over = ENDED.search(pending) is not None
        return is_over and not (self._reader.is_open or ADDRESS.search(pending))

    def flush(self) -> list[Segment]:
        """Return all that has come, also an unfinished sentence; what may follow begins anew. Idempotent."""
        given = self._end(self._reader.settle())
        self._packer.begin_anew()
        return given

    def finish(self) -> list[Segment]:
        """End of text: return the rest. Idempotent."""
        return self._end(self._reader.finish())

    def _end(self, seen: str) -> list[Segment]:
        self._text += seen
        given: list[Segment] = []
        for sentence in self._scanner.scan(self._text, final=True):
            given += self._packer.push(self._text, sentence)
        given += self._packer.flush(self._text)
        return self._placed(given)

    def _placed(self, given: list[Segment]) -> list[Segment]:
        """Return segments with their places in the text as given; drop what is no longer needed."""
        base, places = self._base, self._reader.places
        placed = [place(segment, base, self._reader) for segment in given]
        held = self._packer.held
        unheld = max(self._packer.done, self._scanner.start)
        needed = min(unheld if held is None else held, self._scanner.decided - BEHIND)
        if needed > KEPT:
            self._scanner.shift(self._text, needed)
            self._packer.shift(needed)
            self._text = self._text[needed:]
            self._base += needed
            places.forget(self._base)
        return placed


def place(segment: Segment, base: int, reader: Reader) -> Segment:
    """Return a segment of what is seen with its places in the text as given, and its voice."""
    begin, end = segment.char_start + base, segment.char_end + base
    start = reader.places.start(begin)
    named = bisect_right(reader.voices, begin, key=itemgetter(0))
    voice = reader.voices[named - 1][1] if named else None
    offsets = tuple((seen - begin, at) for seen, at in reader.places.within(begin, end))
    given_end = max(start, reader.places.end(end))
    return Segment(segment.text, start, given_end, segment.pause_ms, segment.lead_ms, voice, offsets)


def recut(segment: Segment, language: str, sizes: Sizes, marks: MarkRules | None = None) -> list[Segment]:
    """Return the pieces of a segment, cut anew: each with its place in the text as given."""
    seen = MarkRules(phrases=marks.phrases if marks else (), has_markup=False, is_seen=True)
    pieces = plan(segment.text, language, sizes, seen)
    found = []
    for piece in pieces:
        begin, end = piece.char_start, piece.char_end
        start = segment.place(begin)
        inside = ((seen - begin, given) for seen, given in segment.offsets if begin < seen < end)
        found.append(
            replace(
                piece,
                char_start=start,
                char_end=max(start, segment.place(end, is_end=True)),
                voice=segment.voice,
                offsets=((0, start), *inside),
            )
        )
    if found:
        found[0] = replace(found[0], char_start=segment.char_start, lead_ms=segment.lead_ms)
        found[-1] = replace(found[-1], char_end=segment.char_end, pause_ms=segment.pause_ms)
    return found


def sentences(text: str, language: str = "en") -> list[str]:
    """Return the sentences of a text as given, with its marks, without the white space around them.

    Raises:
        TypeError: `text` or `language` is not a string.
        ValueError: `language` is not a language tag.
    """
    scanner, reader = Scanner(check(text, language)), Reader()
    seen = reader.push(text) + reader.finish()
    starts: list[int] = []
    end, is_open = 0, False
    for sentence in scanner.scan(seen, final=True):
        if not seen[sentence.start : sentence.end].strip():
            continue
        is_tags = ONLY_TAGS.fullmatch(seen, sentence.start, sentence.end) is not None
        if not is_open and not (is_tags and sentence.end == len(seen.rstrip()) and starts):
            starts.append(reader.places.end(sentence.start) if starts else 0)
        is_open = is_tags or sentence.ending is Ending.PAUSE
        end = sentence.end
    return [text[a:b].strip() for a, b in zip(starts, [*starts[1:], len(text) if end else 0], strict=False)]
