"""Which requests are accepted, and the errors about others."""

from typing import Any

import pytest

from worker.engines.tone import ToneEngine
from worker.errors import SpeechError
from worker.request import Operation, SpeechRequest, parse

ENGINE = ToneEngine()


class WordsOnly(ToneEngine):
    """An engine that neither speaks tags nor learns voices."""

    name = "words"
    tags = False
    clones = False


def refused(given: Any, engine: ToneEngine = ENGINE) -> str:
    with pytest.raises(SpeechError) as caught:
        parse(given, engine)
    return f"{caught.value.code}: {caught.value}"


def accepted(**fields: Any) -> SpeechRequest:
    request = parse({"text": "Hello there."} | fields, ENGINE)
    assert isinstance(request, SpeechRequest)
    return request


REFUSED: list[tuple[Any, str]] = [
    (None, "invalid_input: input is null, expected an object with a text"),
    ([], "invalid_input: input is a list, expected an object with a text"),
    ("hi", "invalid_input: input is a string, expected an object with a text"),
    ({}, "invalid_input: text or turns is required, exactly one of them: neither came"),
    ({"text": None}, "invalid_input: text or turns is required, exactly one of them: neither came"),
    ({"text": "a", "turns": [{"text": "b"}]}, "both came"),
    ({"text": "a", "input": "b"}, "invalid_input: text was given twice"),
    ({"text": ""}, "invalid_input: text has nothing to speak"),
    ({"text": " \n\t "}, "invalid_input: text has nothing to speak"),
    ({"text": "... !?"}, "invalid_input: text has nothing to speak"),
    ({"text": "\x00\x07"}, "invalid_input: text has nothing to speak"),
    ({"text": "ok \ud800"}, "invalid_input: text has a lone surrogate at position 3"),
    ({"text": "x" * 1_000_000}, "text_too_long: text has 1000000 characters, expected at most 10000"),
    ({"\ud800": None}, "invalid_input: input has a field whose name is not valid Unicode"),
    ({"text": 5}, "invalid_input: text is a number, expected a string"),
    ({"text": ["a"]}, "invalid_input: text is a list, expected a string"),
    ({"text": "a", "voicee": "x"}, "invalid_input: voicee is not a field of the input; did you mean voice?"),
    ({"text": "a", "zzzz": 1}, "zzzz is not a field of the input; the fields are text, "),
    ({"text": "a", "voice": "../x"}, "invalid_input: voice is '../x', expected 1 to 64 letters"),
    ({"text": "a", "voice": None}, "invalid_input: voice is null, expected 1 to 64 letters"),
    ({"text": "a", "voice": "a" * 300}, f"invalid_input: voice is '{'a' * 40}…', expected 1 to 64 letters"),
    ({"text": "a", "seed": 10**400}, "seed is a number of more than 20 digits, expected a whole number"),
    ({"text": "a", "bit_rate": 10**400}, "bit_rate is a number of more than 20 digits, expected one of 32"),
    ({"text": "a", "voice_url": "file:///etc/passwd"}, "invalid_input: voice_url is not an https URL"),
    (
        {"text": "a", "language": "xx"},
        "unsupported_language: language is 'xx', and the tone engine speaks de, en",
    ),
    ({"text": "a", "language": 1}, "invalid_input: language is 1, expected a language such as 'en'"),
    ({"text": "a", "format": "ogg"}, "unsupported_format: format is 'ogg', expected one of mp3, pcm"),
    ({"text": "a", "speed": 3}, "invalid_input: speed is 3, expected a number from 0.5 to 2"),
    ({"text": "a", "speed": 0.1}, "invalid_input: speed is 0.1, expected a number from 0.5 to 2"),
    ({"text": "a", "speed": "1"}, "invalid_input: speed is '1', expected a number from 0.5 to 2"),
    ({"text": "a", "speed": True}, "invalid_input: speed is true, expected a number from 0.5 to 2"),
    ({"text": "a", "speed": float("nan")}, "invalid_input: speed is NaN, expected a number from 0.5 to 2"),
    (
        {"text": "a", "speed": float("inf")},
        "invalid_input: speed is Infinity, expected a number from 0.5 to 2",
    ),
    (
        {"text": "a", "seed": -1},
        "invalid_input: seed is -1, expected a whole number from 0 to 9223372036854775807",
    ),
    ({"text": "a", "seed": 1.5}, "invalid_input: seed is 1.5, expected a whole number from 0 to"),
    ({"text": "a", "seed": True}, "invalid_input: seed is true, expected a whole number from 0 to"),
    (
        {"text": "a", "seed": 2**63},
        "invalid_input: seed is 9223372036854775808, expected a whole number from 0 to",
    ),
    ({"text": "a", "stream": "yes"}, "invalid_input: stream is 'yes', expected true or false"),
    ({"text": "a", "stream": 1}, "invalid_input: stream is 1, expected true or false"),
    ({"text": "a", "cache": "no"}, "invalid_input: cache is 'no', expected 'use', 'refresh' or 'off'"),
    ({"text": "a", "opening": "slow"}, "invalid_input: opening is 'slow', expected 'fast' or 'even'"),
    (
        {"text": "a", "normalize_numbers": 1},
        "invalid_input: normalize_numbers is 1, expected true or false",
    ),
    (
        {"text": "a", "pronounce": ["x"]},
        "invalid_input: pronounce is a list, expected an object of at most 200 words",
    ),
    ({"text": "a", "pronounce": {"x": 1}}, "invalid_input: pronounce.x is a number, expected a string"),
    (
        {"text": "a", "pronounce": {"": "x"}},
        "invalid_input: pronounce has an entry that is empty or too long",
    ),
    (
        {"text": "a", "pronounce": {str(n): "x" for n in range(201)}},
        "pronounce is an object of 201, expected an object of at",
    ),
    ({"text": "a", "bit_rate": 65}, "invalid_input: bit_rate is 65, expected one of 32, 40, 48, 56, 64, 80"),
    ({"text": "a", "bit_rate": "64"}, "invalid_input: bit_rate is '64', expected one of 32, 40, 48"),
    (
        {"text": "a", "top_p": 0.5},
        "top_p is not an option of the tone engine; its options: temperature, top_k",
    ),
    ({"text": "a", "temperature": 9.0}, "invalid_input: temperature is 9, expected 0.05 to 2"),
    ({"text": "a", "temperature": "hot"}, "invalid_input: temperature is 'hot', expected a number"),
    ({"text": "a", "top_k": 0}, "invalid_input: top_k is 0, expected 1 to 1000"),
    (
        {"text": "a", "top_k": 10**400},
        "invalid_input: top_k is a number of more than 20 digits, expected 1 to 1000",
    ),
    (
        {"text": "a", "pronounce": {"a": "b\ud800"}},
        "invalid_input: pronounce has an entry with a lone surrogate, expected valid Unicode",
    ),
    (
        {"text": "a", "pronounce": {"a\udfff": "b"}},
        "invalid_input: pronounce has an entry with a lone surrogate, expected valid Unicode",
    ),
    ({"turns": []}, "invalid_input: turns is a list of 0, expected a list of 1 to 200 turns"),
    ({"turns": 5}, "invalid_input: turns is a number, expected a list of 1 to 200 turns"),
    ({"turns": [5]}, "invalid_input: turns[0] is a number, expected an object with a text"),
    ({"turns": [{"voice": "low"}]}, "invalid_input: turns[0].text is missing"),
    ({"turns": [{"text": "a", "mood": 1}]}, "invalid_input: turns[0].mood is not a field of the input"),
    (
        {"turns": [{"text": "a", "voice": "x"}], "voice_url": "https://a.b/c"},
        "invalid_input: voice_url is not used",
    ),
    (
        {"text": "a", "voice": "low", "voice_url": "https://a.b/c"},
        "invalid_input: voice and voice_url both came",
    ),
    ({"op": "voice_remove"}, "invalid_input: name is missing, voice_remove needs it"),
    ({"op": "voice_add", "clip_base64": "AA=="}, "invalid_input: name is missing, voice_add needs it"),
    ({"op": "voice_add", "name": "ann"}, "exactly one of them: neither came"),
    (
        {"op": "voice_add", "name": "ann", "clip_base64": "", "voice_url": "https://a.b/c"},
        "exactly one of them: both came",
    ),
    ({"op": "voice_add", "name": "ann", "voice_url": "http://a.b/c"}, "voice_url is not an https URL"),
    ({"op": "voice_add", "name": "../x", "clip_base64": "AA=="}, "invalid_input: name is a string, expected"),
    ({"op": "info", "name": "ann"}, "invalid_input: name is not a field of info"),
    ({"turns": [{"text": "?"}, {"text": "!"}]}, "invalid_input: turns has nothing to speak"),
    ({"text": "a", "read": ["all"]}, "invalid_input: read[0] is a string, expected 'code' or 'reasoning'"),
    ({"text": "a", "markup": "html"}, "invalid_input: markup is 'html', expected 'auto' or 'none'"),
    ({"text": "<br>"}, "invalid_input: text has nothing to speak"),
    ({"text": "<!-- a -->"}, "invalid_input: text has nothing to speak"),
    ({"text": "```python\nprint(1)\n```"}, "invalid_input: text has nothing to speak"),
    ({"text": "[pause:1s]"}, "invalid_input: text has nothing to speak"),
    (
        {"text": "a", "last_pause_ms": 10_001},
        "invalid_input: last_pause_ms is 10001, expected a whole number from 0 to 10000",
    ),
    (
        {"turns": [{"text": "a"}], "last_pause_ms": 0},
        "invalid_input: last_pause_ms came beside turns, expected pause_ms in the last turn",
    ),
    (
        {"turns": [{"text": "a", "pause_ms": 20_000}]},
        "invalid_input: turns[0].pause_ms is 20000, expected a whole number from 0 to 10000",
    ),
    ({"turns": [{"text": "a"}] * 201}, "invalid_input: turns is a list of 201, expected a list of 1 to 200"),
    ({"op": "dance"}, "invalid_input: op is 'dance', expected 'voices'"),
    ({"op": "info", "text": "a"}, "invalid_input: text is not a field of the input"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_a_bad_input_is_refused_by_field_with_what_came_and_what_is_allowed(given: Any, message: str) -> None:
    assert message in refused(given)


@pytest.mark.parametrize(
    "field", [*SpeechRequest.model_fields, "turns.voice", "turns.pause_ms", "op", "name"]
)
def test_a_value_of_the_wrong_kind_is_refused_in_the_words_of_json(field: str) -> None:
    outer, _, inner = field.partition(".")
    for wrong in (["x"] if field == "read" else [], [5], {"x": [1]}, 5j, float("inf"), -1):
        given = {"turns": [{"text": "a", inner: wrong}]} if inner else {"text": "a", outer: wrong}
        if outer == "name":
            given = {"op": "warm", "name": wrong}
        message = refused(given)
        for word in (
            "valid ",
            "None",
            "True",
            "Dictionary",
            "dictionary",
            "List",
            "instance",
            "inf,",
            "than",
        ):
            assert word not in message, message


def test_an_error_reports_up_to_three_faults_and_lists_the_fields_once() -> None:
    two = refused({"text": "a", "speed": 9, "seed": -1})
    assert two.startswith("invalid_input: speed is 9, expected a number from 0.5 to 2; seed is -1, expected")
    many = refused({"text": "a", "aaaa": 1, "bbbb": 1, "cccc": 1, "dddd": 1, "eeee": 1})
    assert "cccc is not a field of the input; and 2 more; the fields are text, turns" in many
    assert "dddd" not in many
    assert many.count("the fields are") == 1


def test_a_thousand_tags_are_nothing_to_speak_for_an_engine_without_tags() -> None:
    assert "nothing to speak" in refused({"text": "[laugh]" * 1_000}, WordsOnly())
    assert refused({"text": "[laugh]" * 2_000}).startswith("text_too_long")


def test_an_error_never_repeats_the_text() -> None:
    for given in ({"text": "my secret\ud800"}, {"text": "my secret", "speed": 9}, {"text": ["my secret"]}):
        assert "secret" not in refused(given)


def test_a_field_name_cannot_forge_a_log_line() -> None:
    assert "\n" not in refused({"text": "a", "x\nERROR": 1})


def test_speech_that_would_not_fit_into_a_result_is_refused_with_the_limit() -> None:
    assert "expected at most 1711 as pcm" in refused({"text": "word " * 400, "format": "pcm"})
    assert "as mp3 at 160 kbit/s" in refused({"text": "word " * 1_200, "bit_rate": 160})


def test_silence_counts_as_speech_does() -> None:
    message = refused({"turns": [{"text": "Hi.", "pause_ms": 10_000}] * 200})
    assert message.startswith(
        "text_too_long: text has 600 characters and 2000 s of pauses, expected at most 794 s of pauses beside"
    )
    assert "and 5000 s of pauses" in refused({"text": "Hi.[pause:10s]" * 500})
    assert "and 10 s of pauses" in refused({"text": "Hi. " * 400, "format": "pcm", "last_pause_ms": 10_000})
    assert accepted(text="Well.[pause:2s] " * 100)


def test_an_error_about_long_pauses_gives_the_limit_for_this_text() -> None:
    def paused(count: int) -> dict[str, Any]:
        return {"text": "a" * 40 + "[pause:10s]" * count}

    message = refused(paused(200))
    assert "has 40 characters and 2000 s of pauses, expected at most 840 s of pauses beside" in message
    assert "shorten the pauses" in message
    assert parse(paused(84), ENGINE)
    assert "text_too_long" in refused(paused(85))


def test_a_turn_without_a_voice_gets_the_requests() -> None:
    turns = [{"text": "a"}, {"text": "b", "voice": "default"}, {"text": "c", "voice": "ann"}]
    request = parse({"turns": turns, "voice": "low"}, ENGINE)
    assert isinstance(request, SpeechRequest)
    assert [turn.voice for turn in request.spoken] == ["low", "default", "ann"]


@pytest.mark.parametrize("tag", ["en-US", "en_us", " EN-Latn-GB ", "en-x-mine"])
def test_a_region_does_not_make_another_language(tag: str) -> None:
    assert accepted(language=tag).language == "en"


@pytest.mark.parametrize("tag", ["en-", "english", "e-US", "en-US!", "xx-EN"])
def test_an_error_repeats_a_refused_language_as_it_was_given(tag: str) -> None:
    message = refused({"text": "a", "language": tag})
    assert message == f"unsupported_language: language is '{tag}', and the tone engine speaks de, en, fr, ja"


def test_the_other_name_of_text_is_accepted() -> None:
    request = parse({"input": "Hello."}, ENGINE)
    assert isinstance(request, SpeechRequest)
    assert request.text == "Hello."


def test_the_defaults_are_those_of_the_documentation() -> None:
    request = accepted()
    assert (request.voice, request.language, request.format, request.speed) == ("default", "en", "mp3", 1.0)
    assert (request.seed, request.stream, request.cache, request.opening) == (None, None, "use", "fast")
    assert (request.bit_rate, request.normalize_numbers) == (64, True)


def test_a_whole_number_is_a_speed() -> None:
    assert accepted(speed=1).speed == 1.0


def test_an_input_with_an_op_is_an_operation() -> None:
    assert parse({"op": "info"}, ENGINE) == Operation(op="info")


def test_a_clip_is_refused_by_an_engine_that_does_not_clone() -> None:
    message = refused({"text": "a", "voice_url": "https://example.com/a.wav"}, WordsOnly())
    assert message == "voice_unusable: voice_url needs an engine that clones voices, and words does not"
