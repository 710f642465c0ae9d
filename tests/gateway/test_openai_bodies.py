"""OpenAI's route as other programs use it: their bodies, what they may send beside, and what comes back."""

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from chatterpod import Chunk, EngineFailed

from gateway.errors import GatewayStartError
from gateway.settings import GatewaySettings, NamedVoice
from tests.kits.gateway import KEY, TOKEN, MemoryQueue, audio_of, running_gateway
from tests.kits.openai_bodies import BODIES, TEXT

SPEECH = "/v1/audio/speech"
ENV = {"RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_API_KEY": KEY}
GERMAN = "Guten Morgen, der Zug nach Hamburg fährt um halb neun von Gleis drei."


def whole(text: str, audio_format: str = "mp3") -> bytes:
    return b"".join(audio for audio, _, _ in audio_of(text, audio_format))


@pytest.mark.parametrize("program", BODIES)
async def test_the_bodies_of_other_programs_are_spoken(program: str) -> None:
    body = BODIES[program]
    async with running_gateway() as gateway:
        answer = await gateway.http.post(SPEECH, json=body)
    assert answer.status_code == 200, answer.text
    kind = str(body.get("response_format") or "mp3").lower()
    if kind == "mp3":
        assert answer.content == whole(TEXT)
    else:
        assert answer.content.endswith(whole(TEXT, "pcm"))


@pytest.mark.parametrize(
    ("fields", "header", "value", "sent"),
    [
        ({"volume": 11, "user": "x"}, "x-gateway-ignored", "volume, user", {}),
        ({"instructions": "Warmly."}, "x-gateway-ignored", "instructions", {}),
        ({"a\r\nb: c": 1}, "x-gateway-ignored", "a??b??c", {}),
        ({"speed": 0.25}, "x-gateway-speed", "0.5", {"speed": 0.5}),
        ({"speed": "4.0"}, "x-gateway-speed", "2", {"speed": 2.0}),
        ({"speed": 1.5}, "x-gateway-speed", None, {"speed": 1.5}),
        ({"lang_code": "f"}, "x-gateway-ignored", None, {"language": "fr"}),
        ({"lang_code": "de-DE"}, "x-gateway-ignored", None, {"language": "de-DE"}),
        ({"lang_code": "f", "language": "it"}, "x-gateway-ignored", None, {"language": "it"}),
        ({"seed": 42.0, "exaggeration": "0.7"}, "x-gateway-ignored", None, {"seed": 42, "exaggeration": 0.7}),
        ({"voice": "Nova"}, "x-gateway-voice", "anna", {"voice": "anna", "language": "de"}),
        ({"voice": "Echo"}, "x-gateway-substituted", "voice", {}),
    ],
)
async def test_what_was_not_done_as_asked_is_in_a_header(
    fields: dict[str, Any], header: str, value: str | None, sent: dict[str, Any]
) -> None:
    async with running_gateway(voices={"nova": NamedVoice("anna", "de")}) as gateway:
        answer = await gateway.http.post(SPEECH, json={"input": TEXT, **fields})
        [job] = gateway.queue.jobs.values()
    assert (answer.status_code, answer.headers.get(header)) == (200, value)
    assert {name: value for name, value in job.items() if name not in {"text", "stream", "bit_rate"}} == sent


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ([], None, "the body is not a JSON object"),
        ({}, "input", "input is missing"),
        ({"input": 5}, "input", "input is a number, expected a string"),
        ({"input": TEXT, "voice": 5}, "voice", "voice is 5, expected a string"),
        ({"input": TEXT, "voice": []}, "voice", "voice is a list, expected a string"),
        ({"input": TEXT, "voice": {"name": "anna"}}, "voice", "voice is an object, expected a string"),
        ({"input": TEXT, "voice": "af_bella+af_sky"}, "voice", "voice has other characters than expected"),
        ({"input": TEXT, "speed": 9}, "speed", "speed is 9, expected 4.0 or less"),
        ({"input": TEXT, "speed": "fast"}, "speed", "speed is 'fast', expected a number"),
        ({"input": TEXT, "speed": 0.1}, "speed", "speed is 0.1, expected 0.25 or more"),
        ({"input": TEXT, "stream": 5}, "stream", "stream is a number, expected true or false"),
        ({"input": TEXT, "stream_format": "x"}, "stream_format", "stream_format is 'x', expected 'audio' or"),
        (
            {"input": TEXT, "response_format": "midi"},
            "response_format",
            "response_format is 'midi'",
        ),
        ({"input": TEXT, "bit_rate": 63}, "bit_rate", "bit_rate is 63, expected 32, 40"),
        ({"input": TEXT, "pronounce": {"a": 1}}, "pronounce", "pronounce.a is a number, expected a string"),
        ({"input": TEXT, "seed": -1}, "seed", "seed is a number, expected 0 or more"),
    ],
)
async def test_a_refusal_names_the_field_what_came_and_what_is_allowed(
    body: Any, param: str | None, message: str
) -> None:
    async with running_gateway() as gateway:
        answer = await gateway.http.post(SPEECH, json=body)
        assert gateway.queue.jobs == {}
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert error["message"].startswith(message)


