"""Limits, ranges, messages, settings, errors and metrics, without I/O."""

import json
from typing import Any

import pytest
from chatterpod import ApiError, AuthError, EngineFailed, UnknownVoice
from hypothesis import given
from hypothesis import strategies as st

from gateway import messages
from gateway.errors import (
    BadMessage,
    BadRequest,
    Exhausted,
    GatewayError,
    GatewayStartError,
    RangeRefused,
    TooLarge,
    translated,
)
from gateway.limits import Limits, TokenUsage
from gateway.metrics import Metrics
from gateway.ranges import ByteRange, answer
from gateway.settings import GatewaySettings, NamedVoice

DAY = 86_400
ENV = {"RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_API_KEY": "rpa_secret"}


def test_requests_a_minute_refill_evenly() -> None:
    usage = TokenUsage(Limits(requests_a_minute=6))
    for _ in range(6):
        usage.request(1_000.0)
    with pytest.raises(Exhausted) as refused:
        usage.request(1_000.0)
    assert refused.value.retry_after == pytest.approx(10)
    usage.request(1_010.0)


def test_characters_are_counted_by_the_day_all_or_none() -> None:
    usage = TokenUsage(Limits(characters_a_day=100))
    usage.characters(60, now=DAY * 5)
    with pytest.raises(Exhausted, match="the text has 60 characters, and 40 of 100 are left"):
        usage.characters(60, now=DAY * 5 + 3_600)
    usage.characters(40, now=DAY * 5 + 3_600)
    usage.characters(100, now=DAY * 6)


def test_a_closed_connection_no_longer_counts() -> None:
    usage = TokenUsage(Limits(connections=1))
    usage.connect()
    with pytest.raises(Exhausted):
        usage.connect()
    usage.disconnect()
    usage.connect()


@pytest.mark.parametrize(
    ("header", "made", "whole", "expected"),
    [
        (None, 10, "growing", ByteRange(0, None, 200)),
        (None, 10, "whole", ByteRange(0, 10, 200)),
        ("bytes=0-1", 10, "growing", ByteRange(0, 2, 206, "bytes 0-1/*")),
        ("bytes=0-1", 10, "whole", ByteRange(0, 2, 206, "bytes 0-1/10")),
        ("bytes=0-", 10, "growing", ByteRange(0, None, 200)),
        ("bytes=0-", 10, "whole", ByteRange(0, 10, 206, "bytes 0-9/10")),
        ("bytes=4-", 10, "growing", ByteRange(4, 10, 206, "bytes 4-9/*")),
        ("bytes=4-99", 10, "whole", ByteRange(4, 10, 206, "bytes 4-9/10")),
        ("bytes=-3", 10, "whole", ByteRange(7, 10, 206, "bytes 7-9/10")),
        ("bytes=-3", 10, "growing", None),
        ("bytes=10-", 10, "growing", None),
        ("bytes=5-4", 10, "whole", ByteRange(0, 10, 200)),
        ("lines=0-1", 10, "whole", ByteRange(0, 10, 200)),
        ("bytes=0-1,4-5", 10, "whole", ByteRange(0, 10, 200)),
    ],
)
def test_a_range_is_answered_with_the_bytes_that_are_there(
    header: str | None, made: int, whole: str, expected: ByteRange | None
) -> None:
    assert answer(header, made, whole=whole == "whole") == expected


