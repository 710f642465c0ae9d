"""How long a text gets in words: known before any of it is spoken, where that may be too long for a job."""

from collections.abc import Iterator, Mapping

from worker.request import SpeechRequest, check_spoken_size, most_spoken
from worker.speech.encoding import PlannedSegment
from worker.speech.planning import plan_segments

__all__ = ["plan_within_result"]

PLAIN = frozenset(".,;:!?'\"()-\u2013\u2014\u2026\u2018\u2019\u201c\u201d\u00ab\u00bb")  # spoken as nothing
WORDS_OF_ONE = 25  # characters that a digit or a sign becomes at most, as "less than or equal to"


def plan_within_result(request: SpeechRequest, keys: Mapping[str, str]) -> Iterator[PlannedSegment]:
    """Yield what `plan_segments` does, once it is known that it fits into one job's result.

    Raises:
        TextTooLongError: It does not: a text of numbers is many times as long in words.
    """
    if longest(request) > most_spoken(request):
        check_spoken_size(request, sum(len(each.utterance.text) for each in plan_segments(request)))
    yield from plan_segments(request, keys)


def longest(request: SpeechRequest) -> float:
    """Return how many characters a request's texts may have in words; more than they will have."""
    widest = max((len(said) / len(word) for word, said in request.pronounce.items()), default=1.0)
    return max(1.0, widest) * sum(
        1 if letter.isalpha() or letter.isspace() or letter in PLAIN else WORDS_OF_ONE
        for turn in request.spoken
        for letter in turn.text
    )
