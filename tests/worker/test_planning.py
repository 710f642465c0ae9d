"""From a request to the lines that an engine is given."""

from typing import Any

from worker.engines.tone import ToneEngine
from worker.planning import cleaned, leading_space, lines, speller
from worker.request import SpeechRequest, parse


def request(**fields: Any) -> SpeechRequest:
    parsed = parse(fields, ToneEngine())
    assert isinstance(parsed, SpeechRequest)
    return parsed


def test_control_characters_are_taken_out_and_letters_composed() -> None:
    assert cleaned("a\x00b\tc\x7f e\u0301") == "ab c \u00e9"


def test_words_are_respelled_whole_longest_first_and_in_any_case() -> None:
    spell = speller({"New York": "Noo York", "york": "yawk", "SQL": "sequel"})
    assert spell("new york, York, yorkshire, sql.") == "Noo York, yawk, yorkshire, sequel."


def test_tags_and_addresses_are_never_respelled() -> None:
    text = "See https://sql.org/sql or ask sql@sql.org [sql] now"
    assert speller({"sql": "sequel"})(text) == text


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
