"""From a request to what the engine speaks: segments, voices, pauses, words."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from segmenter import Segment, Sizes, iter_plan
from segmenter.scripts import worth
from segmenter.words import speakable
from worker.engines import Utterance
from worker.request import SpeechRequest, Turn
from worker.speech.encoding import PlannedSegment

__all__ = ["leading_space", "lines"]

TURN_PAUSE_MS = 400  # after a turn that names no pause of its own
# Characters: "1,234,567" is nine in the text and sixty-nine when spoken.
SPOKEN_LIMIT = Sizes().most
LEAST_PART = 8  # characters of a segment cut again: short in the text, long when spoken
FIRST_SPOKEN_LIMIT = Sizes().second  # where somebody waits for the first

Speak = Callable[[str], str]


def lines(request: SpeechRequest, keys: Mapping[str, str] = MappingProxyType({})) -> Iterator[PlannedSegment]:
    """Yield the lines to speak, in order and lazily: the first does not wait for the last.

    A segment of which nothing is left to speak (a rule, an empty link) goes with the line before it.
    `keys` holds what the engine calls each voice, where that is not the request's name for it.
    """
    held: PlannedSegment | None = None
    number = 0
    for turn, segment, text in spoken_segments(request):
        if not any(letter.isalnum() for letter in text):
            held = held and lengthened(held, turn, segment)
            continue
        if held is not None:
            yield held
        held = PlannedSegment(turn, segment, utterance(request, number, turn, text, keys), last=False)
        number += 1
    if held is not None:
        yield replace(held, last=True)


def lengthened(line: PlannedSegment, turn: int, segment: Segment) -> PlannedSegment:
    """Return a line with the pause of a silent segment after it, and its span where it is the same turn's."""
    end = segment.char_end if turn == line.turn else line.segment.char_end
    pause = max(line.segment.pause_ms, segment.pause_ms)
    return replace(line, segment=replace(line.segment, char_end=end, pause_ms=pause))


def spoken_segments(request: SpeechRequest) -> Iterator[tuple[int, Segment, str]]:
    """Yield each segment with the number of its turn and with what is spoken for it."""
    language = request.language.strip().lower()

    def speak(text: str) -> str:
        return speakable(text, language, numbers=request.normalize_numbers, pronounce=request.pronounce)

    rest = SPOKEN_LIMIT // worth(language)
    limit = FIRST_SPOKEN_LIMIT // worth(language) if request.opening == "fast" else rest
    for number, segment in segments(request):
        for part, text in fitted(segment, request.spoken[number].text, language, speak, limit):
            yield number, part, text
        limit = rest


def segments(request: SpeechRequest) -> Iterator[tuple[int, Segment]]:
    """Yield each segment with the number of its turn; segments never cross a turn."""
    language = request.language.strip().lower()
    for number, turn in enumerate(request.spoken):
        opens = request.opening == "fast" and number == 0
        sizes = scaled(Sizes.fast() if opens else Sizes.even(), worth(language))
        held: Segment | None = None
        for segment in iter_plan(turn.text, language, sizes):
            if held is not None:
                yield number, held
            held = segment
        if held is not None:
            yield number, closed(held, turn, is_dialogue=request.turns is not None)


def closed(segment: Segment, turn: Turn, *, is_dialogue: bool) -> Segment:
    """Return a turn's last segment with the pause that is due after the turn."""
    if not is_dialogue:
        return segment
    pause = TURN_PAUSE_MS if turn.pause_ms is None else turn.pause_ms
    return replace(segment, pause_ms=pause)


def fitted(
    segment: Segment, text: str, language: str, speak: Speak, limit: int
) -> Iterator[tuple[Segment, str]]:
    """Yield a segment and what is spoken for it, cut again where its words grew over the limit."""
    spoken = speak(segment.text)
    half = (segment.char_end - segment.char_start) // 2
    parts: list[Segment] = []
    if len(spoken) > limit and half >= LEAST_PART:
        sizes = Sizes(first=half, second=half, rest=half, least=LEAST_PART)
        parts = list(iter_plan(text[segment.char_start : segment.char_end], language, sizes))
    if len(parts) < 2:
        yield segment, spoken
        return
    parts[-1] = replace(parts[-1], pause_ms=segment.pause_ms)
    for part in parts:
        start, end = segment.char_start + part.char_start, segment.char_start + part.char_end
        rest = SPOKEN_LIMIT // worth(language)
        yield from fitted(replace(part, char_start=start, char_end=end), text, language, speak, rest)


def scaled(sizes: Sizes, by: int) -> Sizes:
    """Return sizes for writing whose characters each say as much as `by` letters."""
    return Sizes(*(size // by for size in (sizes.first, sizes.second, sizes.rest, sizes.most, sizes.least)))


def utterance(
    request: SpeechRequest, number: int, turn: int, text: str, keys: Mapping[str, str]
) -> Utterance:
    """Return what the engine is given for the `number`th line of the speech."""
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
    """Return the spaces before the text: the cache key and stored offsets leave them out."""
    if request.turns is not None or request.text is None:
        return 0
    return len(request.text) - len(request.text.lstrip())
