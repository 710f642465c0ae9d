"""From a request to what the engine speaks: segments, voices, pauses, pronunciations."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from segmenter import Segment, Sizes, iter_plan
from worker.engines import Utterance
from worker.request import SpeechRequest, Turn
from worker.speech import Line

__all__ = ["leading_space", "lines"]

TURN_PAUSE_MS = 400  # after a turn that names no pause of its own
UNTOUCHED = r"\[[^\[\]\n]{1,40}\]|(?:https?://|www\.)\S+|\S+@\S+"  # tags and addresses


def lines(request: SpeechRequest) -> Iterator[Line]:
    """Yield the lines to speak, in order and lazily: the first does not wait for the last."""
    held: Line | None = None
    for number, (turn, segment) in enumerate(segments(request)):
        if held is not None:
            yield held
        held = Line(turn, segment, utterance(request, number, turn, segment), last=False)
    if held is not None:
        yield replace(held, last=True)


def segments(request: SpeechRequest) -> Iterator[tuple[int, Segment]]:
    """Yield each segment with the number of its turn; segments never cross a turn."""
    language = request.language.strip().lower()
    for number, turn in enumerate(request.spoken):
        opens = request.opening == "fast" and number == 0
        sizes = Sizes.fast() if opens else Sizes.even()
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


def utterance(request: SpeechRequest, number: int, turn: int, segment: Segment) -> Utterance:
    """Return what the engine is given for the `number`th segment of the speech."""
    return Utterance(
        id=number,
        text=speller(request.pronounce)(cleaned(segment.text)),
        voice=request.spoken[turn].voice,
        language=request.language.strip().lower(),
        speed=float(request.speed),
        seed=request.seed or 0,
        sampling=request.sampling,
    )


def cleaned(text: str) -> str:
    """Return the text composed (NFC) and without control characters, as engines expect it."""
    kept = (" " if letter in "\t\n\r" else letter for letter in text)
    plain = "".join(letter for letter in kept if unicodedata.category(letter) != "Cc")
    return unicodedata.normalize("NFC", plain)


def speller(pronounce: Mapping[str, str]) -> Callable[[str], str]:
    """Return what respells whole words, the longest first, but nothing in tags and addresses."""
    if not pronounce:
        return lambda text: text
    words = sorted(pronounce, key=len, reverse=True)
    folded = {word.casefold(): respelling for word, respelling in pronounce.items()}
    either = "|".join(re.escape(word) for word in words)
    pattern = re.compile(rf"(?P<kept>{UNTOUCHED})|(?<!\w)(?:{either})(?!\w)", re.IGNORECASE)

    def respelled(match: re.Match[str]) -> str:
        word = match[0]
        return word if match["kept"] else pronounce.get(word) or folded.get(word.casefold(), word)

    return lambda text: pattern.sub(respelled, text)


def leading_space(request: SpeechRequest) -> int:
    """Return the spaces before the text: the cache key and stored offsets leave them out."""
    if request.turns is not None or request.text is None:
        return 0
    return len(request.text) - len(request.text.lstrip())
