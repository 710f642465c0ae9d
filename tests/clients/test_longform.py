"""Text of any length: side by side, joined, and never spoken twice."""

import asyncio
import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from chatterpod import AsyncClient, Client, ConfigError, Folder, InvalidInput, Retake, Speech
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.id3 import ID3

from tests.kits.runpod_platform import PAUSE, SAMPLES_A_CHARACTER, Platform

PARAGRAPH = "Quite a long line of words that goes on and on. "
TEXT = "\n\n".join(
    f"# Part {n}" if n % 15 == 0 else f"Number {n * n * 7919 % 1000}: " + PARAGRAPH * (5 + n % 9)
    for n in range(60)
)


def in_sync(platform: Platform, text: str | None = TEXT, **options: Any) -> Speech:
    with Client("ep", "sk", "http://fake/v2", transport=platform, sleep=lambda _: None) as client:
        return client.speak(text, **options)


def in_async(platform: Platform, text: str | None = TEXT, **options: Any) -> Speech:
    async def speak() -> Speech:
        async with AsyncClient(
            "ep", "sk", "http://fake/v2", transport=platform, sleep=lambda _: asyncio.sleep(0)
        ) as client:
            return await client.speak(text, **options)

    return asyncio.run(speak())


SHORT = "\n\n".join(f"Paragraph {n * n * 31}. " + PARAGRAPH * 20 for n in range(10))
Speak = Callable[..., Speech]
both = pytest.mark.parametrize("speak", [in_sync, in_async])


def decoded(audio: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    with av.open(io.BytesIO(audio)) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


@both
def test_the_jobs_run_in_parallel_and_speak_the_whole_text_once(speak: Speak) -> None:
    platform = Platform(together=5)
    speech = speak(platform, width=5)
    assert platform.most_open == 5
    texts = [job_input["text"] for job_input in platform.inputs]
    assert TEXT.startswith(texts[0])
    assert "".join("".join(sorted(texts, key=TEXT.index)).split()) == "".join(TEXT.split())
    assert len(speech.summary["parts"]) == len(platform.inputs) > 5
    assert platform.cancelled == []


@both
def test_only_the_first_job_opens_fast_and_each_may_run_as_long_as_its_text_needs(speak: Speak) -> None:
    platform = Platform()
    speak(platform)
    first, *others = sorted(platform.inputs, key=lambda job_input: TEXT.index(job_input["text"]))
    assert "opening" not in first
    assert {job_input["opening"] for job_input in others} == {"even"}
    for body in platform.bodies:
        assert body["policy"]["executionTimeout"] == pytest.approx(
            120_000 + 4_000 * len(body["input"]["text"]) / 14, abs=1
        )


@both
def test_the_joined_file_has_the_right_length_to_a_frame_a_seam(speak: Speak) -> None:
    platform = Platform()
    speech = speak(platform)
    samples = decoded(speech.audio)
    inputs = sorted(platform.inputs, key=lambda one: TEXT.index(one["text"]))
    spoken = sum(len(one["text"]) for one in inputs) * SAMPLES_A_CHARACTER
    pauses = (700 * (len(inputs) - 1) + PAUSE) * 24
    assert abs(len(samples) - spoken - pauses) <= 576 * len(inputs)
    assert abs(len(samples) - speech.duration_ms * 24) <= 24


@both
def test_the_pause_at_each_seam_is_that_of_a_paragraph_and_silent(speak: Speak) -> None:
    speech = speak(Platform())
    samples = np.abs(decoded(speech.audio))
    ends = [segment["end_ms"] for segment in speech.segments[:-1]]
    starts = [segment["start_ms"] for segment in speech.segments[1:]]
    for end, start in zip(ends, starts, strict=True):
        assert abs(start - end - 700) <= 24
        inside = samples[(end + 5) * 24 : (start - 5) * 24]
        assert inside.max() < 0.02
        assert samples[(start + 5) * 24 : (start + 60) * 24].max() > 0.2


@both
def test_segments_have_their_offsets_in_the_whole_text(speak: Speak) -> None:
    for segment in speak(Platform()).segments:
        assert TEXT[segment["char_start"] : segment["char_end"]] == segment["text"]


@both
def test_chapters_begin_where_their_headings_are_spoken(speak: Speak) -> None:
    speech = speak(Platform())
    tag = ID3(fileobj=io.BytesIO(speech.audio))
    chapters = sorted(tag.getall("CHAP"), key=lambda chapter: chapter.start_time)
    assert [str(chapter.sub_frames["TIT2"]) for chapter in chapters] == [
        f"Part {n}" for n in range(0, 60, 15)
    ]
    assert [chapter.start_time for chapter in chapters] == [chapter.start_ms for chapter in speech.chapters]
    assert chapters[-1].end_time == speech.duration_ms
    assert len(tag.getall("CTOC")[0].child_element_ids) == 4


def test_both_clients_make_the_same_file() -> None:
    assert in_sync(Platform()).audio == in_async(Platform()).audio


@both
def test_lost_replies_and_refusals_change_no_byte(speak: Speak) -> None:
    whole = in_sync(Platform()).audio

    def fate(number: int, path: str) -> str:
        return "lost" if number % 5 == 4 else {7: "429", 12: "500", 21: "502"}.get(number % 23, "")

    assert speak(Platform(fate)).audio == whole


@both
def test_a_second_run_speaks_only_what_is_missing(speak: Speak, tmp_path: Path) -> None:
    whole = in_sync(Platform()).audio
    total = len(in_sync(Platform()).summary["parts"])
    limit = total * 6 // 10
    broken = Platform()
    broken.fate = lambda _n, path: "401" if path == "/run" and len(broken.inputs) >= limit else ""
    with pytest.raises(Exception, match="refused the API key"):
        speak(broken, width=1, store=Folder(tmp_path / "parts"))
    second = Platform()
    assert speak(second, width=2, store=Folder(tmp_path / "parts")).audio == whole
    assert len(second.inputs) == total - limit
    third = Platform()
    assert speak(third, store=Folder(tmp_path / "parts")).audio == whole
    assert third.inputs == []


def test_a_stored_part_that_is_damaged_is_spoken_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    whole = in_sync(Platform(), store=folder).audio
    for file, content in zip(sorted(tmp_path.iterdir()), [b"", b"{}", b"[[1]]", b"[]"], strict=False):
        file.write_bytes(content)
    platform = Platform()
    assert in_sync(platform, store=folder).audio == whole
    assert len(platform.inputs) == 4
    folder.clear()
    assert not tmp_path.exists()


@both
def test_a_retake_speaks_one_part_with_another_seed_and_not_the_rest(speak: Speak, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    first = speak(Platform(), store=folder)
    platform = Platform()
    second = speak(platform, store=folder, retake=[Retake.parse("3:7")])
    assert [job_input["seed"] for job_input in platform.inputs] == [7]
    assert second.audio != first.audio
    assert len(second.audio) == len(first.audio)


@pytest.mark.parametrize(("text", "retake"), [("3", Retake(3)), ("12:7", Retake(12, 7))])
def test_a_retake_is_parsed_from_a_number_and_a_seed(text: str, retake: Retake) -> None:
    assert Retake.parse(text) == retake


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "3:x", "3:-1", "²"])
def test_any_other_retake_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected N or N:SEED"):
        Retake.parse(text)


