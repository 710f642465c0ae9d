"""Many clients of the gateway at once: who has to wait, and what each costs in memory."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
from chatterpod import AsyncClient
from websockets.asyncio.client import connect

from bench.endpoints import endpoint
from bench.table import Row, median

__all__ = ["gateway", "many_listeners", "memory"]

LISTENERS = 50
PREVIEW_SLOTS = 8
IDLE = 1_000
COMING_S = 10.0  # in which they come; each then listens for 21 s at the least
MANY = {"GATEWAY_CONNECTIONS": "2000", "GATEWAY_CONNECTIONS_A_TOKEN": "2000"}
PCM_BYTES_PER_MS = 48
LONG = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
) * 3


@contextmanager
def gateway(url: str, **env: str) -> Iterator[tuple[str, psutil.Process]]:
    """Run `python -m gateway` before a local endpoint; yield its address and its process."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    given = {**os.environ, "RUNPOD_ENDPOINT_ID": "local", "RUNPOD_API_KEY": "any", **env}
    given["RUNPOD_ENDPOINT_BASE_URL"] = f"{url}/v2"
    with subprocess.Popen([sys.executable, "-m", "gateway", "--port", str(port)], env=given) as process:
        try:
            while not answers(f"http://127.0.0.1:{port}/healthz"):
                time.sleep(0.05)
            yield f"ws://127.0.0.1:{port}/v1/stream", psutil.Process(process.pid)
        finally:
            process.terminate()


def answers(address: str) -> bool:
    """Whether a server answers there."""
    try:
        return httpx.get(address).is_success
    except httpx.TransportError:
        return False


@dataclass
class Listener:
    """What one listener heard: when the first audio came, and how long the voice was not there since."""

    first_s: float = 0.0
    waited_ms: float = 0.0
    spare_ms: float = float("inf")  # the least that was left to play when more came
    refused: bool = False
    _began: float = 0.0
    _started: float = 0.0  # when playing began, later by all that was waited since
    _had_ms: float = 0.0

    def asked(self) -> None:
        """The speech was asked for now."""
        self._began = time.perf_counter()

    def got(self, end_ms: float) -> None:
        """Audio came that ends there; it is played from when it is there."""
        now = time.perf_counter()
        if not self._started:
            self._started, self.first_s = now, now - self._began
        else:
            left = self._had_ms - (now - self._started) * 1000
            self.spare_ms = min(self.spare_ms, left)
            self.waited_ms += max(0.0, -left)
            self._started += max(0.0, -left) / 1000
        self._had_ms = end_ms

    async def through_socket(self, address: str, seed: int) -> None:
        """Play a speech as the gateway's WebSocket sends it."""
        async with connect(address, max_size=None) as ws:
            self.asked()
            await ws.send(json.dumps({"type": "speak", "text": LONG, "seed": seed, "cache": "off"}))
            async for frame in ws:
                message: dict[str, Any] = json.loads(frame) if isinstance(frame, str) else {"type": "binary"}
                if message["type"] == "audio":
                    self.got(message["end_ms"])
                if message["type"] in {"done", "error"}:
                    self.refused = message["type"] == "error"
                    return

    async def through_openai(self, http: httpx.AsyncClient, address: str, seed: int) -> None:
        """Play a speech as OpenAI's route sends it."""
        body = {"input": LONG, "seed": seed, "cache": "off", "response_format": "pcm"}
        size = 0
        self.asked()
        async with http.stream("POST", openai_address(address), json=body) as answer:
            self.refused = not answer.is_success
            async for part in answer.aiter_raw():
                size += len(part)
                self.got(size / PCM_BYTES_PER_MS)

    async def directly(self, client: AsyncClient, seed: int) -> None:
        """Play a speech as the Python client gives it out."""
        self.asked()
        async with client.stream(LONG, seed=seed, cache="off") as chunks:
            async for chunk in chunks:
                self.got(chunk.end_ms)


def openai_address(address: str) -> str:
    """Return where OpenAI's route is, beside the WebSocket."""
    return address.replace("ws://", "http://").replace("/v1/stream", "/v1/audio/speech")


async def crowd(count: int, listen: Callable[[Listener, int], Awaitable[None]]) -> list[Listener]:
    """Let listeners come one after another, and all be there at once."""
    listeners = [Listener() for _ in range(count)]

    async def come(number: int) -> None:
        await asyncio.sleep(number * COMING_S / count)
        await listen(listeners[number], number)

    await asyncio.gather(*map(come, range(count)))
    return listeners


