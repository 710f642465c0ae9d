"""From a request to the utterances of the engine: segments, voices, pauses, words."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from types import MappingProxyType

from segmenter import Segment, Sizes, iter_plan, recut
from segmenter.atoms import pause_ms
from segmenter.pauses import CLAUSE_MS, PARAGRAPH_MS, TURN_MS
from segmenter.scripts import worth
from segmenter.words import speakable
from worker.engines import Utterance
from worker.request import SpeechRequest, Turn
from worker.speech.encoding import PlannedSegment

__all__ = ["Fitting", "plan_segments", "rest_between", "sizes_of", "utterance"]

# In characters of the utterance: "1,234,567" has nine in the text and sixty-nine in words.
SPOKEN_LIMIT = Sizes().most
WRITTEN = 40  # characters of a pause that is written at a turn's end
LEAST_PIECE = 8  # characters of a segment that is cut again because its words are long
FIRST_SPOKEN_LIMIT = Sizes().second  # if the client waits for the first segment

Speak = Callable[[str], str]


def plan_segments(
    request: SpeechRequest, keys: Mapping[str, str] = MappingProxyType({})
) -> Iterator[PlannedSegment]:
    """Yield the segments to speak, in order and lazily: the first does not wait for the last.

    A segment without anything to speak (a rule, an empty link) is joined to the one before it. `keys`
    maps the request's names of voices to the engine's keys; a voice without a key goes by its name.
    """
    previous: PlannedSegment | None = None
    voices = [turn.voice for turn in request.spoken]
    number, lead = 0, 0
    for turn, segment, text in spoken_segments(request):
        if not any(letter.isalnum() for letter in text):
            lead = max(lead, segment.lead_ms, 0 if previous else segment.pause_ms)
            previous = previous and lengthened(previous, turn, segment)
            continue
        lead = max(lead, segment.lead_ms)
        if previous is not None:
            yield rested(previous, segment, lead)
            lead = 0
        planned = segment if segment.lead_ms == lead else replace(segment, lead_ms=lead)
        before = previous.segment if previous is not None and previous.turn == turn else None
        spoken = utterance(request, number, segment.voice or voices[turn], text, keys, segment, before)
        previous = PlannedSegment(turn, planned, spoken, last=False)
        number, lead = number + 1, 0
    if previous is not None:
        segment, pause = previous.segment, request.last_pause_ms
        if pause is not None:
            segment = replace(segment, pause_ms=pause)
        yield replace(previous, segment=segment, last=True)


def rested(planned: PlannedSegment, following: Segment, lead_ms: int) -> PlannedSegment:
    """Return a planned segment with the pause that the one after it asks for before itself."""
    segment = planned.segment
    pause_ms = rest_between(segment, following, lead_ms)
    if pause_ms == segment.pause_ms:
        return planned
    return replace(planned, segment=replace(segment, pause_ms=pause_ms))


def rest_between(before: Segment, following: Segment, lead_ms: int) -> int:
    """Return the pause between two segments, of which the second asks for `lead_ms` before itself."""
    changes = following.voice != before.voice and following.voice is not None
    own = TURN_MS if changes and before.pause_ms == PARAGRAPH_MS else before.pause_ms
    return max(own, lead_ms)


def lengthened(planned: PlannedSegment, turn: int, segment: Segment) -> PlannedSegment:
    """Return a planned segment with the pause of a silent one after it, and its span if in the same turn."""
    end = segment.char_end if turn == planned.turn else planned.segment.char_end
    pause = max(planned.segment.pause_ms, segment.pause_ms)
    return replace(planned, segment=replace(planned.segment, char_end=end, pause_ms=pause))


def spoken_segments(request: SpeechRequest) -> Iterator[tuple[int, Segment, str]]:
    """Yield the number of its turn, the segment and its words, for each segment."""
    fitting = Fitting(request)
    for number, segment in segments(request):
        for piece, text in fitting.fit(segment):
            yield number, piece, text


class Fitting:
    """Makes words of a request's segments, in order; a segment whose words are too long is cut again."""

    def __init__(self, request: SpeechRequest) -> None:
        self._request = request
        self._language = request.language.strip().lower()
        self._limit = FIRST_SPOKEN_LIMIT if request.opening == "fast" else SPOKEN_LIMIT

    def fit(self, segment: Segment) -> Iterator[tuple[Segment, str]]:
        """Yield the pieces of the next segment, each with its words."""
        limit, self._limit = self._limit // worth(self._language), SPOKEN_LIMIT
        yield from fitted(segment, self._language, self._speak, limit)

    def _speak(self, text: str) -> str:
        request = self._request
        return speakable(
            text, self._language, numbers=request.normalize_numbers, pronounce=request.pronounce, is_seen=True
        )