def test_a_retake_of_a_missing_part_is_refused_before_anything_is_spoken() -> None:
    platform = Platform()
    with pytest.raises(ConfigError, match="names part 99"):
        in_sync(platform, retake=[Retake(99)])
    assert platform.requests == 0


@both
def test_a_part_that_the_worker_refuses_ends_the_speech_and_the_other_jobs(speak: Speak) -> None:
    platform = Platform()
    route = platform.route

    def refusing(path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = route(path, body)
        if path.endswith("/job-2") and path.startswith(("/stream", "/status")):
            return {"status": "FAILED", "stream": [], "error": "invalid_input: the text is wrong"}
        return reply

    platform.route = refusing  # type: ignore[method-assign]  # the fake is ours
    with pytest.raises(InvalidInput, match="the text is wrong"):
        speak(platform, width=3)
    assert "job-2" not in platform.cancelled
    assert len(platform.inputs) < 8


@both
def test_pcm_is_joined_to_the_sample(speak: Speak) -> None:
    platform = Platform()
    speech = speak(platform, format="pcm")
    texts = [job_input["text"] for job_input in platform.inputs]
    spoken = sum(map(len, texts)) * SAMPLES_A_CHARACTER
    assert len(speech.audio) == 2 * (spoken + 24 * (700 * (len(texts) - 1) + PAUSE))
    assert max(map(len, texts)) <= 1_700


@both
def test_a_dialogue_of_any_length_keeps_its_turns(speak: Speak) -> None:
    turns = [{"voice": "ab"[n % 2], "text": f"Turn {n * n}. " + PARAGRAPH * 4} for n in range(60)]
    platform = Platform()
    speech = speak(platform, None, turns=turns)
    assert len(platform.inputs) > 2
    assert [segment["turn"] for segment in speech.segments] == list(range(60))
    assert [segment["voice"] for segment in speech.segments] == [turn["voice"] for turn in turns]


def test_leaving_a_long_stream_cancels_its_jobs() -> None:
    platform = Platform()
    with Client("ep", "sk", "http://fake/v2", transport=platform) as client:
        with client.stream(TEXT, width=4) as chunks:
            next(chunks)
        running = {f"job-{n}" for n in range(len(platform.inputs))}
    assert platform.cancelled
    assert set(platform.cancelled) <= running


@cache
def clean() -> bytes:
    """Return what `SHORT` is where nothing goes wrong."""
    return in_sync(Platform(), SHORT).audio


FATES = st.lists(st.sampled_from(["", "lost", "429", "500", "503"]), max_size=80)


@settings(max_examples=15, deadline=None)
@given(FATES)
def test_the_bytes_are_the_same_whatever_happens_to_the_requests(fates: list[str]) -> None:
    def fate(number: int, _path: str) -> str:
        return fates[number] if number < len(fates) and number % 4 else ""

    assert in_async(Platform(fate), SHORT, width=3).audio == clean()


def async_client(platform: Platform) -> AsyncClient:
    return AsyncClient("ep", "sk", "http://fake/v2", transport=platform, sleep=lambda _: asyncio.sleep(0))


async def test_leaving_a_long_stream_in_asyncio_cancels_its_jobs() -> None:
    platform = Platform()
    async with async_client(platform) as client:
        async with client.stream(TEXT, width=4) as chunks:
            await anext(chunks)
        assert platform.cancelled
        assert set(platform.cancelled) <= {f"job-{n}" for n in range(len(platform.inputs))}


async def test_a_task_that_is_cancelled_cancels_its_jobs() -> None:
    platform = Platform(together=99)
    async with async_client(platform) as client:
        speaking = asyncio.create_task(client.speak(TEXT, width=3))
        while len(platform.inputs) < 3:
            await asyncio.sleep(0)
        speaking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await speaking
    assert sorted(platform.cancelled) == ["job-0", "job-1", "job-2"]
