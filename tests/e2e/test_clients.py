"""The Python clients against the real worker, on a platform that goes wrong."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from chatterpod import (
    AsyncClient,
    AuthError,
    Client,
    JobCancelled,
    NotFound,
    RunPodServerlessClient,
    TextTooLong,
    UnknownVoice,
)

from encoder import read_file
from tests.kits.pods import Pod, running, until

CHANCE = random.Random(5)  # noqa: S311 - a text, not a secret
WORDS = [
    "a",
    "harbour",
    "boat",
    "lamp",
    "of",
    "the",
    "quiet",
    "wind",
    "over",
    "water",
    "and",
    "some",
    "very",
    "old",
    "stories",
    "told",
    "at",
    "night",
]


def sentence() -> str:
    return " ".join(CHANCE.choices(WORDS, k=CHANCE.randint(6, 16))).capitalize() + "."


def paragraph() -> str:
    return " ".join(sentence() for _ in range(6))


TEXT = " ".join(sentence() for _ in range(14))
BOOK = "\n\n".join(paragraph() for _ in range(40))


def base(pod: Pod) -> str:
    return pod.url.removesuffix("/local")


def faults(pod: Pod, **values: float) -> dict[str, int]:
    """Turn faults on, or with none all off; return how often each has struck."""
    address = f"{base(pod).removesuffix('/v2')}/localpod/faults"
    struck = httpx.get(address).json()["struck"]
    if values:
        httpx.post(address, json=values).raise_for_status()
    else:
        httpx.delete(address).raise_for_status()
    return dict(struck)


def streamed(pod: Pod, text: str, **options: Any) -> tuple[bytes, str]:
    with Client("local", "any", base(pod)) as client, client.stream(text, **options) as chunks:
        received = list(chunks)
    return b"".join(chunk.audio for chunk in received), str((received[-1].summary or {})["cache_key"])


def streamed_async(pod: Pod, text: str, **options: Any) -> tuple[bytes, str]:
    async def stream() -> tuple[bytes, str]:
        async with AsyncClient("local", "any", base(pod)) as client, client.stream(text, **options) as chunks:
            received = [chunk async for chunk in chunks]
        return b"".join(chunk.audio for chunk in received), str((received[-1].summary or {})["cache_key"])

    return asyncio.run(stream())


TROUBLE: dict[str, dict[str, float]] = {
    "one reply in five is lost": {"drop.api": 5},
    "replies break off": {"cut.api": 4},
    "connections close": {"close.api": 3},
    "429 and 500": {"429.api": 4, "500.api": 3, "retry-after": 0},
    "a status that is refused": {"500.status": 2, "drop.stream": 3},
    "everything at once": {"drop.api": 4, "cut.api": 5, "close.api": 4, "429.api": 5, "retry-after": 0},
    "the worker is killed at the second record": {"kill.records": 2},
}


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("cache")
    options = ("--idle-timeout", "300", "--retries", "5")
    with running(folder, *options, TTS_ENGINE="tone", TTS_TONE_SPEED="150") as pod:
        pod.call("POST", "/runsync", json={"input": {"op": "warm"}})
        yield pod, folder


@pytest.mark.parametrize("stream", [streamed, streamed_async])
@pytest.mark.parametrize("trouble", sorted(TROUBLE))
def test_bytes_received_are_bytes_made_whatever_goes_wrong(
    trouble: str, stream: Callable[..., tuple[bytes, str]], pod: tuple[Pod, Path]
) -> None:
    where, folder = pod
    text = f"{trouble}, {stream.__name__}. {TEXT}"
    faults(where, **TROUBLE[trouble])
    received, key = stream(where, text)
    struck = faults(where)
    made = read_file((folder / f"{key}.mp3").read_bytes()).audio
    assert received == made
    assert sum(struck.values()) > 0


def test_a_long_text_is_complete_whatever_goes_wrong(pod: tuple[Pod, Path]) -> None:
    where, _ = pod
    faults(where, **{"drop.api": 5, "429.api": 9, "500.api": 9, "close.api": 9, "retry-after": 0})
    received, _ = speak_long(where)
    assert sum(faults(where).values()) > 3
    clean, summary = speak_long(where)
    assert received == clean
    assert summary["cache_hit"] is True


def speak_long(pod: Pod) -> tuple[bytes, dict[str, Any]]:
    with Client("local", "any", base(pod)) as client:
        speech = client.speak(BOOK, width=4)
    return speech.audio, dict(speech.summary)


def test_the_file_of_one_job_is_the_workers_file(pod: tuple[Pod, Path]) -> None:
    where, folder = pod
    for text in ("A short one.", TEXT):
        with Client("local", "any", base(where)) as client:
            speech = client.speak(text)
        assert speech.audio == (folder / f"{speech.summary['cache_key']}.mp3").read_bytes()


def test_runpod_serverless_client_returns_replies_that_it_can_save_and_polls_and_streams(
    pod: tuple[Pod, Path], tmp_path: Path
) -> None:
    where, _ = pod
    with RunPodServerlessClient("local", "any", base_url=base(where)) as client:
        response = client.runsync(text="Hello world.", format="mp3")
        client.save_audio(response, tmp_path / "a.mp3")
        run_response = client.run(text=TEXT)
        final = client.poll_until_complete(run_response["id"])
        client.save_audio(final, tmp_path / "b.mp3")
        frames = b"".join(client.stream(TEXT))
    assert response["output"]["mimetype"] == "audio/mpeg"
    assert response["output"]["size_bytes"] == (tmp_path / "a.mp3").stat().st_size
    assert read_file((tmp_path / "b.mp3").read_bytes()).audio == frames


def test_a_job_can_be_read_and_cancelled_by_its_id(pod: tuple[Pod, Path]) -> None:
    where, _ = pod
    with Client("local", "any", base(where)) as client:
        job = client.submit("Read by its id. " + TEXT)
        audio = b"".join(chunk.audio for chunk in client.job(job.id).stream())
        assert job.result().audio == audio
        assert job.status()["status"] == "COMPLETED"
        other = client.submit("Cancelled. " + TEXT, cache="off")
        other.cancel()
        with pytest.raises(JobCancelled):
            other.result()
        assert client.health()["workers"]["ready"] >= 0
        assert "default" in client.operate("voices")["voices"]


def test_leaving_a_stream_stops_the_worker(pod: tuple[Pod, Path]) -> None:
    where, folder = pod
    before = len(list(folder.glob("*.mp3")))
    with Client("local", "any", base(where)) as client:
        with client.stream("Left early. " + TEXT * 6) as chunks:
            next(chunks)
        until(lambda: client.health()["jobs"]["inProgress"] == 0)
    assert len(list(folder.glob("*.mp3"))) == before


@pytest.mark.parametrize(
    ("job_input", "kind"),
    [
        ({"text": "Hello.", "voice": "nobody"}, UnknownVoice),
        ({"turns": [{"voice": "default", "text": "word " * 2_500}]}, TextTooLong),
    ],
)
def test_what_the_worker_refuses_raises_the_error_of_its_code(
    job_input: dict[str, Any], kind: type[Exception], pod: tuple[Pod, Path]
) -> None:
    where, _ = pod
    with Client("local", "any", base(where)) as client, pytest.raises(kind) as caught:
        client.speak(**job_input)
    assert "any" not in str(caught.value).split()


def test_a_real_voice_streams_and_joins_as_well(tmp_path: Path) -> None:
    text = (
        "# One\n\n" + "\n\n".join(paragraph() for _ in range(8)) + "\n\n# Two\n\n" + (paragraph() + " ") * 8
    )
    with running(tmp_path, TTS_ENGINE="preview") as pod, Client("local", "any", base(pod)) as client:
        received, key = streamed(pod, TEXT)
        assert received == read_file((tmp_path / f"{key}.mp3").read_bytes()).audio
        speech = client.speak(text)
    assert len(speech.summary["parts"]) > 1
    assert [chapter.title for chapter in speech.chapters] == ["One", "Two"]
    starts = [segment["start_ms"] for segment in speech.segments]
    assert starts == sorted(starts)
    assert "".join(" ".join(str(segment["text"]) for segment in speech.segments).split()) == "".join(
        text.split()
    )


def test_a_wrong_endpoint_and_a_wrong_key_are_different_errors(tmp_path: Path) -> None:
    with running(tmp_path, "--api-key", "right-key", TTS_ENGINE="tone") as pod:
        with Client("nowhere", "right-key", base(pod)) as client, pytest.raises(NotFound):
            client.speak("Hello.")
        with Client("local", "wrong-key", base(pod)) as client, pytest.raises(AuthError) as caught:
            client.speak("Hello.")
    assert "wrong-key" not in str(caught.value) + repr(caught.value)


def test_a_run_that_was_killed_continues_where_it_stopped(tmp_path: Path) -> None:
    book, out = tmp_path / "book.txt", tmp_path / "book.mp3"
    book.write_text(BOOK, encoding="utf-8")
    with running(tmp_path / "cache", "--idle-timeout", "300", TTS_ENGINE="tone", TTS_TONE_SPEED="300") as pod:
        env = {**os.environ, "RUNPOD_ENDPOINT_BASE_URL": base(pod), "RUNPOD_ENDPOINT_ID": "local"}
        env |= {"RUNPOD_API_KEY": "any"}
        command = [sys.executable, "-m", "chatterpod", "speak", "--file", str(book), "-o", str(out)]
        command += ["--width", "2", "--json"]
        shown = subprocess.run([*command, "--plan"], env=env, capture_output=True, check=True)
        total = len(json.loads(shown.stdout)["parts"])
        first = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
        kept = Path(f"{out}.parts")
        until(lambda: len(list(kept.glob("*.part.json"))) >= total * 6 // 10)
        first.send_signal(signal.SIGKILL)
        first.wait()
        done = len(list(kept.glob("*.part.json")))
        until(lambda: pod.call("GET", "/health")["jobs"]["inProgress"] == 0)
        before = pod.call("GET", "/health")["jobs"]["completed"]
        second = subprocess.run(command, env=env, capture_output=True, check=True)
        asked = pod.call("GET", "/health")["jobs"]["completed"] - before
    assert not out.with_suffix(".mp3.part").exists()
    assert asked == total - done
    assert len(json.loads(second.stdout)["parts"]) == total
    assert not kept.exists()