def test_a_range_beyond_the_end_is_refused_with_the_length() -> None:
    with pytest.raises(RangeRefused) as refused:
        answer("bytes=10-", 10, whole=True)
    assert messages.headers(refused.value) == {"Content-Range": "bytes */10"}


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ("{", BadMessage, "not valid JSON"),
        ("[1]", BadMessage, "not a JSON object"),
        ('{"type": "text", "text": NaN}', BadMessage, "not valid JSON"),
        ("[" * 60_000, BadMessage, "not valid JSON"),
        (b"\x00", BadMessage, "binary"),
        ('{"text": "a"}', BadMessage, "no type"),
        ('{"type": "sing"}', BadMessage, "not known, expected one of"),
        ('{"type": "text"}', BadRequest, "text is missing"),
        ('{"type": "text", "text": 5}', BadRequest, "text is a number, expected a string"),
        ('{"type": "text", "text": "a", "speed": 1.0}', BadRequest, "speed is not a field"),
        ('{"type": "speak", "text": "a", "speed": 9.0}', BadRequest, "speed is 9.0, expected 2.0 or less"),
        ('{"type": "start", "format": "flac"}', BadRequest, "format is 'flac', expected 'mp3' or 'pcm'"),
        ('{"type": "start", "context_id": "a b"}', BadRequest, "context_id is a string"),
        ('{"type": "start", "pronounce": {"a\\nERROR": 1}}', BadRequest, "pronounce.a?ERROR is a number"),
        ('{"type": "text", "text": null}', BadRequest, "text is null, expected a string"),
        ('{"type": "text", "text": [true]}', BadRequest, "text is a list, expected"),
        ('{"type": "cancel"}', BadRequest, "played_ms is missing"),
        ('{"type": "cancel", "played_ms": -1}', BadRequest, "played_ms is a number"),
        (
            json.dumps({"type": "text", "text": "a" * 70_000}),
            TooLarge,
            "has 70028 bytes, expected at most 65536",
        ),
    ],
)
def test_a_wrong_message_is_refused_with_a_reason(data: Any, kind: type[GatewayError], message: str) -> None:
    with pytest.raises(kind) as refused:
        messages.parse(data, 65_536)
    assert message in str(refused.value)


WORDS = st.text("aZ0_-é\ud800\x00 ", max_size=6)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(WORDS, SCALARS, max_size=2)
KINDS = ("auth", "start", "speak", "text", "flush", "close", "cancel", "ping", "sing")
FIELDS = st.sampled_from(["text", "context_id", "voice", "speed", "seed", "played_ms", "token", "x"])


@given(st.sampled_from(KINDS), st.dictionaries(FIELDS, JSON, max_size=4))
def test_any_message_is_parsed_or_refused(kind: str, fields: dict[str, Any]) -> None:
    output: object
    try:
        output = messages.parse(json.dumps({"type": kind, **fields}), 65_536).type
    except GatewayError as refusal:
        output = refusal.code if len(str(refusal)) < 400 else str(refusal)
    assert output in {kind, "bad_message", "invalid_input"}


def test_settings_are_read_from_the_environment() -> None:
    settings = GatewaySettings.from_env(
        ENV
        | {
            "GATEWAY_TOKENS": "one-token-of-many-letters, another-token-of-many",
            "GATEWAY_ORIGINS": "https://example.com",
            "GATEWAY_VOICES": "alloy=anna:de, nova=default",
            "GATEWAY_PREWARM": "1",
            "GATEWAY_CHARACTERS_A_DAY": "5000",
        }
    )
    assert settings.tokens == ("one-token-of-many-letters", "another-token-of-many")
    assert settings.voices == {"alloy": NamedVoice("anna", "de"), "nova": NamedVoice("default")}
    assert settings.prewarm is True
    assert settings.limits.characters_a_day == 5_000


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({}, "RUNPOD_ENDPOINT_ID is not set"),
        ({"RUNPOD_ENDPOINT_ID": "ep"}, "RUNPOD_API_KEY is not set"),
        (
            ENV | {"GATEWAY_TOKEN": "x"},
            "GATEWAY_TOKEN is not a setting of the gateway; the settings are GATEWAY_TOKENS",
        ),
        (ENV | {"GATEWAY_TOKENS": "short"}, "GATEWAY_TOKENS: expected tokens of 16"),
        (ENV | {"GATEWAY_ORIGINS": "example.com"}, "GATEWAY_ORIGINS='example.com': expected origins"),
        (ENV | {"GATEWAY_VOICES": "alloy"}, "GATEWAY_VOICES='alloy': expected name=voice"),
        (ENV | {"GATEWAY_VOICES": "alloy=anna:"}, "GATEWAY_VOICES='alloy=anna:': expected name=voice"),
        (ENV | {"GATEWAY_LANGUAGE": "auto:de"}, "GATEWAY_LANGUAGE='auto:de': expected a language"),
        (ENV | {"GATEWAY_VOICE_TOKENS": "short"}, "GATEWAY_VOICE_TOKENS: expected tokens of 16"),
        (ENV | {"GATEWAY_PREWARM": "yes"}, "GATEWAY_PREWARM='yes': expected 0 or 1"),
        (
            ENV | {"GATEWAY_CONTEXTS": "0"},
            "GATEWAY_CONTEXTS='0': expected a number greater than or equal to 1",
        ),
        (
            ENV | {"GATEWAY_CONTEXTS": "2000"},
            "GATEWAY_CONTEXTS='2000': expected a number less than or equal to",
        ),
        (ENV | {"GATEWAY_CONTEXTS": "many"}, "GATEWAY_CONTEXTS='many': expected a whole number"),
        (ENV | {"GATEWAY_CONTEXTS": "1.5"}, "GATEWAY_CONTEXTS='1.5': expected a whole number"),
        (ENV | {"GATEWAY_ENDPOINT_ID": "ep"}, "GATEWAY_ENDPOINT_ID is not a setting of the gateway"),
        (ENV | {"RELAY_TOKEN": "x"}, "RELAY_TOKEN is not a setting of the gateway"),
        (ENV | {"RELAY_TOKENS": "short"}, "RELAY_TOKENS: expected tokens of 16"),
    ],
)
def test_a_wrong_setting_stops_the_gateway_with_one_line(env: dict[str, str], message: str) -> None:
    with pytest.raises(GatewayStartError) as refused:
        GatewaySettings.from_env(env)
    assert str(refused.value).startswith(message)
    assert "short" not in str(refused.value).replace("shorter", "")


