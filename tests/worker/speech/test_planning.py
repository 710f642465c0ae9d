"""From a request to the lines that an engine is given."""

import itertools
import re
from typing import Any

import pytest

from worker.engines.tone import ToneEngine
from worker.request import SpeechRequest, parse
from worker.speech.planning import leading_space, lines


def request(**fields: Any) -> SpeechRequest:
    parsed = parse(fields, ToneEngine())
    assert isinstance(parsed, SpeechRequest)
    return parsed


def spoken(**fields: Any) -> list[str]:
    return [line.utterance.text for line in lines(request(**fields))]


def test_the_engine_is_given_words_and_captions_keep_the_text_as_given() -> None:
    text = "It **costs** $3.50 at 10:30."
    [line] = lines(request(text=text))
    assert line.utterance.text == "It costs three dollars and fifty cents at ten thirty."
    assert text[line.segment.char_start : line.segment.char_end] == text


def test_numbers_stay_digits_where_the_request_says_so() -> None:
    assert spoken(text="**Pay** $3.50.", normalize_numbers=False) == ["Pay $3.50."]


def test_words_are_respelled_in_their_own_language_of_numbers() -> None:
    assert spoken(text="GPT-4 has 4 parts.", pronounce={"gpt-4": "gee pee tee 4"}) == [
        "gee pee tee 4 has four parts."
    ]


@pytest.mark.parametrize("opening", ["fast", "even"])
def test_no_utterance_is_over_the_limit_however_long_its_numbers_are_when_spoken(opening: str) -> None:
    text = "Totals were " + ", ".join(f"{n * 7_654_321:,}" for n in range(101, 160)) + " in that order."
    made = list(lines(request(text=text, opening=opening)))
    assert all(0 < len(line.utterance.text) <= 300 for line in made)
    spans = [(line.segment.char_start, line.segment.char_end) for line in made]
    assert spans == sorted(spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    numbers = [number for a, b in spans for number in re.findall(r"\d[\d,]*\d", text[a:b])]
    assert numbers == re.findall(r"\d[\d,]*\d", text)


def test_the_first_piece_is_short_in_words_too_where_somebody_waits() -> None:
    text = "The fund paid $3,417,250.50 in 2023, 1,250,750.25 in 2022, and nothing at all before that year."
    assert len(spoken(text=text)[0]) <= 120
    assert len(spoken(text=text, opening="even")[0]) > 120


def test_what_leaves_nothing_to_speak_gives_its_pause_to_the_line_before() -> None:
    made = list(lines(request(text="Before the break. [pause:2s]\n\n<br>\n\nAfter it.")))
    assert [line.utterance.text for line in made] == ["Before the break.", "After it."]
    assert made[0].segment.pause_ms == 2_000
    assert [line.utterance.id for line in made] == [0, 1]


def test_only_the_last_line_is_the_last() -> None:
    made = list(lines(request(text="One sentence here, and it is long enough. " * 20)))
    assert [line.last for line in made] == [False] * (len(made) - 1) + [True]
    assert [line.utterance.id for line in made] == list(range(len(made)))


def test_turns_keep_their_voices_and_pauses() -> None:
    made = list(lines(request(turns=[{"text": "A b c."}, {"text": "D e.", "voice": "low", "pause_ms": 0}])))
    assert [(line.turn, line.utterance.voice, line.segment.pause_ms) for line in made] == [
        (0, "default", 400),
        (1, "low", 0),
    ]


def test_leading_space_is_counted_for_a_text_and_not_for_turns() -> None:
    assert leading_space(request(text=" \n hi")) == 3
    assert leading_space(request(turns=[{"text": "  hi"}])) == 0
