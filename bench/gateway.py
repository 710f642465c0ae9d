"""What the gateway adds, and how many it serves: words of an LLM to first audio, fifty listeners at once."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
from chatterpod import AsyncClient
from websockets.asyncio.client import ClientConnection, connect

from bench.endpoints import endpoint
from bench.table import Guard, Row, median, p95, parser, report

TOKENS_A_SECOND = 40
LEAST = 25  # characters
LISTENERS = 50
COMING_S = 10.0  # in which they come; each then listens for 21 s at the least
ANSWERS = (
    "The harbour was quiet that morning, and only the gulls had opinions about the fish that was left there.",
    "Well, that depends on what you mean by early, because the ferry has never once left before it was full.",
    "When the war was over, the baker opened his shop again; nobody asked him where the flour had come from.",
    "If you turn left at the old lighthouse, you will see a path that leads down to the water.",
    "I would not worry about it too much. It has happened before, and each time they found the key.",
    "There are three reasons for what they did: the weather, the price of coal, and a parrot.",
)
LONG = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
) * 3


@contextmanager
def gateway(url: str) -> Iterator[tuple[str, psutil.Process]]:
    """Run `python -m gateway` before a local endpoint; yield its address and its process."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    env = {**os.environ, "RUNPOD_ENDPOINT_ID": "local", "RUNPOD_API_KEY": "any"}
    env["RUNPOD_ENDPOINT_BASE_URL"] = f"{url}/v2"
    with subprocess.Popen([sys.executable, "-m", "gateway", "--port", str(port)], env=env) as process:
        try:
            while not answers(f"http://127.0.0.1:{port}/healthz"):
                time.sleep(0.05)
            yield f"ws://127.0.0.1:{port}/v1/stream", psutil.Process(process.pid)
        finally:
            process.terminate()