@pytest.mark.parametrize("kind", ["mp3", "pcm", "wav"])
async def test_what_is_not_streamed_has_its_length_and_a_wav_its_sizes(kind: str) -> None:
    body = {"input": TEXT, "response_format": kind, "stream": False}
    async with running_gateway() as gateway:
        answer = await gateway.http.post(SPEECH, json=body)
    assert int(answer.headers["content-length"]) == len(answer.content)
    if kind == "wav":
        with wave.open(io.BytesIO(answer.content)) as file:
            assert file.readframes(file.getnframes()) == whole(TEXT, "pcm")
    else:
        assert answer.content == whole(TEXT, kind)


def events_of(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]


@pytest.mark.parametrize("kind", ["mp3", "pcm", "wav"])
async def test_events_fit_into_the_lines_that_clients_read(kind: str) -> None:
    text = " ".join([TEXT] * 9)
    body = {"input": text, "response_format": kind, "stream_format": "sse"}
    async with running_gateway() as gateway:
        answer = await gateway.http.post(SPEECH, json=body)
    assert max(map(len, answer.text.splitlines())) < 33_000
    *deltas, done = events_of(answer)
    audio = b"".join(base64.b64decode(event["audio"]) for event in deltas)
    assert done["type"] == "speech.audio.done"
    assert audio[:4] == b"RIFF" if kind == "wav" else audio == whole(text, kind)
    assert audio.endswith(whole(text, "mp3" if kind == "mp3" else "pcm"))


class WarningQueue(MemoryQueue):
    """Its jobs end with a warning, or with an error after their first chunk."""

    def __init__(self, *, fails: bool) -> None:
        super().__init__()
        self._fails = fails

    async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        yield Chunk(b"a" * 192, 0, 24, ())
        if self._fails:
            raise EngineFailed("it broke")
        yield Chunk(b"b" * 192, 24, 48, (), {"duration_ms": 48, "warnings": ["hardly Latin"]})


async def test_an_interrupted_speech_ends_its_events_with_an_error() -> None:
    async with running_gateway(WarningQueue(fails=True)) as gateway:
        answer = await gateway.http.post(SPEECH, json={"input": TEXT, "stream_format": "sse"})
        counted = (await gateway.http.get("/metrics")).text
    assert [event["type"] for event in events_of(answer)] == ["speech.audio.delta", "error"]
    assert events_of(answer)[-1]["error"]["code"] == "engine_failed"
    assert 'gateway_errors_total{code="engine_failed"} 1' in counted


async def test_the_workers_warnings_reach_the_client() -> None:
    async with running_gateway(WarningQueue(fails=False)) as gateway:
        events = await gateway.http.post(SPEECH, json={"input": TEXT, "stream_format": "sse"})
        file = await gateway.http.post(SPEECH, json={"input": TEXT, "stream": False})
        foreign = await gateway.http.post(SPEECH, json={"input": "Доброе утро всем."})
        own = await gateway.http.post(SPEECH, json={"input": "Доброе утро всем.", "language": "ru-RU"})
    assert events_of(events)[-1]["warnings"] == ["hardly Latin"]
    assert file.headers["x-gateway-warnings"] == "hardly Latin"
    assert "hardly in Latin script" in foreign.headers["x-gateway-warnings"]
    assert "x-gateway-warnings" not in own.headers


@pytest.mark.parametrize(
    ("settings", "fields", "text", "language"),
    [
        ({}, {}, GERMAN, "en"),
        ({"language": "de"}, {}, GERMAN, "de"),
        ({"language": "de"}, {"language": "en"}, GERMAN, "en"),
        ({"language": "fr"}, {"voice": "nova"}, GERMAN, "de"),
        ({"language": "auto"}, {}, GERMAN, "de"),
        ({"language": "auto"}, {}, TEXT, "en"),
        ({"language": "auto"}, {}, "Il a 21 chevaux et 3,5 kg", "fr"),
        ({"language": "auto"}, {}, "No.", "en"),
        ({"language": "auto:fr,en"}, {}, "No.", "fr"),
        ({"language": "auto"}, {"voice": "nova"}, TEXT, "de"),
    ],
)
async def test_the_language_is_the_requests_the_voices_or_the_gateways(
    settings: dict[str, Any], fields: dict[str, Any], text: str, language: str
) -> None:
    async with running_gateway(voices={"nova": NamedVoice("anna", "de")}, **settings) as gateway:
        await gateway.http.post(SPEECH, json={"input": text, **fields})
        url = (await gateway.http.post("/v1/speech", json={"text": text, **fields})).json()["url"]
        await gateway.http.get(url)
        languages = [job.get("language", "en") for job in gateway.queue.jobs.values()]
    assert languages == [language] * 2


