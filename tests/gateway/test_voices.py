"""Voices over HTTP: a clip makes one, by tokens that may, and the list knows it at once."""

from collections.abc import Mapping
from typing import Any

import pytest
from chatterpod import VoiceUnusable

from tests.kits.gateway import TOKEN, MemoryQueue, RunningGateway, running_gateway

VOICES = "/v1/audio/voices"
MANAGER = "a-token-that-may-change-voices"
CLIP = b"RIFF....WAVE of ten seconds"


class VoiceQueue(MemoryQueue):
    """Keeps the voices that its jobs add."""

    def __init__(self) -> None:
        super().__init__()
        self.names = ["default"]
        self.fields: list[Mapping[str, str]] = []

    async def operate(self, op: str, **fields: str) -> Mapping[str, Any]:
        await super().operate(op)
        self.fields.append(fields)
        name = fields.get("name", "")
        if op == "voice_add":
            if "anna" not in name:
                raise VoiceUnusable("the clip has 0.5 s of speech, expected 5 or more")
            self.names.append(name)
            return {"name": name, "seconds": 10.0, "replaced": False}
        if op == "voice_remove":
            self.names.remove(name)
        return {"op": op, "voices": list(self.names)}


def gateway_with_managers(queue: MemoryQueue) -> Any:
    return running_gateway(queue, voice_tokens=(MANAGER,))


async def ids(gateway: RunningGateway) -> list[str]:
    return [voice["id"] for voice in (await gateway.http.get(VOICES)).json()["data"]]


async def test_a_clip_makes_a_voice_that_is_listed_and_can_be_removed() -> None:
    queue = VoiceQueue()
    headers = {"Authorization": f"Bearer {MANAGER}"}
    async with gateway_with_managers(queue) as gateway:
        assert await ids(gateway) == ["default"]
        files = {"audio_sample": ("anna.wav", CLIP, "audio/wav")}
        added = await gateway.http.post(VOICES, data={"name": "anna"}, files=files, headers=headers)
        assert await ids(gateway) == ["default", "anna"]
        spoken = await gateway.http.post(
            "/v1/audio/speech", json={"input": "Hello there.", "voice": "anna"}, headers=headers
        )
        removed = await gateway.http.delete(f"{VOICES}/anna", headers=headers)
        assert await ids(gateway) == ["default"]
    assert (added.status_code, added.json()["id"], added.json()["seconds"]) == (201, "anna", 10.0)
    assert (removed.status_code, removed.json()["deleted"], spoken.status_code) == (200, True, 200)
    assert queue.fields[1] == {"name": "anna", "clip_base64": "UklGRi4uLi5XQVZFIG9mIHRlbiBzZWNvbmRz"}


@pytest.mark.parametrize(
    ("token", "name", "files", "status", "code"),
    [
        ("no-token", "anna", {"file": CLIP}, 401, "unauthorized"),
        (TOKEN, "anna", {"file": CLIP}, 403, "forbidden"),
        (MANAGER, "../anna", {"file": CLIP}, 400, "invalid_input"),
        (MANAGER, "", {"file": CLIP}, 400, "invalid_input"),
        (MANAGER, "anna", {"other": CLIP}, 400, "invalid_input"),
        (MANAGER, "anna", {}, 400, "invalid_input"),
        (MANAGER, "anna", {"file": b""}, 400, "invalid_input"),
        (MANAGER, "anna", {"file": bytes(7_000_001)}, 413, "too_large"),
        (MANAGER, "anna", {"file": bytes(8_000_000)}, 413, "too_large"),
        (MANAGER, "bert", {"file": CLIP}, 400, "voice_unusable"),
    ],
)
async def test_what_is_not_a_voice_or_not_allowed_is_refused(
    token: str, name: str, files: dict[str, bytes], status: int, code: str
) -> None:
    queue = VoiceQueue()
    sent = {field: ("clip.wav", data, "audio/wav") for field, data in files.items()}
    async with gateway_with_managers(queue) as gateway:
        answer = await gateway.http.post(
            VOICES, data={"name": name}, files=sent, headers={"Authorization": f"Bearer {token}"}
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert queue.operations == (["voice_add"] if code == "voice_unusable" else [])


@pytest.mark.parametrize("body", [b"", b"--x", b"--x\r\n\r\n\r\n--x--", b"\x00" * 100])
@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=x"]
)
async def test_a_body_that_is_not_a_form_is_refused(kind: str, body: bytes) -> None:
    queue = VoiceQueue()
    headers = {"Authorization": f"Bearer {MANAGER}", "Content-Type": kind}
    async with gateway_with_managers(queue) as gateway:
        answer = await gateway.http.post(VOICES, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")
    assert queue.operations == []


async def test_only_tokens_that_may_remove_a_voice() -> None:
    queue = VoiceQueue()
    async with gateway_with_managers(queue) as gateway:
        answer = await gateway.http.delete(f"{VOICES}/anna")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert queue.operations == []
