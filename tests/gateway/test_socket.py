"""The WebSocket: what a client sends, and everything that it may get back."""

import asyncio
import json
import logging
from collections.abc import Sized

import pytest
from websockets.exceptions import ConnectionClosed

from tests.kits.gateway import KEY, TOKEN, Talk, audio_of, running, talking

PROSE = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)


def whole(text: str, form: str = "mp3") -> bytes:
    return b"".join(audio for audio, _, _ in audio_of(text, form))


async def test_a_whole_text_comes_back_byte_for_byte_with_captions_before_their_audio() -> None:
    async with running() as gateway, talking(gateway) as talk:
        await talk.say(type="speak", text=PROSE)
        done = await talk.until("done")
    assert talk.audio["main"] == whole(PROSE.strip())
    assert done["bytes"] == len(talk.audio["main"])
    captions = talk.captions()
    assert [PROSE[c["char_start"] : c["char_end"]] for c in captions] == [c["text"] for c in captions]
    assert "".join(c["text"] for c in captions).replace(" ", "") == PROSE.replace(" ", "")
    assert [c["start_ms"] for c in captions] == sorted(c["start_ms"] for c in captions)


async def test_text_in_pieces_is_spoken_while_it_is_written() -> None:
    async with running() as gateway, talking(gateway) as talk:
        await talk.say(type="start", voice="anna")
        text = PROSE * 5
        for at in range(0, len(text), 7):
            await talk.say(type="text", text=text[at : at + 7])
        await talk.until("audio")
        await talk.say(type="close")
        done = await talk.until("done")
        jobs = list(gateway.endpoint.jobs.values())
    assert done["jobs"] == len(jobs) > 1
    assert {job["voice"] for job in jobs} == {"anna"}
    assert "".join(c["text"] for c in talk.captions()).replace(" ", "") == text.replace(" ", "")


async def test_the_next_job_is_submitted_before_the_last_has_ended() -> None:
    async with running(max_characters=20_000) as gateway, talking(gateway) as talk:
        gateway.endpoint.gate.clear()
        gateway.endpoint.hold_after = 1
        await talk.say(type="speak", text=PROSE * 30)
        await talk.until("audio")
        assert len(gateway.endpoint.jobs) == 2
        gateway.endpoint.gate.set()
        await talk.until("done")


async def test_a_writer_who_stops_has_the_last_sentence_spoken_and_may_go_on() -> None:
    async with running() as gateway, talking(gateway) as talk:
        await talk.say(type="text", text="That was all I had to say.")
        assert (await talk.until("audio"))["captions"][0]["text"] == "That was all I had to say."
        await talk.say(type="text", text=" Or was it?")
        await talk.say(type="close")
        await talk.until("done")
    assert [caption["text"] for caption in talk.captions()] == ["That was all I had to say.", "Or was it?"]


async def test_flush_speaks_what_there_is_and_pcm_is_told_apart_from_mp3() -> None:
    async with running() as gateway, talking(gateway) as talk:
        await talk.say(type="start", format="pcm")
        await talk.say(type="text", text="Half a")
        await talk.say(type="flush")
        await talk.until("audio")
    assert talk.audio["main"] == whole("Half a", "pcm")


async def test_barge_in_tells_what_was_heard_silences_the_context_and_cancels_its_jobs_queued_ones_too() -> (
    None
):
    async with running(max_characters=20_000) as gateway, talking(gateway) as talk:
        gateway.endpoint.gate.clear()
        gateway.endpoint.hold_after = 2
        await talk.say(type="speak", text=PROSE * 30, context_id="a")
        first = (await talk.until("audio"))["captions"][0]
        await talk.say(type="cancel", context_id="a", played_ms=first["end_ms"])
        cancelled = await talk.until("cancelled")
        gateway.endpoint.gate.set()
        await talk.say(type="speak", text="What next?", context_id="b")
        before = len(talk.audio["a"])
        await talk.until("done", "b")
        assert sorted(gateway.endpoint.cancelled) == ["job-0", "job-1"]
    assert cancelled["heard"] == {"char_end": first["char_end"], "text": PROSE[: first["char_end"]]}
    assert len(talk.audio["a"]) == before
    assert talk.audio["b"] == whole("What next?")


async def test_a_context_that_was_sent_whole_can_still_be_interrupted() -> None:
    async with running() as gateway, talking(gateway) as talk:
        await talk.say(type="speak", text="One two three four.")
        await talk.until("done")
        await talk.say(type="cancel", played_ms=500)
        assert (await talk.until("cancelled"))["heard"]["text"] == "One two"
        await talk.say(type="text", text="late")
        assert (await talk.until("error"))["code"] == "context_ended"
        await talk.say(type="speak", text="Anew.")
        await talk.until("done")


async def test_a_job_that_fails_through_no_fault_of_its_own_is_submitted_again() -> None:
    async with running() as gateway, talking(gateway) as talk:
        gateway.endpoint.breakdowns = 2
        await talk.say(type="speak", text="Hello.")
        await talk.until("done")
        gateway.endpoint.breakdowns = 3
        await talk.say(type="speak", text="Hello.")
        error = await talk.until("error")
    assert talk.audio["main"] == whole("Hello.")
    assert (error["code"], error["message"]) == ("engine_failed", "it broke")