def segments(request: SpeechRequest) -> Iterator[tuple[int, Segment]]:
    """Yield the number of its turn and the segment, for each segment; none crosses a turn."""
    language = request.language.strip().lower()
    for number, turn in enumerate(request.spoken):
        sizes = sizes_of(request, opens=number == 0)
        previous: Segment | None = None
        for segment in iter_plan(turn.text, language, sizes, request.marks):
            if previous is not None:
                yield number, previous
            previous = segment
        rest = previous or Segment("", 0, len(turn.text), pause_ms(turn.text))
        yield number, closed(rest, turn, is_dialogue=request.turns is not None)


def closed(segment: Segment, turn: Turn, *, is_dialogue: bool) -> Segment:
    """Return a turn's last segment with the pause after the turn."""
    if not is_dialogue:
        return segment
    if turn.pause_ms is not None:
        return replace(segment, pause_ms=turn.pause_ms)
    written = pause_ms(turn.text[-WRITTEN:]) if turn.text.rstrip().endswith("]") else 0
    return replace(segment, pause_ms=max(TURN_MS, written and segment.pause_ms))


def fitted(segment: Segment, language: str, speak: Speak, limit: int) -> Iterator[tuple[Segment, str]]:
    """Yield a segment and its words, in several pieces if the words are longer than `limit` characters."""
    spoken = speak(segment.text)
    pieces: list[Segment] = []
    if len(spoken) > limit and len(segment.text) >= 2 * LEAST_PIECE:
        parts = max(2, math.ceil(len(spoken) * worth(language) / SPOKEN_LIMIT))
        size = max(LEAST_PIECE, len(segment.text) // parts)
        sizes = Sizes(first=size, second=size, rest=size, least=LEAST_PIECE, opening=0)
        pieces = recut(segment, language, sizes)
    if len(pieces) < 2:
        yield segment, spoken
        return
    for piece in pieces:
        yield from fitted(piece, language, speak, SPOKEN_LIMIT // worth(language))


def sizes_of(request: SpeechRequest, *, opens: bool = True) -> Sizes:
    """Return the sizes of a turn's segments, in the script's characters; `opens`: it is the first turn."""
    sizes = Sizes.fast() if opens and request.opening == "fast" else Sizes.even()
    by = worth(request.language.strip().lower())
    return Sizes(**{name: size // by for name, size in asdict(sizes).items()})


def utterance(
    request: SpeechRequest,
    number: int,
    voice: str,
    text: str,
    keys: Mapping[str, str],
    segment: Segment,
    before: Segment | None,
) -> Utterance:
    """Return the utterance of a segment with this number in the speech, after another one of its turn."""
    return Utterance(
        id=number,
        text=text,
        voice=keys.get(voice, voice),
        language=request.language.strip().lower(),
        speed=float(request.speed),
        seed=request.seed or 0,
        sampling=request.sampling,
        begins_inside=before is not None and ends_inside(before),
        ends_inside=ends_inside(segment),
    )


def ends_inside(segment: Segment) -> bool:
    """Return whether a segment was cut inside a sentence; the pause after it says so."""
    return segment.pause_ms == CLAUSE_MS