def answers(address: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx.get(address).is_success
    except httpx.TransportError:
        return False


def tokens(text: str) -> list[str]:
    """Return a text as a model writes it: words in pieces of at most five letters, the space before them."""
    made = []
    for number, word in enumerate(text.split(" ")):
        piece = word if number == 0 else " " + word
        made += [piece[at : at + 6] for at in range(0, len(piece), 6)]
    return made


def clause_end(text: str) -> int:
    """Return where the first clause of 25 characters is complete, with its mark: less is not spoken alone."""
    return min(at for mark in ",;:." if (at := text.find(mark, LEAST)) >= 0) + 1


async def answered(address: str, text: str, seed: int) -> tuple[float, float]:
    """Write an answer at a model's pace; return the ms to first audio, from its start and from its clause."""
    async with connect(address, max_size=None) as ws:
        await ws.send(json.dumps({"type": "start", "seed": seed, "cache": "off"}))
        began = time.perf_counter()
        clause_at = [began]
        writing = asyncio.create_task(written(ws, text, clause_at))
        async for frame in ws:
            if isinstance(frame, bytes):
                first = time.perf_counter()
                break
        await writing
        return (first - began) * 1000, (first - clause_at[0]) * 1000


async def written(ws: ClientConnection, text: str, clause_at: list[float]) -> None:
    """Send a text token by token; note when its first clause was out."""
    began, length = time.perf_counter(), 0
    for number, token in enumerate(tokens(text)):
        await asyncio.sleep(max(0.0, began + number / TOKENS_A_SECOND - time.perf_counter()))
        await ws.send(json.dumps({"type": "text", "text": token}))
        if length < clause_end(text) <= length + len(token):
            clause_at[0] = time.perf_counter()
        length += len(token)


def words_to_audio(count: int, guard: Guard) -> Iterator[Row]:
    """Measure a model's first clause to the first audio, with the preview engine."""
    with (
        tempfile.TemporaryDirectory() as folder,
        endpoint(TTS_CACHE_DIR=folder) as pod,
        gateway(pod.url) as (to, _),
    ):
        asyncio.run(answered(to, ANSWERS[0], 999))  # starts the worker
        times = []
        for number in range(count):
            guard()
            times.append(asyncio.run(answered(to, ANSWERS[number % len(ANSWERS)], number)))
    after = [clause for _, clause in times]
    spread = f"(p95 {p95(after):.0f}, max {max(after):.0f}, n={count})"
    yield Row(
        "LLM at 40 tokens/s: first complete clause to first audio, p50",
        median(after),
        "ms",
        350,
        spread=spread,
    )
    yield Row("  from its first token", median([whole for whole, _ in times]), "ms")


@dataclass
class Listener:
    """What one listener heard: when the first audio came, and how long the voice was not there since."""

    first_s: float = 0.0
    waited_ms: float = 0.0
    spare_ms: float = float("inf")  # the least that was left to play when more came
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

    async def through_gateway(self, address: str, seed: int) -> None:
        """Play a speech as the gateway sends it."""
        async with connect(address, max_size=None) as ws:
            self.asked()
            await ws.send(json.dumps({"type": "speak", "text": LONG, "seed": seed, "cache": "off"}))
            async for frame in ws:
                message: dict[str, Any] = json.loads(frame) if isinstance(frame, str) else {"type": "binary"}
                if message["type"] == "audio":
                    self.got(message["end_ms"])
                if message["type"] in {"done", "error"}:
                    return

    async def directly(self, client: AsyncClient, seed: int) -> None:
        """Play a speech as the Python client gives it out."""
        self.asked()
        async with client.stream(LONG, seed=seed, cache="off") as chunks:
            async for chunk in chunks:
                self.got(chunk.end_ms)


async def crowd(listen: Callable[[Listener, int], Awaitable[None]]) -> list[Listener]:
    """Let listeners come one after another, and all be there at once."""
    listeners = [Listener() for _ in range(LISTENERS)]

    async def come(number: int) -> None:
        await asyncio.sleep(number * COMING_S / LISTENERS)
        await listen(listeners[number], number)

    await asyncio.gather(*map(come, range(LISTENERS)))
    return listeners


async def direct_crowd(url: str) -> list[Listener]:
    """Let them listen without the gateway."""
    async with AsyncClient("local", "any", f"{url}/v2") as client:
        return await crowd(lambda one, seed: one.directly(client, seed))


def many_listeners() -> Iterator[Row]:
    """Measure whether anybody has to wait in the middle of a speech, with the gateway and without."""
    env = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "2", "TTS_SLOTS": str(LISTENERS)}
    with (
        tempfile.TemporaryDirectory() as folder,
        endpoint(TTS_CACHE_DIR=folder, **env) as pod,
        gateway(pod.url) as (to, process),
    ):
        asyncio.run(Listener().through_gateway(to, 999))
        before, began = process.cpu_times(), time.perf_counter()
        through = asyncio.run(crowd(lambda one, seed: one.through_gateway(to, seed)))
        after, took = process.cpu_times(), time.perf_counter() - began
        memory = process.memory_info().rss / 1e6
        direct = asyncio.run(direct_crowd(pod.url))
    starved = [sum(one.waited_ms > 0 for one in listeners) for listeners in (through, direct)]
    spare = [min(one.spare_ms for one in listeners) for listeners in (through, direct)]
    spread = f"(least left to play when more came: {spare[0]:.0f} ms; without: {spare[1]:.0f} ms)"
    name = f"{LISTENERS} listeners, tone at 2 times real time: who starved"
    yield Row(name, starved[0], "", 0, "without the gateway", starved[1], spread)
    firsts = [[one.first_s for one in listeners] for listeners in (through, direct)]
    spread = f"(max {max(firsts[0]):.2f})"
    yield Row("  first audio, p50", median(firsts[0]), "s", None, "without", median(firsts[1]), spread)
    cpu = (after.user + after.system - before.user - before.system) / took * 100
    yield Row("  CPU of the gateway, of one core", cpu, "%", spread=f"({memory:.0f} MB)")


def main() -> int:
    """Run it; return 1 if a goal is missed."""
    given = parser(
        "gateway", "The gateway: an LLM's words to first audio, and fifty listeners at once."
    ).parse_args()
    guard = Guard()
    rows = [*words_to_audio(6 if given.quick else 16, guard), *many_listeners()]
    report(rows, guard, given.json)
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