async def test_two_contexts_are_spoken_side_by_side() -> None:
    async with running() as gateway, talking(gateway) as talk:
        await talk.say(type="speak", text=PROSE, context_id="a")
        await talk.say(type="speak", text="Short.", context_id="b")
        ended = {(await talk.until("done"))["context_id"] for _ in range(2)}
    assert ended == {"a", "b"}
    assert talk.audio == {"a": whole(PROSE.strip()), "b": whole("Short.")}


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
async def test_a_wrong_message_is_answered_with_its_code_and_the_connection_goes_on(
    frame: str | bytes, code: str
) -> None:
    async with running() as gateway, talking(gateway) as talk:
        await talk.socket.send(frame)
        error = await talk.until("error")
        await talk.say(type="speak", text="Still here.", context_id="next")
        await talk.until("done", "next")
    assert error["code"] == code
    assert "secret" not in json.dumps(error)


async def test_a_frame_beyond_all_bounds_closes_its_connection_and_no_other() -> None:
    async with running() as gateway, talking(gateway) as other:
        async with talking(gateway) as talk:
            await talk.socket.send("x" * 200_000)
            with pytest.raises(ConnectionClosed) as closed:
                await talk.socket.recv()
        await other.say(type="speak", text="Still here.")
        await other.until("done")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_who_makes_nothing_but_mistakes_is_sent_away() -> None:
    async with running() as gateway, talking(gateway) as talk:
        for _ in range(50):
            await talk.socket.send("?")
        with pytest.raises(ConnectionClosed):
            await talk.until("never")


@pytest.mark.parametrize("token", [None, "wrong-token-wrong-token"])
async def test_without_the_token_there_is_no_speech(token: str | None) -> None:
    async with running() as gateway, gateway.connect(token) as socket:
        talk = Talk(socket)
        if token is None:
            await talk.say(type="speak", text="Hello.")
        error = await talk.next()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert gateway.endpoint.jobs == {}
    assert error["code"] == "unauthorized"
    assert TOKEN not in json.dumps(error)


async def test_a_page_that_can_set_no_header_sends_its_token_first() -> None:
    async with running() as gateway, gateway.connect(None) as socket:
        talk = Talk(socket)
        await talk.say(type="auth", token=TOKEN)
        await talk.until("ready")


@pytest.mark.parametrize(
    ("origin", "kind"), [("https://evil.example", "error"), ("https://good.example", "ready")]
)
async def test_only_pages_on_the_list_may_connect(origin: str, kind: str) -> None:
    async with (
        running(origins=("https://good.example",)) as gateway,
        gateway.connect(additional_headers={"Authorization": f"Bearer {TOKEN}"}, origin=origin) as socket,
    ):
        assert (await Talk(socket).next())["type"] == kind


async def test_connections_contexts_requests_and_characters_are_limited() -> None:
    limits = {"connections_a_token": 1, "contexts": 1, "requests_a_minute": 2, "characters_a_day": 40}
    async with running(**limits) as gateway, talking(gateway) as talk:
        gateway.endpoint.gate.clear()
        async with gateway.connect() as second:
            refused = await Talk(second).next()
        await talk.say(type="speak", text="wait for it")
        await talk.say(type="start", context_id="b")
        crowded = await talk.until("error")
        await talk.say(type="cancel", played_ms=0)
        await talk.until("cancelled")
        await talk.say(type="speak", text="wait " * 7)
        spent = await talk.until("error")
        await talk.say(type="speak", text="again")
        hurried = await talk.until("error")
    for error in (refused, crowded, spent, hurried):
        assert error["code"] == "rate_limited"
        assert error["retry_after_s"] >= 1


async def test_a_silent_connection_beats_and_answers_a_ping() -> None:
    async with running(heartbeat_s=1) as gateway, talking(gateway) as talk:
        await talk.say(type="ping")
        assert (await talk.next())["type"] == "pong"
        assert (await talk.next())["type"] == "heartbeat"


async def test_a_worker_is_warmed_when_somebody_connects_but_not_for_everyone() -> None:
    async with running(prewarm=True) as gateway:
        async with talking(gateway), talking(gateway):
            pass
        assert gateway.endpoint.operations == ["warm"]


async def test_a_client_that_leaves_has_its_jobs_cancelled() -> None:
    async with running() as gateway:
        async with talking(gateway) as talk:
            gateway.endpoint.gate.clear()
            await talk.say(type="speak", text="wait " * 5)
            while not gateway.endpoint.jobs:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            while gateway.endpoint.cancelled != ["job-0"]:
                await asyncio.sleep(0.01)


async def test_a_listener_who_does_not_read_holds_the_reading_back() -> None:
    async with running(max_characters=1_000_000, max_message_bytes=1_000_000) as gateway:
        async with gateway.connect(max_queue=1) as socket:
            talk = Talk(socket)
            await talk.until("ready")
            await talk.say(type="speak", text=PROSE * 2_000, format="pcm")
            asked = await standing_still(gateway.endpoint.jobs)
        total = len(PROSE) * 2_000 // 1_200
        assert 0 < asked < total // 4


async def standing_still(jobs: Sized) -> int:
    """Return how many jobs there are once there have been as many for half a second."""
    before = -1
    while before != len(jobs):
        before = len(jobs)
        await asyncio.sleep(0.5)
    return before


async def test_nothing_said_and_no_secret_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gateway")
    async with running() as gateway, talking(gateway) as talk:
        await talk.say(type="speak", text="Quinquireme of Nineveh.")
        await talk.until("done")
        await talk.say(type="speak", text="Quinquireme, explode.", context_id="b")
        await talk.until("error")
    told = "\n".join(record.getMessage() for record in caplog.records if record.name == "gateway")
    assert "broke" in told
    for secret in ("Quinquireme", TOKEN, KEY):
        assert secret not in told