@pytest.mark.parametrize(
    ("current", "tokens"),
    [({}, ("old-token-of-many-letters",)), ({"GATEWAY_TOKENS": "new-token-of-many"}, ("new-token-of-many",))],
)
def test_a_former_name_is_read_with_one_line_unless_the_present_one_is_set(
    current: dict[str, str], tokens: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    former = {"RELAY_TOKENS": "old-token-of-many-letters", "RELAY_CONTEXTS": "3"}
    settings = GatewaySettings.from_env(ENV | former | current)
    assert (settings.tokens, settings.contexts) == (tokens, 3)
    assert [record.getMessage() for record in caplog.records] == [
        f"RELAY_{name} is now GATEWAY_{name}; the old name is read for one version more"
        for name in ("CONTEXTS", "TOKENS")
    ]


def test_neither_tokens_nor_key_are_shown_by_the_settings() -> None:
    shown = repr(GatewaySettings.from_env(ENV | {"GATEWAY_TOKENS": "one-token-of-many-letters"}))
    assert "rpa_secret" not in shown
    assert "one-token" not in shown


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (UnknownVoice("there is no voice 'x'"), "unknown_voice", 400),
        (EngineFailed("it broke"), "engine_failed", 502),
        (AuthError("the endpoint refused the API key rpa_secret", 401), "endpoint_failed", 502),
        (ApiError("http://10.0.0.1/v2/ep did not answer"), "endpoint_failed", 502),
    ],
)
def test_an_endpoints_error_is_reported_without_keys_and_addresses(
    error: Any, code: str, status: int
) -> None:
    output = translated(error)
    assert (output.code, output.status) == (code, status)
    assert "rpa_" not in str(output)
    assert "10.0" not in str(output)


def test_the_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.count("errors", "too_large")
    metrics.time("first_audio", 0.3)
    text = metrics.text()
    assert 'gateway_errors_total{code="too_large"} 1\n' in text
    assert 'gateway_first_audio_seconds_bucket{le="0.2"} 0\n' in text
    assert 'gateway_first_audio_seconds_bucket{le="0.35"} 1\n' in text
    assert 'gateway_first_audio_seconds_bucket{le="+Inf"} 1\n' in text
    assert "gateway_characters_total 0\n" in text
    assert all(line.startswith("#") or len(line.split(" ")) == 2 for line in text.splitlines())
