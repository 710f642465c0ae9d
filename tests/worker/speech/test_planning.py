"""From a request to the segments that are given to an engine."""

import itertools
import re
from typing import Any

import pytest

from worker.engines.tone import ToneEngine
from worker.request import SpeechRequest, parse
from worker.speech.planning import plan_segments


def request(**fields: Any) -> SpeechRequest:
    parsed = parse(fields, ToneEngine())
    assert isinstance(parsed, SpeechRequest)
    return parsed


def spoken(**fields: Any) -> list[str]:
    return [planned.utterance.text for planned in plan_segments(request(**fields))]


def test_utterances_are_in_words_and_captions_keep_the_text_as_given() -> None:
    text = "It **costs** $3.50 at 10:30."
    [planned] = plan_segments(request(text=text))
    assert planned.utterance.text == "It costs three dollars and fifty cents at ten thirty."
    assert text[planned.segment.char_start : planned.segment.char_end] == text


def test_numbers_stay_digits_if_the_request_asks_for_it() -> None:
    assert spoken(text="**Pay** $3.50.", normalize_numbers=False) == ["Pay $3.50."]


def test_a_respelled_words_digits_stay_while_other_numbers_become_words() -> None:
    assert spoken(text="GPT-4 has 4 parts.", pronounce={"gpt-4": "gee pee tee 4"}) == [
        "gee pee tee 4 has four parts."
    ]


def test_utterances_say_where_a_sentence_was_cut() -> None:
    text = "The keeper had not spoken aloud in eleven whole days and on the twelfth a boat came. He left."
    made = [planned.utterance for planned in plan_segments(request(text=text))]
    assert [made[0].text.split()[-1], made[1].text.split()[0]] == ["days", "and"]
    inside = [(each.begins_inside, each.ends_inside) for each in made]
    assert inside == [(False, True), (True, False), *[(False, False)] * (len(made) - 2)]
    turns = [{"text": text, "voice": voice} for voice in ("default", "low")]
    of_turns = [planned.utterance for planned in plan_segments(request(turns=turns))]
    assert [each.begins_inside for each in of_turns] == [False, True, False, False]


@pytest.mark.parametrize("opening", ["fast", "even"])
def test_no_utterance_is_over_the_limit_however_long_its_numbers_are_in_words(opening: str) -> None:
    text = "Totals were " + ", ".join(f"{n * 7_654_321:,}" for n in range(101, 160)) + " in that order."
    made = list(plan_segments(request(text=text, opening=opening)))
    assert all(0 < len(planned.utterance.text) <= 300 for planned in made)
    spans = [(planned.segment.char_start, planned.segment.char_end) for planned in made]
    assert spans == sorted(spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    numbers = [number for a, b in spans for number in re.findall(r"\d[\d,]*\d", text[a:b])]
    assert numbers == re.findall(r"\d[\d,]*\d", text)


def test_the_first_utterance_is_short_in_words_too_if_the_opening_is_fast() -> None:
    text = "The fund paid $3,417,250.50 in 2023, 1,250,750.25 in 2022, and nothing at all before that year."
    assert len(spoken(text=text)[0]) <= 120
    assert len(spoken(text=text, opening="even")[0]) > 120


def test_a_segment_without_anything_to_speak_gives_its_pause_to_the_one_before() -> None:
    made = list(plan_segments(request(text="Before the break. [pause:2s]\n\n<br>\n\nAfter it.")))
    assert [planned.utterance.text for planned in made] == ["Before the break.", "After it."]
    assert made[0].segment.pause_ms == 2_000
    assert [planned.utterance.id for planned in made] == [0, 1]


def test_only_the_last_segment_is_marked_as_the_last() -> None:
    made = list(plan_segments(request(text="One sentence here, and it is long enough. " * 20)))
    assert [planned.last for planned in made] == [False] * (len(made) - 1) + [True]
    assert [planned.utterance.id for planned in made] == list(range(len(made)))


@pytest.mark.parametrize("pause", [0, 40, 10_000])
@pytest.mark.parametrize("text", ["Well then.", "One. [pause:2s]", "One,", "One.\n\n***\n", "Long " * 90])
def test_the_last_pause_of_a_request_is_the_pause_after_its_last_segment_alone(text: str, pause: int) -> None:
    *before, last = plan_segments(request(text=text, last_pause_ms=pause))
    assert last.segment.pause_ms == pause
    *as_written, end = plan_segments(request(text=text))
    assert before == as_written
    assert last.utterance == end.utterance


def test_turns_keep_their_voices_and_pauses() -> None:
    made = list(
        plan_segments(request(turns=[{"text": "A b c."}, {"text": "D e.", "voice": "low", "pause_ms": 0}]))
    )
    assert [(planned.turn, planned.utterance.voice, planned.segment.pause_ms) for planned in made] == [
        (0, "default", 400),
        (1, "low", 0),
    ]


@pytest.mark.parametrize("space", [" \n ", "\u3000", "\t\t\n\n"])
def test_space_around_a_text_changes_neither_its_segments_nor_their_offsets(space: str) -> None:
    """The cache key leaves it out, so the speech of a key must not depend on it."""
    text = "One line\nand two.\n\nAnother paragraph of this text, which is the last one"
    assert list(plan_segments(request(text=space + text + space))) == list(plan_segments(request(text=text)))


@pytest.mark.parametrize(
    ("text", "lead", "pauses"),
    [
        ("[pause:1s] Hello.", 1_000, [300]),
        ("Hello there. <break time='2s'/> World.", 0, [2_000, 300]),
        ("Hello there. <break strength='weak'/> World.", 0, [500, 300]),
        ("[pause:1s][pause:500ms] Hello.", 1_500, [300]),
    ],
)
def test_a_pause_is_made_wherever_it_stands(text: str, lead: int, pauses: list[int]) -> None:
    made = list(plan_segments(request(text=text)))
    assert made[0].segment.lead_ms == lead
    assert [planned.segment.pause_ms for planned in made] == pauses


def test_a_turn_may_begin_with_a_pause_and_may_be_one() -> None:
    turns = [{"text": "One."}, {"text": "[pause:2s] Two."}, {"text": "[pause:1s]"}, {"text": "Three."}]
    made = list(plan_segments(request(turns=turns)))
    assert [planned.utterance.text for planned in made] == ["One.", "Two.", "Three."]
    assert [planned.segment.pause_ms for planned in made] == [2_000, 1_000, 400]


def test_a_voice_in_the_text_is_a_turn_of_its_own() -> None:
    asked = request(text="Hello there. [voice:low] I am another. [voice:default] And back.")
    made = list(plan_segments(asked))
    assert [planned.utterance.voice for planned in made] == ["default", "low", "default"]
    assert [planned.segment.pause_ms for planned in made] == [400, 400, 300]
    assert asked.voices == {"default", "low"}


def test_a_voice_that_is_only_named_in_code_is_not_asked_for() -> None:
    assert request(text="Write `[voice:nobody]` there.\n```\n[voice:nobody]\n```").voices == {"default"}