async def direct_crowd(url: str, count: int) -> list[Listener]:
    """Let them listen without the gateway."""
    async with AsyncClient("local", "any", f"{url}/v2") as client:
        return await crowd(count, lambda one, seed: one.directly(client, seed))


async def openai_crowd(address: str, count: int) -> list[Listener]:
    """Let them listen through OpenAI's route."""
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None)) as http:
        return await crowd(count, lambda one, seed: one.through_openai(http, address, seed))


def many_listeners() -> Iterator[Row]:
    """Measure whether anybody is refused or has to wait in the middle of a speech, by each way."""
    tone = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "2", "TTS_SLOTS": str(LISTENERS)}
    yield from listened("tone at 2 times real time", LISTENERS, tone)
    yield from listened("preview, as many as its slots", PREVIEW_SLOTS, {"TTS_ENGINE": "preview"})


def listened(voice: str, count: int, env: dict[str, str]) -> Iterator[Row]:
    """Let a crowd listen by the WebSocket, by OpenAI's route and without the gateway."""
    with (
        tempfile.TemporaryDirectory() as folder,
        endpoint(TTS_CACHE_DIR=folder, **env) as pod,
        gateway(pod.url) as (to, process),
    ):
        asyncio.run(Listener().through_socket(to, 999))
        before, began = process.cpu_times(), time.perf_counter()
        ways = {"WebSocket": asyncio.run(crowd(count, lambda one, seed: one.through_socket(to, seed)))}
        after, took = process.cpu_times(), time.perf_counter() - began
        ways["OpenAI's route"] = asyncio.run(openai_crowd(to, count))
        direct = asyncio.run(direct_crowd(pod.url, count))
    for way, listeners in ways.items():
        refused = sum(one.refused for one in listeners)
        bad = refused + sum(one.waited_ms > 0 for one in listeners)
        spare = [min(one.spare_ms for one in each) for each in (listeners, direct)]
        spread = f"({refused} refused; least left to play: {spare[0]:.0f} ms; without: {spare[1]:.0f} ms)"
        without = sum(one.waited_ms > 0 for one in direct)
        name = f"{count} listeners, {voice}, {way}: refused or starved"
        yield Row(name, bad, "", 0, "without the gateway", without, spread)
        firsts = [[one.first_s for one in each] for each in (listeners, direct)]
        spread = f"(max {max(firsts[0]):.2f})"
        yield Row("  first audio, p50", median(firsts[0]), "s", None, "without", median(firsts[1]), spread)
    cpu = (after.user + after.system - before.user - before.system) / took * 100
    yield Row("  CPU of the gateway for the WebSockets, of one core", cpu, "%")


def memory() -> Iterator[Row]:
    """Measure what a WebSocket adds to the gateway's memory, idle and while it is spoken to."""
    tone = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "2", "TTS_SLOTS": str(LISTENERS)}
    with (
        tempfile.TemporaryDirectory() as folder,
        endpoint(TTS_CACHE_DIR=folder, **tone) as pod,
        gateway(pod.url, **MANY) as (to, process),
    ):
        asyncio.run(Listener().through_socket(to, 999))
        empty = process.memory_info().rss
        idle = asyncio.run(held(to, process, IDLE)) - empty
        speaking = asyncio.run(peak(to, process)) - empty
    yield Row(f"memory that {IDLE} idle WebSockets add", max(0, idle) / 1e6, "MB", 100)
    yield Row("  one of them", max(0, idle) / IDLE / 1e3, "kB")
    yield Row(f"  one of {LISTENERS} that are spoken to", max(0, speaking) / LISTENERS / 1e3, "kB")
    yield Row("  the gateway with none", empty / 1e6, "MB")


async def held(address: str, process: psutil.Process, count: int) -> int:
    """Open WebSockets, and return the process's memory while all are open."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            socket_ = await stack.enter_async_context(connect(address, max_size=None))
            await socket_.recv()
        return int(process.memory_info().rss)


async def peak(address: str, process: psutil.Process) -> int:
    """Return the most memory of the process while a crowd listens."""
    seen = [0]

    async def watch() -> None:
        while True:
            seen.append(process.memory_info().rss)
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    await crowd(LISTENERS, lambda one, seed: one.through_socket(address, seed))
    watching.cancel()
    return max(seen)
