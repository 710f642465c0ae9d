"""Sentences to segments: early at first, then as long as a voice stays steady."""

import re
from collections.abc import Iterator

from segmenter.atoms import PAUSE, PAUSE_LIMIT_MS, is_speakable, open_tag, unglued
from segmenter.cutting.cuts import MARGIN, best_cut, first_clause
from segmenter.cutting.languages import Language
from segmenter.cutting.sentences import Ending, Sentence
from segmenter.cutting.sizes import Given, Segment, Sizes
from segmenter.pauses import CLAUSE_MS, HEADING_MS, LINE_MS, PARAGRAPH_MS, SENTENCE_MS

__all__ = ["Packer"]

PAUSES_MS = {
    Ending.CLAUSE: CLAUSE_MS,
    Ending.SENTENCE: SENTENCE_MS,
    Ending.LINE: LINE_MS,
    Ending.HEADING: HEADING_MS,
    Ending.PARAGRAPH: PARAGRAPH_MS,
}
LINES = (Ending.LINE, Ending.HEADING, Ending.PARAGRAPH)
HARDER = {(Ending.SENTENCE, line) for line in LINES} | {(line, Ending.PARAGRAPH) for line in LINES}
FULL = 0.7  # of the limit: nothing joins what is that long
WRITTEN_PAUSE = re.compile(PAUSE)
ONLY_PAUSES = re.compile(rf"(?:\s*{PAUSE})+\s*")
UNMARKED = re.compile(r"[^.!?…‽⁇⁈⁉;。！？｡．।॥؟۔։።၊။។᠃\u037e\n\r\u2028\u2029\[]*+")