async def test_a_gateway_that_does_not_guess_refuses_auto() -> None:
    async with running_gateway() as gateway:
        answer = await gateway.http.post(SPEECH, json={"input": TEXT, "language": "auto"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_language")


async def test_models_are_listed_by_each_address_that_clients_ask() -> None:
    async with running_gateway() as gateway:
        lists = [(await gateway.http.get(path)).json() for path in ("/v1/models", "/v1/audio/models")]
        one = (await gateway.http.get("/v1/models/tts-1")).json()
        odd = await gateway.http.get("/v1/models/%00")
    assert [[model["id"] for model in found["data"]] for found in lists] == [["chatterpod"]] * 2
    assert lists[0]["models"] == lists[0]["data"]
    assert (one["id"], one["object"]) == ("tts-1", "model")
    assert odd.status_code == 404


async def test_open_lists_show_strangers_what_is_known_and_start_no_worker() -> None:
    async with (
        running_gateway(open_lists=True) as gateway,
        httpx.AsyncClient(base_url=gateway.url) as stranger,
    ):
        before = (await stranger.get("/v1/audio/voices")).json()["voices"]
        assert gateway.queue.operations == []
        await gateway.http.get("/v1/audio/voices")
        after = (await stranger.get("/v1/audio/voices")).json()["voices"]
        assert gateway.queue.operations == ["voices"]
        assert (await stranger.get("/v1/models")).status_code == 200
        assert (await stranger.post(SPEECH, json={"input": TEXT})).status_code == 401
    assert [[voice["id"] for voice in listed] for listed in (before, after)] == [
        ["default"],
        ["default", "anna"],
    ]


STAINLESS = "authorization,content-type,x-stainless-lang,x-stainless-os,openai-organization"


@pytest.mark.parametrize(
    "origin", ["https://good.example", "app://obsidian.md", "chrome-extension://abc", "null"]
)
async def test_a_listed_page_may_send_any_header(origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with running_gateway(origins=(origin,)) as gateway:
        preflight = await gateway.http.options(
            SPEECH, headers={**asked, "Access-Control-Request-Headers": STAINLESS}
        )
        answer = await gateway.http.post(SPEECH, json={"input": TEXT, "x": 1}, headers={"Origin": origin})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-headers"] == STAINLESS
    assert answer.headers["access-control-allow-origin"] == origin
    assert "X-Gateway-Ignored" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://*.example.com",
        "https://example.com/",
        "https://Example.com",
        "https://example.com:443",
        "http://example.com:80",
        "example.com",
        "https://",
    ],
)
def test_an_origin_that_no_browser_sends_stops_the_gateway(origin: str) -> None:
    with pytest.raises(GatewayStartError, match="GATEWAY_ORIGINS"):
        GatewaySettings.from_env(ENV | {"GATEWAY_ORIGINS": origin})


async def raw(url: str, request: str) -> tuple[bytes, bytes]:
    """Send a request and read until the server closes; return the head and the body."""
    reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"))
    writer.write(request.encode())
    await writer.drain()
    async with asyncio.timeout(10):
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    writer.close()
    return head, body


@pytest.mark.parametrize("kind", ["mp3", "pcm", "wav"])
async def test_http_1_0_gets_the_audio_alone_until_the_close(kind: str) -> None:
    body = json.dumps({"input": TEXT, "response_format": kind})
    head = f"POST {SPEECH} HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with running_gateway() as gateway:
        answer, audio = await raw(gateway.url, head + body)
        url = (await gateway.http.post("/v1/speech", json={"text": TEXT})).json()["url"]
        _, grown = await raw(gateway.url, f"GET {url} HTTP/1.0\r\n\r\n")
        _, listed = await raw(
            gateway.url, f"GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        )
    assert b"chunked" not in answer
    assert audio[44 if kind == "wav" else 0 :] == whole(TEXT, "mp3" if kind == "mp3" else "pcm")
    assert grown == whole(TEXT)
    assert json.loads(listed)["object"] == "list"
