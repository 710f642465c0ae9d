"""The WebSocket: a client's messages, and all that it can get back."""

import asyncio
import json
import logging
from collections.abc import Sized

import pytest
from websockets.exceptions import ConnectionClosed

from tests.kits.gateway import KEY, TOKEN, SocketClient, audio_of, connected, running_gateway
from tests.kits.timing import MS

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)


def whole(text: str, audio_format: str = "mp3") -> bytes:
    return b"".join(audio for audio, _, _ in audio_of(text, audio_format))


async def test_a_whole_text_comes_back_byte_for_byte_with_captions_before_their_audio() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="speak", text=PROSE)
        done = await client.until("done")
    assert client.audio["main"] == whole(PROSE.strip())
    assert done["bytes"] == len(client.audio["main"])
    captions = client.captions()
    assert [PROSE[c["char_start"] : c["char_end"]] for c in captions] == [c["text"] for c in captions]
    assert "".join(c["text"] for c in captions).replace(" ", "") == PROSE.replace(" ", "")
    assert [c["start_ms"] for c in captions] == sorted(c["start_ms"] for c in captions)


async def test_text_in_parts_is_spoken_while_it_is_written() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="start", voice="anna")
        text = PROSE * 5
        for at in range(0, len(text), 7):
            await client.send(type="text", text=text[at : at + 7])
        await client.until("audio")
        await client.send(type="close")
        done = await client.until("done")
        jobs = list(gateway.queue.jobs.values())
    assert done["jobs"] == len(jobs) > 1
    assert {job["voice"] for job in jobs} == {"anna"}
    assert "".join(c["text"] for c in client.captions()).replace(" ", "") == text.replace(" ", "")


async def test_the_next_job_is_submitted_before_the_last_has_ended() -> None:
    async with running_gateway(max_characters=20_000) as gateway, connected(gateway) as client:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 1
        await client.send(type="speak", text=PROSE * 30)
        await client.until("audio")
        assert len(gateway.queue.jobs) == 2
        gateway.queue.gate.set()
        await client.until("done")


async def test_the_last_sentence_is_spoken_when_no_text_comes_and_more_may_follow() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="text", text="That was all I had to say.")
        assert (await client.until("audio"))["captions"][0]["text"] == "That was all I had to say."
        await client.send(type="text", text=" Or was it?")
        await client.send(type="close")
        await client.until("done")
    assert [caption["text"] for caption in client.captions()] == ["That was all I had to say.", "Or was it?"]


async def test_flush_speaks_the_text_so_far_as_pcm_if_asked() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="start", format="pcm")
        await client.send(type="text", text="Half a")
        await client.send(type="flush")
        await client.until("audio")
    assert client.audio["main"] == whole("Half a", "pcm")


async def test_barge_in_returns_the_text_heard_stops_the_audio_and_cancels_all_jobs() -> None:
    async with running_gateway(max_characters=20_000) as gateway, connected(gateway) as client:
        gateway.queue.gate.clear()
        gateway.queue.hold_after = 2
        await client.send(type="speak", text=PROSE * 30, context_id="a")
        first = (await client.until("audio"))["captions"][0]
        await client.send(type="cancel", context_id="a", played_ms=first["end_ms"])
        cancelled = await client.until("cancelled")
        gateway.queue.gate.set()
        await client.send(type="speak", text="What next?", context_id="b")
        before = len(client.audio["a"])
        await client.until("done", "b")
        assert sorted(gateway.queue.cancelled) == ["job-0", "job-1"]
    assert cancelled["heard"] == {"char_end": first["char_end"], "text": PROSE[: first["char_end"]]}
    assert len(client.audio["a"]) == before
    assert client.audio["b"] == whole("What next?")


async def test_a_context_that_was_sent_whole_can_still_be_interrupted() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="speak", text="One two three four.")
        await client.until("done")
        await client.send(type="cancel", played_ms=500)
        assert (await client.until("cancelled"))["heard"]["text"] == "One two"
        await client.send(type="text", text="late")
        assert (await client.until("error"))["code"] == "context_ended"
        await client.send(type="speak", text="Anew.")
        await client.until("done")


async def test_a_job_that_another_worker_may_speak_is_submitted_again() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        gateway.queue.failures_left = 2
        await client.send(type="speak", text="Hello.")
        await client.until("done")
        gateway.queue.failures_left = 3
        await client.send(type="speak", text="Hello.")
        error = await client.until("error")
    assert client.audio["main"] == whole("Hello.")
    assert (error["code"], error["message"]) == ("engine_failed", "it broke")


async def test_two_contexts_are_spoken_at_once() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="speak", text=PROSE, context_id="a")
        await client.send(type="speak", text="Short.", context_id="b")
        ended = {(await client.until("done"))["context_id"] for _ in range(2)}
    assert ended == {"a", "b"}
    assert client.audio == {"a": whole(PROSE.strip()), "b": whole("Short.")}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("no json", "bad_message"),
        (b"\x00\x01", "bad_message"),
        ('{"type": "sing"}', "bad_message"),
        (json.dumps({"type": "text", "text": "a" * 70_000}), "too_large"),
        (json.dumps({"type": "speak", "text": "a " * 6_000}), "too_large"),
        ('{"type": "speak", "text": "a", "voice": "ghost"}', "unknown_voice"),
        ('{"type": "speak", "text": "explode"}', "endpoint_failed"),
        ('{"type": "close", "context_id": "x"}', "not_found"),
        ('{"type": "cancel", "played_ms": 1}', "not_found"),
        ('{"type": "text", "text": "\\ud800"}', "invalid_input"),
        ('{"type": "start", "language": "?!"}', "unsupported_language"),
        ('{"type": "speak", "text": "a", "seed": -1}', "invalid_input"),
        ('{"type": "speak", "text": ""}', "invalid_input"),
        ('{"type": "speak", "text": " ... "}', "invalid_input"),
    ],
)
async def test_a_wrong_message_is_answered_with_its_code_and_the_connection_stays_open(
    frame: str | bytes, code: str
) -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.socket.send(frame)
        error = await client.until("error")
        await client.send(type="speak", text="Still here.", context_id="next")
        await client.until("done", "next")
    assert error["code"] == code
    assert "secret" not in json.dumps(error)