class Packer:
    """Takes sentences in order, gives out segments as soon as no later sentence can change them.

    What is held is a run of sentences, and a crumb: what came after it and is too small to stand alone, so
    that it goes with the next sentence, or with what is held if there is none.
    """

    def __init__(self, sizes: Sizes, language: Language) -> None:
        self._sizes = sizes
        self._language = language
        self._held: Sentence | None = None
        self._crumb: Sentence | None = None
        self._given = Given()
        self._bound()
        self._done = 0  # the place up to which they reach
        self._lead_ms = 0  # of pauses after which nothing has been spoken yet

    @property
    def held(self) -> int | None:
        """Where what is held begins."""
        return self._held.start if self._held else None

    @property
    def done(self) -> int:
        """The place up to which segments were given out."""
        return self._done

    def shift(self, by: int) -> None:
        """Forget the first characters of the text."""
        held, crumb = self._held, self._crumb
        self._held = held and held._replace(start=held.start - by, end=held.end - by)
        self._crumb = crumb and crumb._replace(start=crumb.start - by, end=crumb.end - by)
        self._done = max(0, self._done - by)

    def push(self, text: str, sentence: Sentence) -> Iterator[Segment]:
        """Take the next sentence of `text`; yield the segments that are now certain."""
        crumb, self._crumb = self._crumb, None
        start = crumb.start if crumb else max(sentence.start, self._done)
        body = text[start : sentence.end]
        bare = body.strip()
        if not bare:
            self._crumb = crumb
            self._harden(sentence.ending)
            return
        start += len(body) - len(body.lstrip())
        ending, pause_ms = sentence.ending, sentence.pause_ms
        sentence = Sentence(start, start + len(bare), ending, pause_ms)
        held = self._held
        if held is None and ending is Ending.PAUSE and ONLY_PAUSES.fullmatch(bare):
            self._lead_ms = min(PAUSE_LIMIT_MS, self._lead_ms + pause_ms)
            self._done = sentence.end
            return
        if held is None:
            self._held = sentence
        elif self._joins(text, held, sentence):
            if held.ending is ending is Ending.PAUSE:
                pause_ms = min(PAUSE_LIMIT_MS, held.pause_ms + pause_ms)
            self._held = Sentence(held.start, sentence.end, ending, pause_ms)
        elif self._is_crumb(held, sentence, bare):
            self._crumb = sentence
        else:
            yield self._give(text, held)
            self._held = sentence
        yield from self._cut(text)

    def _harden(self, ending: Ending) -> None:
        """A line ends after a sentence that is over: its pause is the line's."""
        held, crumb = self._held, self._crumb
        last = crumb or held
        if held is None or last is None or (last.ending, ending) not in HARDER:
            return
        if crumb is None:
            self._held = held._replace(ending=ending)
        elif held.ending is Ending.SENTENCE and crumb.end - held.start <= self._sizes.most:
            self._held, self._crumb = held._replace(end=crumb.end, ending=ending), None
        else:
            self._crumb = crumb._replace(ending=ending)

    def grow(self, text: str, decided: int, begun: str = "") -> Iterator[Segment]:
        """Yield the segments that are certain because the open sentence is known up to `decided`.

        `begun` is a word that has begun after the text.
        """
        held, crumb = self._held, self._crumb
        start = crumb.start if crumb else held.end if held else self._done
        unfinished = text[start:]
        lead = len(unfinished) - len(unfinished.lstrip())
        if held and is_speakable(text[held.start : held.end]):
            certain = unfinished[
                : max(decided - start, len(unfinished) - len(UNMARKED.sub("", unfinished, 1)))
            ]
            ahead = certain[: open_tag(certain)].rstrip()
            if not is_speakable(ahead) or not self._parts(held, start + lead, start + len(ahead)):
                return
            yield self._give(text, held)
            self._held, self._crumb = crumb, None
            held = crumb
        known = len(text[:decided].rstrip())
        start = held.start if held else start + lead
        upto = unmarked(text, decided, start)
        more = begun if upto == len(text) else ""
        if self._opens and (cut := self._clause(text + more, start, upto + len(more))):
            piece, rest = self._parted(text, Sentence(start, upto, Ending.SENTENCE), cut)
            yield self._give(text, piece)
            start = rest.start
            self._held = held._replace(start=start) if held and start < held.end else None
            held = self._held
        while known - start >= self._whole + MARGIN:
            open_sentence = Sentence(start, known, Ending.SENTENCE)
            piece, rest = self._first_piece(text, open_sentence)
            yield self._give(text, piece)
            start = rest.start
            self._held = held._replace(start=start) if held and start < held.end else None
            held = self._held

    def flush(self, text: str) -> Iterator[Segment]:
        """Yield the rest. Idempotent."""
        held, crumb = self._held, self._crumb
        self._held = self._crumb = None
        if held and crumb and crumb.end - held.start <= self._sizes.most:
            held, crumb = held._replace(end=crumb.end), None
        for sentence in (held, crumb):
            if sentence is not None:
                yield self._give(text, sentence)

    def begin_anew(self) -> None:
        """Have the next segment be the first again, for which somebody waits."""
        self._given = Given()
        self._bound()

    def _bound(self) -> None:
        """Note how long the next segment may be: it is asked for with each sentence."""
        self._limit, self._whole = self._sizes.limit(self._given), self._sizes.whole(self._given)

    def _joins(self, text: str, held: Sentence, sentence: Sentence) -> bool:
        """Whether a sentence goes into the segment that is held."""
        size = sentence.end - held.start
        if not is_speakable(text[held.start : held.end]):
            return True
        is_open = held.ending is Ending.SENTENCE
        if not is_speakable(text[sentence.start : sentence.end]):
            return size <= self._sizes.most and (is_open or sentence.ending is Ending.PAUSE)
        if not is_open:
            return False
        length = held.end - held.start
        if self._hurries:
            return length < self._sizes.least
        limit = self._limit
        if length < self._sizes.least or (size <= limit and length <= limit * FULL):
            return True
        is_last = sentence.ending is not Ending.SENTENCE
        return is_last and sentence.end - sentence.start < self._sizes.least and size <= self._sizes.most

    @property
    def _opens(self) -> bool:
        """Whether what comes next is the first segment, for which somebody waits."""
        return not self._given.number and self._sizes.opening > 0

    @property
    def _hurries(self) -> bool:
        """Whether what comes next waits for no further sentence."""
        return self._given.number < 2 and self._sizes.opening > 0

    def _clause(self, text: str, start: int, known: int, *, is_over: bool = False) -> int:
        """Return after how many characters the first clause ends that is long enough, 0 where none does."""
        body = text[start : min(known, start + self._sizes.first + MARGIN)]
        return first_clause(body, self._sizes.opening, self._sizes.first, self._language, is_over=is_over)

    def _is_crumb(self, held: Sentence, sentence: Sentence, bare: str) -> bool:
        """Whether a sentence that does not join what is held is too small to stand alone."""
        if self._hurries:
            return not is_speakable(bare) and len(bare) <= self._sizes.least
        if not is_speakable(bare):
            return len(bare) <= self._sizes.least
        is_small = len(bare) < self._sizes.least and sentence.end - held.start <= self._sizes.most
        return is_small and held.ending is Ending.SENTENCE

    def _parts(self, held: Sentence, start: int, known: int) -> bool:
        """Whether no sentence that begins like the open one joins what is held."""
        if held.ending is not Ending.SENTENCE:
            return True
        length, limit = held.end - held.start, self._limit
        if self._hurries:
            return length >= self._sizes.least
        if length < self._sizes.least or known - start < self._sizes.least:
            return False
        return length > limit * FULL or known - held.start > limit

    def _cut(self, text: str) -> Iterator[Segment]:
        """Give out pieces of what is held while it is too long."""
        held = self._held
        if (
            held is not None
            and self._opens
            and (cut := self._clause(text, held.start, held.end, is_over=True))
        ):
            piece, held = self._parted(text, held, cut)
            yield self._give(text, piece)
            self._held = held
        while held is not None and held.end - held.start > self._whole:
            piece, rest = self._first_piece(text, held)
            size = held.end - held.start
            if size < min(self._whole + MARGIN, self._sizes.most) and not is_speakable(
                text[rest.start : rest.end]
            ):
                return  # a few marks or a tag at the end stay with what they follow
            yield self._give(text, piece)
            self._held = held = rest

    def _first_piece(self, text: str, sentence: Sentence) -> tuple[Sentence, Sentence]:
        """Return the first piece of a sentence that is too long, and the rest."""
        start, size = sentence.start, sentence.end - sentence.start
        limit = self._limit
        body = text[start : start + min(size, limit + MARGIN)]
        cut = best_cut(body, limit, min(limit, size - self._sizes.least), self._sizes.least, self._language)
        return self._parted(text, sentence, cut)

    def _parted(self, text: str, sentence: Sentence, cut: int) -> tuple[Sentence, Sentence]:
        """Return the two parts of a sentence that is cut after so many characters."""
        rest = sentence.start + cut
        end = sentence.start + len(text[sentence.start : rest].rstrip())
        while text[rest : rest + 1].isspace():
            rest += 1
        piece = Sentence(sentence.start, end, Ending.CLAUSE)
        return piece, Sentence(rest, sentence.end, sentence.ending, sentence.pause_ms)

    def _give(self, text: str, sentence: Sentence) -> Segment:
        pause = PAUSES_MS.get(sentence.ending, sentence.pause_ms)
        if self._given.total < self._sizes.rest:
            self._given = self._given.more(sentence.end - sentence.start)
            self._bound()
        self._done = sentence.end
        lead, self._lead_ms = self._lead_ms, 0
        return Segment(spoken(text[sentence.start : sentence.end]), sentence.start, sentence.end, pause, lead)


def spoken(body: str) -> str:
    """Return a segment's text: what is seen of it, without the pauses that are written into it."""
    return unglued(WRITTEN_PAUSE.sub(" ", body).strip())


def unmarked(text: str, decided: int, start: int) -> int:
    """Return up to where nothing ends a sentence, of a text that is known up to `decided`."""
    match = UNMARKED.match(text, max(decided, start))
    return match.end() if match else decided
