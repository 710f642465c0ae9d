"""Calls of the gateway's routes: each is answered in its own shape, and what is refused costs nothing."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any

import httpx
from chatterpod import Chunk
from hypothesis import strategies as st

from gateway.app import create_app
from gateway.openai_body import SpeechBody
from gateway.queue_endpoint import QueueEndpoint
from gateway.settings import GatewaySettings
from tests.kits.gateway import KEY, TOKEN, MemoryQueue

__all__ = ["calls", "check_gateway_call"]

MANAGER = "a-token-that-may-change-voices"
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nanna\r\n'
    b'--x\r\nContent-Disposition: form-data; name="audio_sample"; filename="a.wav"\r\n\r\nRIFF\r\n--x--\r\n'
)
PATHS = [
    "/v1/audio/speech",
    "/v1/audio/speech",
    "/v1/speech",
    "/v1/audio/voices",
    "/v1/audio/voices/anna",
    "/v1/audio/voices/%2e%2e",
    "/v1/models",
    "/v1/models/a/../b",
    "/v1/models/%0d%0a",
    "/v1/audio/models",
    "/v1/speech/x.mp3",
    "/v1/speech/x",
    "/player/..%2f..%2fREADME.md",
    "/metrics",
    "/healthz",
    "/nothing",
]
HEADERS = st.fixed_dictionaries(
    {"Authorization": st.sampled_from([f"Bearer {TOKEN}"] * 3 + [f"Bearer {MANAGER}", "Bearer x", ""])},
    optional={
        "Content-Type": st.sampled_from(["application/json", "multipart/form-data; boundary=x", "x/y", ""]),
        "Origin": st.sampled_from(["null", "https://evil.example", "app://x"]),
        "Range": st.sampled_from(["bytes=0-", "bytes=9-1", "bytes=-", "lines=1"]),
    },
)
GOOD: dict[str, list[Any]] = {
    "input": ["Hello there.", "...", "", "a" * 10_001, "\ud800"],
    "text": ["Hello there.", "", 5],
    "voice": ["default", "anna", {"id": "anna"}, "../x", "alloy"],
    "language": ["en", "de-DE", "auto", "?!", "x" * 17],
    "lang_code": ["a", "zz", 5],
    "response_format": ["mp3", "PCM", "wav", "midi"],
    "stream_format": ["sse", "audio", "x"],
    "stream": [True, False, "true", 1],
    "speed": [0.25, 4, "1.0", 1e308, -1],
    "seed": [0, "7", 2**63, -1, 1.5],
    "bit_rate": [64, "64", 63],
    "pronounce": [{"a": "b"}, {"a": 1}, []],
}


def calls(json_values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return calls: a method, a path, a body and headers; half of the bodies are nearly right."""
    names = [*SpeechBody.model_fields, "text", "lang_code", "instructions", "format", "x\r\ny"]
    fields = {
        name: st.sampled_from(GOOD[name]) | json_values if name in GOOD else json_values for name in names
    }
    near = st.fixed_dictionaries({"input": fields.pop("input")}, optional=fields)
    bodies = (
        (near | json_values).map(lambda value: json.dumps(value).encode())
        | st.binary(max_size=60)
        | st.just(FORM)
        | st.integers(1, 2_000).map(lambda deep: b"[" * deep)
        | st.just(b"x" * 70_000)
    )
    methods = st.sampled_from(["POST", "POST", "POST", "GET", "DELETE", "PUT"])
    return st.tuples(methods, st.sampled_from(PATHS), bodies, HEADERS)


class CountingQueue(MemoryQueue):
    """Speaks a frame whatever it is given."""

    async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        yield Chunk(b"a" * 192, 0, 24, (), {"duration_ms": 24})

    async def operate(self, op: str, **fields: str) -> Mapping[str, Any]:
        self.operations.append(op)
        return {"op": op, "voices": ["default"], "name": fields.get("name"), "seconds": 9.0}


SETTINGS = GatewaySettings(
    tokens=(TOKEN,), voice_tokens=(MANAGER,), endpoint_id="ep", api_key=KEY, origins=("app://x",)
)


def check_gateway_call(given: tuple[str, str, bytes, dict[str, str]]) -> None:
    """Call a route: it answers; a refusal is an error in OpenAI's form and our words, and starts no job."""
    method, path, body, headers = given
    queue = CountingQueue()

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(SETTINGS, partial(QueueEndpoint, queue)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await asyncio.wait_for(client.request(method, path, content=body, headers=headers), 20)

    answer = asyncio.run(call())
    assert answer.status_code < 500, answer.text
    if answer.status_code < 400:
        return
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    assert error["message"].isprintable(), error
    assert not any(
        word in error["message"] for word in ("Input should", "constrained", "SpeechBody", "Value error")
    )
    assert (queue.jobs, queue.operations) == ({}, []), error
