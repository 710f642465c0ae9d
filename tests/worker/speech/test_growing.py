"""A text that comes in pieces is planned as the whole text is."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmenter import Silence
from worker.engines import Utterance
from worker.request import SpeechRequest
from worker.speech.encoding import PlannedSegment, SpeechEnd, Waiting
from worker.speech.growing import GrowingPlan, GrowingText
from worker.speech.planning import plan_segments

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year.\n\nNobody waved: *** nobody had risen in time to wave. "
)
PARTS = st.lists(
    st.sampled_from(
        [
            *(
                "Hello. ",
                "Dr. ",
                "1,234,567 ",
                "[pause:1.5s]",
                "\n",
                "\n\n",
                "***\n",
                "...",
                "- ",
                "![](x.png) ",
            ),
            *(
                "[voice:low]",
                "[voice:default] ",
                "[laugh] ",
                "one, two, ",
                "https://a.b/c. ",
                "\u00a0",
                "\t",
                " ",
            ),
            *(
                "and then it went on for a while, as such things do, until somebody stopped it ",
                "Yes! ",
                "\u2028",
            ),
        ]
    ),
    max_size=25,
)


def planned(
    request: SpeechRequest, pieces: Sequence[str | Silence]
) -> tuple[list[tuple[Utterance, int, int]], bool]:
    """Return the utterances of a text in pieces, with their pauses, and whether it is as the whole."""
    text = GrowingText()
    plan = GrowingPlan(request, text, {})
    made: list[PlannedSegment] = []
    end = 0
    for piece in [*pieces, None]:
        if piece is None:
            text.close()
        elif isinstance(piece, str):
            text.push(piece)
        else:
            text.rest(piece)
        for one in plan:
            if isinstance(one, Waiting):
                break
            if isinstance(one, SpeechEnd):
                assert one.number == len(made)
                end = one.pause_ms
            else:
                made.append(one)
    rests = [
        *(a.segment.pause_ms + b.segment.lead_ms for a, b in pairwise(made)),
        *([made[-1].segment.pause_ms + end] if made else []),
    ]
    lead = [made[0].segment.lead_ms if made else 0] + [0] * len(made)
    return [
        (one.utterance, before, after) for one, before, after in zip(made, lead, rests, strict=False)
    ], plan.is_as_whole()


def whole(request: SpeechRequest) -> list[tuple[Utterance, int, int]]:
    return [(one.utterance, one.segment.lead_ms, one.segment.pause_ms) for one in plan_segments(request)]


@settings(deadline=None)
@given(
    st.one_of(PARTS.map("".join), st.text(max_size=200)),
    st.lists(st.integers(1, 40), min_size=1),
    st.sampled_from(["en", "de", "ja"]),
)
def test_a_text_in_any_pieces_has_the_utterances_and_the_pauses_of_the_whole(
    text: str, sizes: list[int], language: str
) -> None:
    pieces, at = [], 0
    for size in sizes * (len(text) // sum(sizes) + 1):
        pieces.append(text[at : at + size])
        at += size
    request = SpeechRequest(text=text, language=language)
    assert planned(request, pieces) == (whole(request), True)


@pytest.mark.parametrize("size", [1, 7, 1_000])
@pytest.mark.parametrize(
    "text", [PROSE * 4, "Hello there.\n", "Hello there. \n\n", "Well, \u2028", " \n Hi."]
)
def test_white_space_around_the_text_does_not_change_it(text: str, size: int) -> None:
    request = SpeechRequest(text=text)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert planned(request, pieces) == (whole(request), True)


def test_a_segment_is_planned_when_no_later_text_can_change_it_and_its_pause_with_it() -> None:
    text = GrowingText()
    plan = GrowingPlan(SpeechRequest(text="a"), text, {})
    text.push("The harbour was quiet that morning,")
    assert next(plan) is Waiting.TEXT
    text.push(" and")
    first = next(plan)
    assert isinstance(first, PlannedSegment)
    assert (first.utterance.text, first.segment.pause_ms) == ("The harbour was quiet that morning", 150)
    assert next(plan) is Waiting.TEXT


def test_a_silence_that_changed_the_cut_is_noticed() -> None:
    request = SpeechRequest(text="Yes. No. And so on and so forth.")
    assert planned(request, ["Yes. No. And so on and so forth.", Silence.SHORT])[1]
    parts, is_as_whole = planned(request, ["Yes.", Silence.SHORT, " No. And so on and so forth."])
    assert [one[0].text for one in parts] == ["Yes.", "No. And so on and so forth."]
    assert not is_as_whole
