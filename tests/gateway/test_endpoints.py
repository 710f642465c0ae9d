"""What a gateway does before any endpoint: a queue, a worker in its process, a direct worker elsewhere."""

import asyncio
import io
import json
import wave
from pathlib import Path

import pytest

from tests.kits.clips import wav
from tests.kits.endpoints import KINDS, running
from tests.kits.gateway import TOKEN, SocketClient, connected

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)
pytestmark = pytest.mark.parametrize("kind", KINDS)


def letters(text: str) -> str:
    return "".join(text.split())


def heard_by(client: SocketClient, context_id: str = "main") -> str:
    return letters("".join(caption["text"] for caption in client.captions(context_id)))


async def test_a_whole_text_comes_back_with_captions_that_point_into_it(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        await client.send(type="speak", text=PROSE)
        done = await client.until("done")
    captions = client.captions()
    assert done["bytes"] == len(client.audio["main"]) > 10_000
    assert done["characters"] == len(PROSE)
    assert [PROSE[c["char_start"] : c["char_end"]] for c in captions] == [c["text"] for c in captions]
    assert heard_by(client) == letters(PROSE)
    assert captions[-1]["end_ms"] <= done["duration_ms"]


@pytest.mark.parametrize("size", [3, 50])
async def test_text_in_parts_is_spoken_while_it_is_written(kind: str, size: int, tmp_path: Path) -> None:
    text = PROSE * 3
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        for at in range(0, len(text), size):
            await client.send(type="text", text=text[at : at + size])
        await client.until("audio")
        await client.send(type="close")
        done = await client.until("done")
    assert heard_by(client) == letters(text)
    times = [c["start_ms"] for c in client.captions()]
    assert times == sorted(times)
    assert done["bytes"] == len(client.audio["main"])


async def test_what_is_flushed_is_spoken_and_more_may_follow(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        await client.send(type="start", format="pcm")
        await client.send(type="text", text="Half a")
        await client.send(type="flush")
        first = await client.until("audio")
        await client.send(type="text", text=" loaf is better.")
        await client.send(type="flush")
        await client.send(type="flush")
        await client.until("audio")
        await client.send(type="text", text="\n")
        await client.send(type="close")
        done = await client.until("done")
    assert first["captions"][0]["text"] == "Half a"
    assert [caption["text"] for caption in client.captions()] == ["Half a", "loaf is better."]
    assert done["duration_ms"] == len(client.audio["main"]) // 48


async def test_a_sentence_that_is_over_is_spoken_when_no_text_comes(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        await client.send(type="text", text="That was all I had to say.")
        assert (await client.until("audio"))["captions"][0]["text"] == "That was all I had to say."
        await client.send(type="text", text=" Or was it?")
        await client.send(type="close")
        await client.until("done")
    assert [caption["text"] for caption in client.captions()] == ["That was all I had to say.", "Or was it?"]


async def test_barge_in_returns_the_text_heard_and_the_next_text_is_spoken(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        await client.send(type="speak", text=PROSE * 5, context_id="a")
        first = (await client.until("audio"))["captions"][0]
        await client.send(type="cancel", context_id="a", played_ms=first["end_ms"])
        heard = (await client.until("cancelled"))["heard"]
        await client.send(type="speak", text="What next?", context_id="b")
        await client.until("done", "b")
        await client.send(type="text", text="late", context_id="a")
        assert (await client.until("error"))["code"] == "context_ended"
    assert heard == {"char_end": first["char_end"], "text": PROSE[: first["char_end"]]}
    assert heard_by(client, "b") == "Whatnext?"


async def test_two_contexts_are_spoken_at_once(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        await client.send(type="speak", text=PROSE, context_id="a")
        await client.send(type="speak", text="Short.", context_id="b")
        ended = {(await client.until("done"))["context_id"] for _ in range(2)}
    assert ended == {"a", "b"}
    assert heard_by(client, "a") == letters(PROSE)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "speak", "text": "a", "voice": "ghost"}, "unknown_voice"),
        ({"type": "speak", "text": " ... "}, "invalid_input"),
        ({"type": "speak", "text": "a " * 6_000}, "too_large"),
        ({"type": "start", "language": "?!"}, "unsupported_language"),
    ],
)
async def test_a_wrong_message_is_answered_with_its_code_and_the_connection_stays_open(
    kind: str, message: dict[str, str], code: str, tmp_path: Path
) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        await client.socket.send(json.dumps(message))
        error = await client.until("error")
        await client.send(type="speak", text="Still here.", context_id="next")
        await client.until("done", "next")
    assert error["code"] == code


async def test_a_context_without_a_word_is_done_without_audio(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        await client.send(type="text", text=" \n ")
        await client.send(type="close")
        done = await client.until("done")
    assert (done["bytes"], done["duration_ms"], done["jobs"]) == (0, 0, 0)


@pytest.mark.parametrize(("given", "begins"), [({}, b"\xff"), ({"response_format": "wav"}, b"RIFF")])
async def test_openais_route_streams_and_answers_whole(
    kind: str, given: dict[str, str], begins: bytes, tmp_path: Path
) -> None:
    async with running(kind, tmp_path) as gateway:
        streamed = await gateway.http.post("/v1/audio/speech", json={"input": PROSE, **given})
        whole = await gateway.http.post("/v1/audio/speech", json={"input": PROSE, "stream": False, **given})
    assert (streamed.status_code, whole.status_code) == (200, 200)
    if begins == b"RIFF":
        with wave.open(io.BytesIO(whole.content)) as file:
            assert file.readframes(10**8) == streamed.content[44:]
    else:
        assert streamed.content == whole.content != b""


async def test_openais_route_refuses_a_voice_that_does_not_exist(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway:
        answer = await gateway.http.post("/v1/audio/speech", json={"input": "Hello.", "voice": "ghost"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_voice")


async def test_a_speech_at_its_own_url_is_read_from_any_byte(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway:
        url = (await gateway.http.post("/v1/speech", json={"text": PROSE})).json()["url"]
        whole = (await gateway.http.get(url)).content
        half = await gateway.http.get(url, headers={"Range": f"bytes={len(whole) // 2}-"})
        state = (await gateway.http.get(url.removesuffix(".mp3"))).json()
    assert half.status_code == 206
    assert half.content == whole[len(whole) // 2 :]
    assert (state["state"], state["bytes"]) == ("done", len(whole))


async def test_voices_are_listed(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway:
        voices = (await gateway.http.get("/v1/audio/voices")).json()["data"]
    assert "default" in [voice["name"] for voice in voices]


async def test_a_client_that_leaves_ends_its_speech(kind: str, tmp_path: Path) -> None:
    async with running(kind, tmp_path) as gateway:
        async with connected(gateway) as client:
            await client.send(type="speak", text=PROSE * 9)
            await client.until("audio")
        async with connected(gateway) as other:
            await other.send(type="speak", text="Still here.")
            await other.until("done")
        async with asyncio.timeout(10):
            while gateway.gateway.metrics.connections:
                await asyncio.sleep(0.01)


async def test_a_server_that_ends_refuses_new_speech_and_completes_what_is_spoken(
    kind: str, tmp_path: Path
) -> None:
    async with running(kind, tmp_path) as gateway, connected(gateway) as client:
        assert (await gateway.http.get("/ping")).status_code == 200
        await client.send(type="speak", text=PROSE * 3)
        await client.until("audio")
        gateway.gateway.drain()
        refused = await gateway.http.post("/v1/audio/speech", json={"input": "Hello."})
        health = (await gateway.http.get("/ping")).status_code
        await client.until("done")
        await client.socket.wait_closed()
    assert (refused.status_code, refused.json()["error"]["code"], health) == (503, "shutting_down", 503)
    assert heard_by(client) == letters(PROSE * 3)
    assert client.socket.close_code == 1012


async def test_a_voice_is_added_and_removed(kind: str, tmp_path: Path) -> None:
    if kind == "queue":
        pytest.skip("the queue's stand-in learns no voices: tests/gateway/test_voices.py has its own")
    async with running(kind, tmp_path, voice_tokens=(TOKEN,)) as gateway:
        files = {"audio_sample": wav()}
        added = await gateway.http.post("/v1/audio/voices", data={"name": "anna"}, files=files)
        spoken = await gateway.http.post("/v1/audio/speech", json={"input": "Hello.", "voice": "anna"})
        removed = await gateway.http.delete("/v1/audio/voices/anna")
        gone = await gateway.http.delete("/v1/audio/voices/anna")
    assert (added.status_code, spoken.status_code, removed.status_code) == (201, 200, 200)
    assert gone.status_code == 400
