"""The cache key is pinned: a change here loses every stored speech."""

import hashlib
from typing import Any

import pytest

from worker.cache import cache_key
from worker.engines.tone import ToneEngine
from worker.request import SpeechRequest, Turn, parse

# A value other than the default for each field that changes the audio.
AUDIBLE: dict[str, Any] = {
    "text": "Another text.",
    "turns": [Turn(text="Hello, World!")],
    "voice": "low",
    "language": "de",
    "format": "pcm",
    "speed": 1.5,
    "seed": 7,
    "opening": "even",
    "last_pause_ms": 0,
    "normalize_numbers": False,
    "pronounce": {"world": "werld"},
    "read": ["code"],
    "markup": "none",
    "bit_rate": 32,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "min_p": 0.1,
    "repetition_penalty": 1.1,
    "exaggeration": 0.5,
    "cfg_weight": 0.5,
}
INAUDIBLE = {
    "stream",  # how the audio is delivered
    "cache",  # whether it is stored
    "voice_url",  # where the clip is: its SHA-256 is among `clips`
}
AUDIBLE_OF_TURNS: dict[str, Any] = {"text": "Bye.", "voice": "low", "pause_ms": 5}


def request(**fields: Any) -> SpeechRequest:
    parsed = parse({"text": "Hello, World!"} | fields, ToneEngine())
    assert isinstance(parsed, SpeechRequest)
    return parsed


def sha(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def test_the_key_of_a_plain_request_is_the_guides() -> None:
    assert cache_key(request(), "chatterbox-turbo") == sha("hello, world!|default|en|mp3|1.0|0")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"speed": 1}, "hello, world!|default|en|mp3|1.0|0"),
        ({"speed": 1.256}, "hello, world!|default|en|mp3|1.26|0"),
        ({"seed": 0}, "hello, world!|default|en|mp3|1.0|0"),
        ({"seed": 7}, "hello, world!|default|en|mp3|1.0|7"),
        ({"text": "  HELLO, world!\n"}, "hello, world!|default|en|mp3|1.0|0"),
        ({"language": " EN "}, "hello, world!|default|en|mp3|1.0|0"),
        ({"language": "en-US"}, "hello, world!|default|en|mp3|1.0|0"),
        ({"format": "PCM", "bit_rate": 32}, "hello, world!|default|en|pcm|1.0|0"),
        ({"voice": "low"}, "hello, world!|low|en|mp3|1.0|0"),
        ({"bit_rate": 32}, "hello, world!|default|en|mp3|1.0|0|bit_rate=32"),
        ({"opening": "even"}, "hello, world!|default|en|mp3|1.0|0|opening=even"),
        ({"last_pause_ms": None}, "hello, world!|default|en|mp3|1.0|0"),
        ({"last_pause_ms": 150}, "hello, world!|default|en|mp3|1.0|0|last_pause_ms=150"),
        ({"top_k": 5, "temperature": 1}, "hello, world!|default|en|mp3|1.0|0|temperature=1.0|top_k=5.0"),
        ({"normalize_numbers": True}, "hello, world!|default|en|mp3|1.0|0"),
        ({"normalize_numbers": False}, "hello, world!|default|en|mp3|1.0|0|normalize_numbers=false"),
        (
            {"pronounce": {"b": "x", "a": "y"}},
            'hello, world!|default|en|mp3|1.0|0|pronounce={"a": "y", "b": "x"}',
        ),
        ({"stream": True, "cache": "refresh"}, "hello, world!|default|en|mp3|1.0|0"),
    ],
)
def test_what_changes_the_audio_is_in_the_key_and_nothing_else(fields: dict[str, Any], line: str) -> None:
    assert cache_key(request(**fields), "chatterbox-turbo") == sha(line)


def test_every_field_of_a_request_is_known_to_change_the_audio_or_not_to() -> None:
    assert AUDIBLE.keys() | INAUDIBLE == SpeechRequest.model_fields.keys()
    assert AUDIBLE.keys().isdisjoint(INAUDIBLE)
    assert AUDIBLE_OF_TURNS.keys() == Turn.model_fields.keys()


@pytest.mark.parametrize("field", sorted(AUDIBLE))
def test_each_field_that_changes_the_audio_changes_the_key(field: str) -> None:
    plain = {"text": "Hello, World!"}
    changed = SpeechRequest.model_validate(plain | {field: AUDIBLE[field]})
    assert cache_key(changed, "tone") != cache_key(SpeechRequest.model_validate(plain), "tone")


