"""Each interface of the gateway takes every field of the worker's input, or has a reason not to."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.messages import Speak
from gateway.openai_body import SpeechBody
from gateway.speech_urls import SpeechOptions
from tests.kits.gateway import connected, running_gateway
from worker.request import SpeechRequest

ROOT = Path(__file__).resolve().parents[2]
HANDLER = ROOT / "clients/supabase/functions/podcast_generate_audio/handler.ts"
DIALOGUE = "a gateway counts and cuts one text, and a dialogue has several"
CLIPS = "the operator decides whose voice may be cloned, and adds voices"
GATEWAY = {
    "turns": DIALOGUE,
    "voice_url": CLIPS,
    "stream": "the gateway always streams",
    "opening": "the gateway knows which job of a speech begins it",
    "last_pause_ms": "the gateway knows which pause follows a job within the speech",
}
OPENAI = {
    name: reason for name, reason in GATEWAY.items() if name != "stream"
} | {  # there it means the answer
    "text": "OpenAI's name is input",
    "format": "OpenAI's name is response_format",
}
FUNCTION = {
    "turns": DIALOGUE,
    "voice_url": CLIPS,
    "stream": "the text's length decides it",
    "format": "the function answers with audio/mpeg, and what it stores is an MP3",
}
GIVEN: dict[str, Any] = {
    "voice": "anna",
    "language": "en-GB",
    "speed": 1.5,
    "seed": 7,
    "cache": "off",
    "normalize_numbers": False,
    "pronounce": {"gulls": "guls"},
    "read": ["code"],
    "markup": "none",
    "bit_rate": 96,
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.1,
    "repetition_penalty": 1.3,
    "exaggeration": 0.6,
    "cfg_weight": 0.4,
}
TEXT = "The gulls had opinions."


@pytest.mark.parametrize(
    ("model", "excused"), [(Speak, GATEWAY), (SpeechOptions, GATEWAY), (SpeechBody, OPENAI)]
)
def test_the_gateway_takes_every_field_that_the_worker_takes(
    model: type[BaseModel], excused: dict[str, str]
) -> None:
    assert set(SpeechRequest.model_fields) - set(model.model_fields) == set(excused)
    for name in ("speed", "cache", "normalize_numbers", "bit_rate"):
        assert model.model_fields[name].default == SpeechRequest.model_fields[name].default


def test_the_edge_function_takes_every_field_that_the_worker_takes() -> None:
    listed = re.search(r"const FIELDS = \[(.*?)\]", HANDLER.read_text(encoding="utf-8"), re.DOTALL)
    assert listed is not None
    taken = {"text", *re.findall(r'"(\w+)"', listed[1])}
    assert set(SpeechRequest.model_fields) ^ taken == set(FUNCTION)


@pytest.mark.parametrize("page", ["gateway", "supabase"])
def test_the_page_of_a_gateway_names_the_fields_that_it_takes(page: str) -> None:
    named = set(re.findall(r"\w+", (ROOT / f"docs/how-to/{page}.md").read_text(encoding="utf-8")))
    assert set(SpeechRequest.model_fields) - set(GATEWAY) - named == set()


async def test_every_field_reaches_the_worker_by_every_interface() -> None:
    assert set(GIVEN) == set(SpeechRequest.model_fields) - set(GATEWAY) - {"text", "format"}
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="speak", text=TEXT, **GIVEN)
        await client.until("done")
        await gateway.http.post("/v1/audio/speech", json={"input": TEXT, **GIVEN})
        url = (await gateway.http.post("/v1/speech", json={"text": TEXT, **GIVEN})).json()["url"]
        await gateway.http.get(url)
        jobs = list(gateway.queue.jobs.values())
    assert jobs == [{"text": TEXT, "stream": True, **GIVEN}] * 3
