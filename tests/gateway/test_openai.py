"""OpenAI's API: with OpenAI's package, with pipecat's request, and every refusal."""

import asyncio
import base64
import io
import json
import wave
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI

from gateway.settings import NamedVoice
from tests.kits.gateway import TOKEN, audio_of, running_gateway

TEXT = "The harbour was quiet that morning, and only the gulls had opinions."


def whole(text: str, audio_format: str = "mp3") -> bytes:
    return b"".join(audio for audio, _, _ in audio_of(text, audio_format))


async def test_the_openai_package_gets_its_audio_unmodified() -> None:
    async with (
        running_gateway() as gateway,
        AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=TOKEN) as client,
    ):
        answer = await client.audio.speech.create(model="tts-1", voice="nova", input=TEXT)
        models = await client.models.list()
    assert answer.content == whole(TEXT)
    assert [model.id for model in models.data] == ["chatterpod"]


async def test_the_synchronous_openai_package_streams_too() -> None:
    def speak(url: str) -> bytes:
        with (
            OpenAI(base_url=f"{url}/v1", api_key=TOKEN) as client,
            client.audio.speech.with_streaming_response.create(
                model="gpt-4o-mini-tts", voice="marin", input=TEXT, response_format="wav"
            ) as answer,
        ):
            return b"".join(answer.iter_bytes())

    async with running_gateway() as gateway:
        content = await asyncio.to_thread(speak, gateway.url)
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
    assert content[44:] == whole(TEXT, "pcm")


async def test_pipecats_request_gets_raw_samples() -> None:
    """As OpenAITTSService.run_tts sends it: pipecat-ai/pipecat, src/pipecat/services/openai/tts.py."""
    request: dict[str, Any] = {
        "input": TEXT,
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "response_format": "pcm",
    }
    async with (
        running_gateway() as gateway,
        AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=TOKEN) as client,
    ):
        async with client.audio.speech.with_streaming_response.create(**request) as answer:
            assert answer.status_code == 200
            got = [chunk async for chunk in answer.iter_bytes(24_000)]
            assert answer.headers["x-gateway-substituted"] == "voice"
        async with client.audio.speech.with_streaming_response.create(
            **request, instructions="Warmly.", speed=1.1
        ) as answer:
            assert answer.headers["x-gateway-ignored"] == "instructions"
    assert b"".join(got) == whole(TEXT, "pcm")


async def test_events_carry_the_same_audio_and_its_usage() -> None:
    async with running_gateway() as gateway:
        answer = await gateway.http.post("/v1/audio/speech", json={"input": TEXT, "stream_format": "sse"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    *deltas, done = events
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == whole(TEXT)
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + done["usage"]["output_tokens"] > 0


async def test_a_text_longer_than_one_pcm_job_is_spoken_by_several() -> None:
    text = " ".join([TEXT] * 40)
    async with running_gateway() as gateway:
        answer = await gateway.http.post("/v1/audio/speech", json={"input": text, "response_format": "pcm"})
        jobs = [job["text"] for job in gateway.queue.jobs.values()]
    assert len(jobs) == 3
    assert len(answer.content) == sum(len(whole(job, "pcm")) for job in jobs)


async def test_voices_are_those_of_the_worker_and_the_gateways_own_names() -> None:
    async with running_gateway(voices={"alloy": NamedVoice("anna")}) as gateway:
        listed = (await gateway.http.get("/v1/audio/voices")).json()["voices"]
        await gateway.http.post("/v1/audio/speech", json={"input": TEXT, "voice": "alloy"})
        await gateway.http.post("/v1/audio/speech", json={"input": TEXT, "voice": {"id": "anna"}})
        spoken = [job.get("voice") for job in gateway.queue.jobs.values()]
    assert [voice["id"] for voice in listed] == ["default", "anna", "alloy"]
    assert spoken == ["anna", "anna"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"input": TEXT, "voice": "ghost"}, 400, "unknown_voice"),
        ({"input": TEXT, "voice": "not a name"}, 400, "unknown_voice"),
        ({"input": TEXT, "response_format": "opus"}, 400, "unsupported_format"),
        ({"input": TEXT, "speed": 4.5}, 400, "invalid_input"),
        ({"input": 5}, 400, "invalid_input"),
        ({"input": TEXT, "language": "?!"}, 400, "unsupported_language"),
        ({}, 400, "invalid_input"),
        ({"input": " - "}, 400, "invalid_input"),
        ({"input": "a " * 6_000}, 413, "too_large"),
        ({"input": "a" * 70_000}, 413, "too_large"),
        ({"input": "explode"}, 502, "endpoint_failed"),
        ([], 400, "invalid_input"),
    ],
)
async def test_a_wrong_request_is_answered_in_openais_format_with_the_gateways_code(
    body: Any, status: int, code: str
) -> None:
    async with running_gateway() as gateway:
        answer = await gateway.http.post("/v1/audio/speech", json=body)
        after = await gateway.http.post("/v1/audio/speech", json={"input": TEXT})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "secret" not in answer.text
    assert after.status_code == 200


async def test_the_openai_package_understands_the_refusal() -> None:
    async with (
        running_gateway() as gateway,
        AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=TOKEN) as client,
    ):
        with pytest.raises(BadRequestError) as refused:
            await client.audio.speech.create(model="tts-1", voice="ghost", input=TEXT)
    assert refused.value.code == "unknown_voice"


async def test_limits_answer_429_with_the_time_to_wait() -> None:
    async with running_gateway(characters_a_day=100) as gateway:
        for _ in range(2):
            answer = await gateway.http.post("/v1/audio/speech", json={"input": TEXT})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) > 0


async def test_the_jobs_of_a_listener_who_leaves_are_cancelled() -> None:
    async with running_gateway() as gateway:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 1
        body = {"input": " ".join([TEXT] * 20)}
        async with gateway.http.stream("POST", "/v1/audio/speech", json=body) as answer:
            await anext(answer.aiter_raw())
        async with asyncio.timeout(10):
            while gateway.queue.cancelled != ["job-0"]:
                await asyncio.sleep(0.01)


async def test_only_pages_of_listed_origins_may_use_it() -> None:
    async with running_gateway(origins=("https://good.example",)) as gateway:
        good, evil = [
            await gateway.http.post("/v1/audio/speech", json={"input": TEXT}, headers={"Origin": origin})
            for origin in ("https://good.example", "https://evil.example")
        ]
    assert good.headers["access-control-allow-origin"] == "https://good.example"
    assert (evil.status_code, evil.json()["error"]["code"]) == (403, "origin_refused")
    assert "access-control-allow-origin" not in evil.headers


async def test_health_and_the_page_are_open_and_metrics_are_not() -> None:
    async with running_gateway() as gateway, httpx.AsyncClient(base_url=gateway.url) as stranger:
        page = await stranger.get("/")
        assert (page.status_code, "/v1/audio/speech" in page.text) == (200, True)
        assert (await stranger.get("/healthz")).json() == {"status": "ok"}
        assert (await stranger.get("/metrics")).status_code == 401
        assert (await stranger.get("/v1/nothing")).json()["error"]["code"] == "not_found"
        await gateway.http.post("/v1/audio/speech", json={"input": TEXT})
        assert 'gateway_requests_total{kind="speech"} 1' in (await gateway.http.get("/metrics")).text