@pytest.mark.parametrize("field", sorted(AUDIBLE_OF_TURNS))
def test_each_field_of_a_turn_changes_the_key(field: str) -> None:
    turns = [Turn(text="Hi."), Turn(text="Ah.")]
    changed = [turns[0], turns[1].model_copy(update={field: AUDIBLE_OF_TURNS[field]})]
    assert cache_key(SpeechRequest(turns=changed), "tone") != cache_key(SpeechRequest(turns=turns), "tone")


def test_fields_that_do_not_change_the_audio_do_not_change_the_key() -> None:
    changed = {"stream": True, "cache": "refresh", "voice_url": "https://example.com/a.wav"}
    assert changed.keys() == INAUDIBLE
    assert cache_key(request(**changed), "tone") == cache_key(request(), "tone")


def test_another_engine_never_shares_a_key_with_chatterbox() -> None:
    assert cache_key(request(), "preview") == sha("hello, world!|default|en|mp3|1.0|0|engine=preview")


def test_an_engine_whose_audio_has_changed_never_finds_what_was_stored_before() -> None:
    plain = "hello, world!|default|en|mp3|1.0|0"
    assert cache_key(request(), "chatterbox-multilingual") == sha(
        f"{plain}|audio=2|engine=chatterbox-multilingual"
    )
    v2 = "chatterbox-multilingual-v2"
    assert cache_key(request(), v2) == sha(f"{plain}|engine={v2}")


def test_a_tag_and_kept_case_separate_entries() -> None:
    plain = cache_key(request(), "chatterbox-turbo")
    assert cache_key(request(), "chatterbox-turbo", tag="blue") != plain
    shouted = [cache_key(request(text=t), "chatterbox-turbo", keep_case=True) for t in ("US", "us")]
    assert shouted[0] != shouted[1]


def test_turns_are_in_the_key() -> None:
    one = parse({"turns": [{"text": "Hi."}]}, ToneEngine())
    two = parse({"turns": [{"text": "Hi.", "voice": "low"}]}, ToneEngine())
    assert isinstance(one, SpeechRequest)
    assert isinstance(two, SpeechRequest)
    assert cache_key(one, "tone") != cache_key(two, "tone")


def key_of_turns(*turns: dict[str, Any], **fields: Any) -> str:
    parsed = parse({"turns": list(turns)} | fields, ToneEngine())
    assert isinstance(parsed, SpeechRequest)
    return cache_key(parsed, "chatterbox-turbo")


def test_the_key_of_turns_holds_their_voices_wherever_these_were_given() -> None:
    line = 'hi.|default|en|mp3|1.0|0|turns=[["{voice}", "Hi.", null]]'
    assert key_of_turns({"text": "Hi."}) == sha(line.replace("{voice}", "default"))
    low = sha(line.replace("{voice}", "low"))
    assert key_of_turns({"text": "Hi.", "voice": "low"}) == low
    assert key_of_turns({"text": "Hi."}, voice="low") == low
    assert key_of_turns({"text": "Hi.", "voice": "low"}, voice="ann") == low


def test_the_clips_of_voices_are_in_the_key_and_their_order_is_not() -> None:
    clips = {"bob": "22", "ann": "11"}
    assert cache_key(request(voice="ann"), "chatterbox-turbo", {"ann": "11"}) == sha(
        "hello, world!|ann|en|mp3|1.0|0|clips=ann:11"
    )
    keys = [cache_key(request(), "tone", dict(order)) for order in (clips.items(), sorted(clips.items()))]
    assert keys[0] == keys[1] != cache_key(request(), "tone", clips | {"ann": "33"})


def test_texts_that_share_a_key_have_the_same_length_so_that_captions_hold_for_both() -> None:
    dotted, decomposed = "\u0130stanbul. Then more.", "i\u0307stanbul. Then more."
    keys = [
        cache_key(request(text=text), "tone") for text in (dotted, "\u0130STANBUL. THEN MORE.", decomposed)
    ]
    assert keys[0] == keys[1] != keys[2]
    letters = map(chr, [*range(0xD800), *range(0xE000, 0x110000)])
    assert [letter for letter in letters if len(letter.lower()) != 1] == ["\u0130"]