async def test_a_frame_over_the_limit_closes_its_connection_and_no_other() -> None:
    async with running_gateway() as gateway, connected(gateway) as other:
        async with connected(gateway) as client:
            await client.socket.send("x" * 200_000)
            with pytest.raises(ConnectionClosed) as closed:
                await client.socket.recv()
        await other.send(type="speak", text="Still here.")
        await other.until("done")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_client_that_sends_only_wrong_messages_is_disconnected() -> None:
    async with running_gateway() as gateway, connected(gateway) as client:
        for _ in range(50):
            await client.socket.send("?")
        with pytest.raises(ConnectionClosed):
            await client.until("never")


@pytest.mark.parametrize("token", [None, "wrong-token-wrong-token"])
async def test_without_the_token_there_is_no_speech(token: str | None) -> None:
    async with running_gateway() as gateway, gateway.connect(token) as socket:
        client = SocketClient(socket)
        if token is None:
            await client.send(type="speak", text="Hello.")
        error = await client.next()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert gateway.queue.jobs == {}
    assert error["code"] == "unauthorized"
    assert TOKEN not in json.dumps(error)


async def test_a_page_sends_its_token_in_the_first_message() -> None:
    async with running_gateway() as gateway, gateway.connect(None) as socket:
        client = SocketClient(socket)
        await client.send(type="auth", token=TOKEN)
        await client.until("ready")


@pytest.mark.parametrize(
    ("origin", "kind"), [("https://evil.example", "error"), ("https://good.example", "ready")]
)
async def test_only_pages_on_the_list_may_connect(origin: str, kind: str) -> None:
    async with (
        running_gateway(origins=("https://good.example",)) as gateway,
        gateway.connect(additional_headers={"Authorization": f"Bearer {TOKEN}"}, origin=origin) as socket,
    ):
        assert (await SocketClient(socket).next())["type"] == kind


async def test_connections_contexts_requests_and_characters_are_limited() -> None:
    limits = {"connections_a_token": 1, "contexts": 1, "requests_a_minute": 2, "characters_a_day": 40}
    async with running_gateway(**limits) as gateway, connected(gateway) as client:
        gateway.queue.gate.clear()
        async with gateway.connect() as second:
            refused = await SocketClient(second).next()
        await client.send(type="speak", text="wait for it")
        await client.send(type="start", context_id="b")
        crowded = await client.until("error")
        await client.send(type="cancel", played_ms=0)
        await client.until("cancelled")
        await client.send(type="speak", text="wait " * 7)
        spent = await client.until("error")
        await client.send(type="speak", text="again")
        hurried = await client.until("error")
    for error in (refused, crowded, spent, hurried):
        assert error["code"] == "rate_limited"
        assert error["retry_after_s"] >= 1


@pytest.mark.timing
async def test_an_idle_connection_gets_heartbeats_and_a_ping_is_answered() -> None:
    async with running_gateway(heartbeat_s=1) as gateway, connected(gateway) as client:
        await client.send(type="ping")
        assert (await client.next())["type"] == "pong"
        assert (await client.next())["type"] == "heartbeat"


async def test_a_worker_is_warmed_once_when_several_clients_connect() -> None:
    async with running_gateway(prewarm=True) as gateway:
        async with connected(gateway), connected(gateway):
            pass
        assert gateway.queue.operations == ["warm"]


@pytest.mark.timing
async def test_the_jobs_of_a_client_that_leaves_are_cancelled() -> None:
    async with running_gateway() as gateway:
        async with connected(gateway) as client:
            gateway.queue.gate.clear()
            await client.send(type="speak", text="wait " * 5)
            while not gateway.queue.jobs:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            while gateway.queue.cancelled != ["job-0"]:
                await asyncio.sleep(0.01)


@pytest.mark.timing
async def test_a_listener_who_does_not_read_delays_further_jobs() -> None:
    async with running_gateway(max_characters=1_000_000, max_message_bytes=1_000_000) as gateway:
        async with gateway.connect(max_queue=1) as socket:
            client = SocketClient(socket)
            await client.until("ready")
            await client.send(type="speak", text=PROSE * 500, format="pcm")
            while not gateway.queue.jobs:
                await asyncio.sleep(MS)
            asked = await settled_count(gateway.queue.jobs)
        total = len(PROSE) * 500 // 1_200
        assert 0 < asked < total // 4


async def settled_count(jobs: Sized) -> int:
    """Return the number of jobs once it has not changed for half a second."""
    before = -1
    while before != len(jobs):
        before = len(jobs)
        await asyncio.sleep(500 * MS)
    return before


async def test_no_text_and_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gateway")
    async with running_gateway() as gateway, connected(gateway) as client:
        await client.send(type="speak", text="Quinquireme of Nineveh.")
        await client.until("done")
        await client.send(type="speak", text="Quinquireme, explode.", context_id="b")
        await client.until("error")
    output = "\n".join(record.getMessage() for record in caplog.records if record.name == "gateway")
    assert "failed" in output
    for secret in ("Quinquireme", TOKEN, KEY):
        assert secret not in output
