"""From a request to the utterances of the engine: segments, voices, pauses, words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from segmenter import Segment, Sizes, iter_plan
from segmenter.scripts import worth
from segmenter.words import speakable
from worker.engines import Utterance
from worker.request import SpeechRequest, Turn
from worker.speech.encoding import PlannedSegment

__all__ = ["leading_space", "plan_segments"]

TURN_PAUSE_MS = 400  # after a turn without a pause of its own
# In characters of the utterance: "1,234,567" has nine in the text and sixty-nine in words.
SPOKEN_LIMIT = Sizes().most
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
    number = 0
    for turn, segment, text in spoken_segments(request):
        if not any(letter.isalnum() for letter in text):
            previous = previous and lengthened(previous, turn, segment)
            continue
        if previous is not None:
            yield previous
        previous = PlannedSegment(turn, segment, utterance(request, number, turn, text, keys), last=False)
        number += 1
    if previous is not None:
        yield replace(previous, last=True)


def lengthened(planned: PlannedSegment, turn: int, segment: Segment) -> PlannedSegment:
    """Return a planned segment with the pause of a silent one after it, and its span if in the same turn."""
    end = segment.char_end if turn == planned.turn else planned.segment.char_end
    pause = max(planned.segment.pause_ms, segment.pause_ms)
    return replace(planned, segment=replace(planned.segment, char_end=end, pause_ms=pause))


def spoken_segments(request: SpeechRequest) -> Iterator[tuple[int, Segment, str]]:
    """Yield the number of its turn, the segment and its words, for each segment."""
    language = request.language.strip().lower()

    def speak(text: str) -> str:
        return speakable(text, language, numbers=request.normalize_numbers, pronounce=request.pronounce)

    rest = SPOKEN_LIMIT // worth(language)
    limit = FIRST_SPOKEN_LIMIT // worth(language) if request.opening == "fast" else rest
    for number, segment in segments(request):
        for piece, text in fitted(segment, request.spoken[number].text, language, speak, limit):
            yield number, piece, text
        limit = rest


def segments(request: SpeechRequest) -> Iterator[tuple[int, Segment]]:
    """Yield the number of its turn and the segment, for each segment; none crosses a turn."""
    language = request.language.strip().lower()
    for number, turn in enumerate(request.spoken):
        opens = request.opening == "fast" and number == 0
        sizes = scaled(Sizes.fast() if opens else Sizes.even(), worth(language))
        previous: Segment | None = None
        for segment in iter_plan(turn.text, language, sizes):
            if previous is not None:
                yield number, previous
            previous = segment
        if previous is not None:
            yield number, closed(previous, turn, is_dialogue=request.turns is not None)


def closed(segment: Segment, turn: Turn, *, is_dialogue: bool) -> Segment:
    """Return a turn's last segment with the pause after the turn."""
    if not is_dialogue:
        return segment
    pause = TURN_PAUSE_MS if turn.pause_ms is None else turn.pause_ms
    return replace(segment, pause_ms=pause)


def fitted(
    segment: Segment, text: str, language: str, speak: Speak, limit: int
) -> Iterator[tuple[Segment, str]]:
    """Yield a segment and its words, in several pieces if the words are longer than `limit` characters."""
    spoken = speak(segment.text)
    half = (segment.char_end - segment.char_start) // 2
    pieces: list[Segment] = []
    if len(spoken) > limit and half >= LEAST_PIECE:
        sizes = Sizes(first=half, second=half, rest=half, least=LEAST_PIECE)
        pieces = list(iter_plan(text[segment.char_start : segment.char_end], language, sizes))
    if len(pieces) < 2:
        yield segment, spoken
        return
    pieces[-1] = replace(pieces[-1], pause_ms=segment.pause_ms)
    for piece in pieces:
        start, end = segment.char_start + piece.char_start, segment.char_start + piece.char_end
        rest = SPOKEN_LIMIT // worth(language)
        yield from fitted(replace(piece, char_start=start, char_end=end), text, language, speak, rest)


def scaled(sizes: Sizes, by: int) -> Sizes:
    """Return sizes for a script of which one character is worth `by` letters of speech."""
    return Sizes(*(size // by for size in (sizes.first, sizes.second, sizes.rest, sizes.most, sizes.least)))


def utterance(
    request: SpeechRequest, number: int, turn: int, text: str, keys: Mapping[str, str]
) -> Utterance:
    """Return the utterance of the segment with this number in the speech."""
    voice = request.spoken[turn].voice
    return Utterance(
        id=number,
        text=text,
        voice=keys.get(voice, voice),
        language=request.language.strip().lower(),
        speed=float(request.speed),
        seed=request.seed or 0,
        sampling=request.sampling,
    )


def leading_space(request: SpeechRequest) -> int:
    """Return the number of characters of space before the text; cache keys and stored offsets omit them."""
    if request.turns is not None or request.text is None:
        return 0
    return len(request.text) - len(request.text.lstrip())
