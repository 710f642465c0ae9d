"""`Client(url=…)` and `AsyncClient(url=…)`: a gateway or direct worker over its WebSocket."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from chatterpod import (
    ApiError,
    AsyncClient,
    AuthError,
    Chunk,
    Client,
    ConfigError,
    Folder,
    Heard,
    Incomplete,
    Speech,
    UnknownVoice,
    WorkerBusy,
)

from segmenter import plan
from tests.kits.cutting import CuttingProxy, cutting
from tests.kits.gateway import FRAME, TOKEN, MemoryQueue, RunningGateway, audio_of, running_gateway

T = TypeVar("T")
TEXT = "The first sentence is this one here. The second follows it. And with a third one it ends for good."
SEGMENTS = [segment.text for segment in plan(TEXT)]
BOOK = "\n\n".join(f"# Chapter {n}\n\n" + "It was a quiet evening by the sea. " * 60 for n in (1, 2, 3))


HEADER = bytes.fromhex("fff384c4")  # of an MP3 frame of 192 bytes: 64 kbit/s, 24 kHz, mono


def framed(audio: bytes) -> bytes:
    """Return audio of the queue in memory as MP3 frames."""
    return b"".join(HEADER + audio[at + 4 : at + FRAME] for at in range(0, len(audio), FRAME))


def made(text: str, audio_format: str = "mp3") -> bytes:
    """Return the audio that `FramedQueue` makes of a text spoken in one job."""
    audio = b"".join(audio for audio, _, _ in audio_of(text, audio_format))
    return audio if audio_format == "pcm" else framed(audio)


class FramedQueue(MemoryQueue):
    """Speaks in MP3 frames, of which a file can be made."""

    async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        async with aclosing(super().receive(job)) as chunks:
            async for chunk in chunks:
                pcm = self.jobs[job].get("format") == "pcm"
                yield chunk if pcm else replace(chunk, audio=framed(chunk.audio))


async def no_wait(_seconds: float) -> None:
    await asyncio.sleep(0)


async def sync(url: str, work: Callable[[Client], T], token: str = TOKEN) -> T:
    """Do something with the synchronous client, in a thread."""

    def use() -> T:
        with Client(url=url, api_key=token, sleep=lambda _: None) as client:
            return work(client)

    return await asyncio.to_thread(use)


@asynccontextmanager
async def aclient(url: str, token: str = TOKEN) -> AsyncGenerator[AsyncClient]:
    async with AsyncClient(url=url, api_key=token, sleep=no_wait) as client:
        yield client


async def both(gateway: RunningGateway, text: str, **options: Any) -> list[Speech]:
    """Return the speech of a text by each of the two clients."""
    spoken = [await sync(gateway.url, lambda client: client.speak(text, **options))]
    async with aclient(gateway.url) as client:
        spoken.append(await client.speak(text, **options))
    return spoken


async def test_a_whole_speech_is_a_file_with_its_captions_and_summary() -> None:
    async with running_gateway(FramedQueue()) as gateway:
        for speech in await both(gateway, TEXT):
            assert speech.audio.endswith(made(TEXT))
            assert speech.audio != made(TEXT)  # it has a head with its length
            assert "".join(str(segment["text"]) for segment in speech.segments).replace(
                " ", ""
            ) == TEXT.replace(" ", "")
            assert speech.summary["duration_ms"] == speech.duration_ms > 4000
            assert speech.summary["size_bytes"] == len(speech.audio)
            assert "WEBVTT" in speech.vtt()
        for speech in await both(gateway, TEXT, format="pcm", voice="anna"):
            assert speech.audio == made(TEXT, "pcm")
    assert gateway.queue.jobs["job-3"]["voice"] == "anna"


async def test_audio_comes_while_it_is_made_and_leaving_stops_it() -> None:
    queue = FramedQueue()
    queue.hold_after = 1
    queue.gate.clear()

    def first(client: Client) -> bytes:
        with client.stream(TEXT) as chunks:
            return next(chunks).audio

    async with running_gateway(queue) as gateway:
        assert await sync(gateway.url, first) == framed(audio_of(TEXT)[0][0])
        async with aclient(gateway.url) as client, client.stream(TEXT) as chunks:
            assert (await anext(aiter(chunks))).audio == framed(audio_of(TEXT)[0][0])
        async with asyncio.timeout(20):
            while len(queue.cancelled) < 2:
                await asyncio.sleep(0.01)


async def test_a_long_text_is_joined_from_its_parts_and_kept_parts_are_not_spoken_again(
    tmp_path: Path,
) -> None:
    async with running_gateway(FramedQueue()) as gateway:
        speech = await sync(gateway.url, lambda client: client.speak(BOOK, store=Folder(tmp_path / "parts")))
        jobs = len(gateway.queue.jobs)
        assert jobs >= 3
        assert [chapter.title for chapter in speech.chapters] == ["Chapter 1", "Chapter 2", "Chapter 3"]
        async with aclient(gateway.url) as client:
            again = await client.speak(BOOK, store=Folder(tmp_path / "other"))
            kept = await client.speak(BOOK, store=Folder(tmp_path / "other"))
        assert again.audio == kept.audio == speech.audio
        assert len(gateway.queue.jobs) == 2 * jobs


async def test_a_context_takes_text_while_it_is_spoken() -> None:
    words = [f"{word} " for word in TEXT.split(" ")]

    def talk(client: Client) -> bytes:
        with client.context(voice="anna", format="pcm") as context:
            for word in words:
                context.send(word)
            context.close()
            chunks = list(context)
        assert chunks[-1].summary is not None
        return b"".join(chunk.audio for chunk in chunks)

    async with running_gateway(FramedQueue()) as gateway:
        heard = await sync(gateway.url, talk)
        async with aclient(gateway.url) as client, client.context(voice="anna", format="pcm") as context:
            for word in words:
                await context.send(word)
            await context.close()
            assert b"".join([chunk.audio async for chunk in context]) == heard
    assert len(heard) == sum(len(audio) for audio, _, _ in audio_of(TEXT, "pcm"))
    assert {job["voice"] for job in gateway.queue.jobs.values()} == {"anna"}


async def test_a_context_is_flushed_and_cancelled_with_what_was_heard() -> None:
    said = "An unfinished sentence that nobody"

    def talk(client: Client) -> tuple[int, Heard]:
        with client.context() as context:
            context.send(said)
            context.flush()
            chunk = next(iter(context))
            return chunk.end_ms, context.cancel(chunk.end_ms)

    async with running_gateway(FramedQueue()) as gateway:
        end_ms, heard = await sync(gateway.url, talk)
        assert (end_ms > 0, heard) == (True, Heard(len(said), said))
        async with aclient(gateway.url) as client, client.context() as context:
            await context.send(said)
            await context.flush()
            async for _ in context:
                assert await context.cancel(0) == Heard(0, "")
        with pytest.raises(ConfigError, match="turns is for an endpoint with a queue"):
            await sync(gateway.url, lambda client: client.context(turns=[{}]).__enter__())


async def test_errors_are_those_of_the_queues_client() -> None:
    async with running_gateway(FramedQueue(), requests_a_minute=2) as gateway:
        with pytest.raises(UnknownVoice, match="there is no voice 'nobody'"):
            await sync(gateway.url, lambda client: client.speak(TEXT, voice="nobody"))
        with pytest.raises(AuthError) as refused:
            await sync(gateway.url, lambda client: client.speak(TEXT), "wrong-token-of-some-length")
        assert "wrong-token" not in str(refused.value)
        with pytest.raises(ConfigError, match=r"turns is for .*: write \[voice:NAME\] into the text"):
            await sync(gateway.url, lambda client: client.speak(turns=[{"voice": "a", "text": "Hello."}]))
        async with aclient(gateway.url) as client:
            await client.speak(TEXT)
            with pytest.raises(WorkerBusy):
                await client.speak(TEXT)


async def test_a_server_that_is_not_there_is_named_by_its_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    for work in (lambda client: client.speak(TEXT), lambda client: client.context().__enter__()):
        with pytest.raises(ApiError, match=rf"^the server cannot be reached at {host} \(Connection"):
            await sync(f"http://{host}", work)
    async with aclient(f"http://{host}") as client:
        with pytest.raises(ApiError, match=host):
            await client.speak(TEXT)


async def spoken_through(proxy: CuttingProxy, faults: list[str | int]) -> list[bytes]:
    """Return the audio of TEXT by each client, whose connections meet these faults first."""
    proxy.faults = list(faults)
    streamed = await sync(
        proxy.url, lambda client: b"".join(chunk.audio for chunk in in_stream(client, TEXT))
    )
    proxy.faults = list(faults)
    async with aclient(proxy.url) as client, client.stream(TEXT) as chunks:
        return [streamed, b"".join([chunk.audio async for chunk in chunks])]


def in_stream(client: Client, text: str) -> list[Any]:
    with client.stream(text) as chunks:
        return list(chunks)


@pytest.mark.parametrize(
    "faults", [["400"], ["503", "524", "429"], [1000], [20_000], [100, 1000, 20_000, 9_999]]
)
async def test_a_speech_is_whole_and_has_each_byte_once_whatever_the_connections_do(
    faults: list[str | int],
) -> None:
    async with running_gateway(FramedQueue()) as gateway, cutting(gateway.url) as proxy:
        assert await spoken_through(proxy, faults) == [made(TEXT)] * 2
        assert proxy.connections == 2 * len(faults) + 2


async def test_what_will_not_pass_is_not_tried_again_and_nothing_is_tried_for_ever() -> None:
    async with running_gateway(FramedQueue()) as gateway, cutting(gateway.url) as proxy:
        with pytest.raises(AuthError):
            await spoken_through(proxy, ["401"])
        assert proxy.connections == 1
        with pytest.raises(ApiError, match="answered HTTP 503"):
            await spoken_through(proxy, ["503"] * 20)
        assert proxy.connections == 1 + 10


async def test_a_context_whose_connection_ends_says_so() -> None:
    def talk(client: Client) -> None:
        with client.context() as context:
            context.send(TEXT)
            context.close()
            list(context)

    async with running_gateway(FramedQueue()) as gateway, cutting(gateway.url) as proxy:
        proxy.faults = ["503", 3000]
        with pytest.raises(Incomplete, match="the connection ended before the speech did"):
            await sync(proxy.url, talk)
        proxy.faults = ["503", 3000]
        async with aclient(proxy.url) as client, client.context() as context:
            await context.send(TEXT)
            await context.close()
            with pytest.raises(Incomplete):
                _ = [chunk async for chunk in context]


def test_what_needs_a_queue_or_a_url_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(url="http://127.0.0.1:1") as client:
        for call in (client.submit, client.speak):
            with pytest.raises(ConfigError):
                call()
        with pytest.raises(ConfigError, match="needs an endpoint with a queue") as refused:
            client.health()
        assert refused.value.code == "no_queue"
    with Client("ep", "key") as client, pytest.raises(ConfigError, match="a context needs a URL"):
        client.context()
    monkeypatch.setitem(sys.modules, "websockets.sync.client", None)
    with pytest.raises(ConfigError, match="a URL needs the package websockets"):
        Client(url="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("url", "environment", "address", "token"),
    [
        ("ws://host:1/", {}, "http://host:1", None),
        ("https://host/v1", {"CHATTERPOD_TOKEN": "mine"}, "https://host", "mine"),
        (None, {"CHATTERPOD_URL": "https://host/prefix"}, "https://host/prefix", None),
        ("https://host", {"RUNPOD_API_KEY": "rpa"}, "https://host", None),
        ("https://ab12.api.runpod.ai", {"RUNPOD_API_KEY": "rpa"}, "https://ab12.api.runpod.ai", "rpa"),
        ("http://ab12.api.runpod.ai", {"RUNPOD_API_KEY": "rpa"}, "http://ab12.api.runpod.ai", None),
        (
            "https://x.api.runpod.ai.evil.com",
            {"RUNPOD_API_KEY": "rpa"},
            "https://x.api.runpod.ai.evil.com",
            None,
        ),
    ],
)
def test_the_key_of_runpod_goes_to_runpod_only(
    monkeypatch: pytest.MonkeyPatch,
    url: str | None,
    environment: dict[str, str],
    address: str,
    token: str | None,
) -> None:
    from chatterpod.config import addressed  # noqa: PLC0415 - what a client sends, without sending it

    for name in ("CHATTERPOD_URL", "CHATTERPOD_TOKEN", "RUNPOD_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = addressed(url, None, None)
    assert found is not None
    assert (found.url, found.token) == (address, token)
    assert str(token) not in repr(found) or token is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "host:8000"}, "url is not a URL"),
        ({"url": "https://host", "endpoint_id": "ep"}, "two ways to an endpoint"),
        ({"url": "https://host", "api_key": "with space"}, "characters that are not allowed"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_is_sent(arguments: dict[str, str], message: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(ConfigError, match=message):
            kind(**arguments)  # type: ignore[arg-type]
