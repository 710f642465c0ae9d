"""What the gateway adds, and how many it serves: words of an LLM to first audio, fifty listeners at once."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator

import httpx
from websockets.asyncio.client import ClientConnection, connect

from bench.endpoints import endpoint
from bench.listeners import gateway, many_listeners, memory, openai_address
from bench.table import Guard, Row, median, p95, parser, report

TOKENS_A_SECOND = 40
LEAST = 25  # characters
LEFT_S = 1.0  # after a listener has left, until the engine has nothing to do
ANSWERS = (
    "The harbour was quiet that morning, and only the gulls had opinions about the fish that was left there.",
    "Well, that depends on what you mean by early, because the ferry has never once left before it was full.",
    "When the war was over, the baker opened his shop again; nobody asked him where the flour had come from.",
    "If you turn left at the old lighthouse, you will see a path that leads down to the water.",
    "I would not worry about it too much. It has happened before, and each time they found the key.",
    "There are three reasons for what they did: the weather, the price of coal, and a parrot.",
)


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


async def by_socket(address: str, seed: int) -> float:
    """Return the ms from the text to the first audio over the WebSocket."""
    async with connect(address, max_size=None) as ws:
        await ws.recv()  # ready
        began = time.perf_counter()
        await ws.send(json.dumps({"type": "speak", "text": ANSWERS[0], "seed": seed, "cache": "off"}))
        async for frame in ws:
            if isinstance(frame, bytes):
                break
        return (time.perf_counter() - began) * 1000


async def by_openai(http: httpx.AsyncClient, address: str, seed: int) -> float:
    """Return the ms from the request to the first audio over OpenAI's route, on an open connection."""
    body = {"input": ANSWERS[0], "seed": seed, "cache": "off"}
    await http.get(openai_address(address).replace("audio/speech", "models"))
    began = time.perf_counter()
    async with http.stream("POST", openai_address(address), json=body) as answer:
        async for part in answer.aiter_raw():
            if part:
                break
        return (time.perf_counter() - began) * 1000


async def in_turns(address: str, count: int, guard: Guard) -> dict[str, list[float]]:
    """Return the ms of both ways, each first in every other round.

    Both speak on a connection that is open already. The HTTP client is one for all: each loads the
    system's certificates, and their removal later fell into what is measured.
    """
    ways: dict[str, list[float]] = {"socket": [], "openai": []}
    async with httpx.AsyncClient(timeout=60) as http:
        turns: list[tuple[str, Callable[[int], Awaitable[float]]]] = [
            ("socket", lambda seed: by_socket(address, seed)),
            ("openai", lambda seed: by_openai(http, address, seed)),
        ]
        for _, way in turns:
            await way(998)  # starts the worker, and loads what either way needs; not counted
            await asyncio.sleep(LEFT_S)
        for number in range(count):
            guard()
            for name, way in turns if number % 2 else turns[::-1]:
                ways[name].append(await way(number))
                await asyncio.sleep(LEFT_S)
    return ways


def first_audio(count: int, guard: Guard) -> Iterator[Row]:
    """Compare OpenAI's route with the WebSocket, in turns, with the preview engine, warm."""
    with (
        tempfile.TemporaryDirectory() as folder,
        endpoint(TTS_CACHE_DIR=folder) as pod,
        gateway(pod.url) as (to, _),
    ):
        ways = asyncio.run(in_turns(to, count, guard))
    later = median([openai - own for own, openai in zip(*ways.values(), strict=True)])
    spread = f"(p95 {p95(ways['openai']):.0f}, n={count})"
    yield Row("first audio through OpenAI's route, warm, p50", median(ways["openai"]), "ms", spread=spread)
    spread = f"(p95 {p95(ways['socket']):.0f}, n={count})"
    yield Row("  through our own socket, in turns, p50", median(ways["socket"]), "ms", spread=spread)
    yield Row("  OpenAI's route later than the socket, p50 of the pairs", later, "ms", 15)


PARTS: dict[str, Callable[[int, Guard], Iterator[Row]]] = {
    "words": words_to_audio,
    "first": first_audio,
    "listeners": lambda _count, _guard: many_listeners(),
    "memory": lambda _count, _guard: memory(),
}


def main() -> int:
    """Run it; return 1 if a goal is missed."""
    options = parser("gateway", "The gateway: words to first audio, by each interface; listeners; memory.")
    options.add_argument(
        "parts", nargs="*", choices=PARTS, default=list(PARTS), help="what to measure; all by default"
    )
    given = options.parse_args()
    guard = Guard()
    count = 6 if given.quick else 16
    rows = [row for name in given.parts for row in PARTS[name](count, guard)]
    report(rows, guard, given.json)
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
