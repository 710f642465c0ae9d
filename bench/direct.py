"""Direct mode beside the queue and an empty handler, in one run: how long until somebody is heard.

`python -m bench.direct` prints lines, and with `--json FILE` writes them; `--quick` measures less.
`bench.crowds` has what many listeners do to it.
"""

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
from websockets.asyncio.client import connect

from bench.crowds import crowds
from bench.direct_server import Direct, by_http, by_socket, direct, opened
from bench.endpoints import Endpoint, endpoint
from bench.gateway import ANSWERS, answered
from bench.listeners import gateway
from bench.table import Guard, Row, median, p95, parser, report

SIXTY = "Good morning to all of you, and welcome to the old harbour."
PHRASE = "Let me check that for you."
LONG = (
    "The harbour was quiet that morning, and only the gulls had opinions. A ferry left for the islands at "
    "ten past nine, as it did every day of the year. Nobody waved, because nobody had risen in time to wave. "
)
PAUSE_S = 0.05  # between two requests: the engine has nothing left to do
Way = Callable[[int], Awaitable[float]]


async def in_turns(ways: dict[str, Way], count: int, guard: Guard) -> dict[str, list[float]]:
    """Measure each way `count` times, in turns, each begun by another; the first turn does not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(count + 1):
        guard()
        await asyncio.sleep(PAUSE_S)
        first = number % len(names)
        for name in names[first:] + names[:first]:
            took = await ways[name](number)
            if number:
                times[name].append(took)
            await asyncio.sleep(PAUSE_S)
    return times


def first_audio(
    engine: str, text: str, goals: tuple[float, float], count: int, guard: Guard
) -> Iterator[Row]:
    """Measure the first audio by HTTP, by WebSocket and through a queue, and an empty handler's record."""
    with (
        tempfile.TemporaryDirectory() as folder,
        direct(TTS_ENGINE=engine) as server,
        endpoint(TTS_CACHE_DIR=folder, TTS_ENGINE=engine) as pod,
        endpoint(str(Path(__file__).with_name("empty_worker.py"))) as empty,
        gateway(pod.url) as (to, _),
    ):
        times = asyncio.run(all_ways(server, to, empty, text, count, guard))
    name = f"{engine}, {len(text)} characters: request to first audio"
    for way in ("HTTP", "WebSocket"):
        for title, of, goal in (("p50", median, goals[0]), ("p95", p95, goals[1])):
            beside = "through the queue", of(times["queue"])
            spread = f"(empty handler {of(times['empty']):.0f}, n={count})"
            yield Row(f"{name}, {way}, {title}", of(times[way]), "ms", goal, *beside, spread)


async def all_ways(
    server: Direct, queue: str, empty: Endpoint, text: str, count: int, guard: Guard
) -> dict[str, list[float]]:
    """Measure all four in turns."""
    ws, queued = await opened(server.socket), await opened(queue)
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http, ws, queued:

        async def http_way(seed: int) -> float:
            return (await by_http(http, text, seed))[0]

        async def empty_way(_: int) -> float:
            return await asyncio.to_thread(empty.first_ms, {"text": ""})

        return await in_turns(
            {
                "HTTP": http_way,
                "WebSocket": lambda seed: by_socket(ws, f"a{seed}", text, seed=seed, cache="off"),
                "queue": lambda seed: by_socket(queued, f"a{seed}", text, seed=seed, cache="off"),
                "empty": empty_way,
            },
            count,
            guard,
        )


def conversation(count: int, guard: Guard) -> Iterator[Row]:
    """Measure a voice agent with the preview engine: words, a phrase said before, an interruption."""
    with (
        tempfile.TemporaryDirectory() as folder,
        direct(TTS_ENGINE="preview") as server,
        endpoint(TTS_CACHE_DIR=folder, TTS_ENGINE="preview") as pod,
        gateway(pod.url) as (to, _),
    ):
        ways: dict[str, Way] = {
            name: lambda seed, address=address: clause(address, seed)  # type: ignore[misc]
            for name, address in (("direct", server.socket), ("queue", to))
        }
        words = asyncio.run(in_turns(ways, count, guard))
        for title, of, goal in (("p50", median, 90), ("p95", p95, 140)):
            beside = "through the queue", of(words["queue"])
            name = f"40 tokens a second: first complete clause to first audio, preview, {title}"
            yield Row(name, of(words["direct"]), "ms", goal, *beside, f"(n={count})")
        said = asyncio.run(in_turns({"said": lambda n: phrase(server.socket, n)}, count, guard))["said"]
        yield Row(
            "a phrase said before, in a context, p50", median(said), "ms", 20, spread=f"(p95 {p95(said):.1f})"
        )
        both = asyncio.run(in_turns(interruption(server), count, guard))
    later = [cut - idle for cut, idle in zip(both["cut"], both["idle"], strict=True)]
    each = f"idle {median(both['idle']):.0f}, after a cancel {median(both['cut']):.0f}"
    name = "cancel to the next speech's first audio, more than idle, p50"
    yield Row(name, median(later), "ms", 100, spread=f"(p95 {p95(later):.0f}; {each})")


async def clause(address: str, seed: int) -> float:
    """Return the ms from a model's first complete clause to the first audio."""
    return (await answered(address, ANSWERS[seed % len(ANSWERS)], seed))[1]


async def phrase(address: str, number: int) -> float:
    """Return the ms from the flush of a phrase that was said before to its first audio, in a context."""
    async with connect(address, max_size=None, compression=None) as ws:
        await ws.recv()
        name = f"c{number}"
        await ws.send(json.dumps({"type": "start", "context_id": name}))
        await ws.send(json.dumps({"type": "text", "context_id": name, "text": PHRASE}))
        began = time.perf_counter()
        await ws.send(json.dumps({"type": "flush", "context_id": name}))
        async for frame in ws:
            if isinstance(frame, bytes):
                return (time.perf_counter() - began) * 1000
    raise RuntimeError("the phrase was not spoken")


def interruption(server: Direct) -> dict[str, Way]:
    """Return how to measure a speech's first audio on an idle engine, and right after a cancel."""

    async def idle(seed: int) -> float:
        ws = await opened(server.socket)
        async with ws:
            return await by_socket(ws, "next", SIXTY, seed=seed, cache="off")

    async def cut(seed: int) -> float:
        ws = await opened(server.socket)
        async with ws:
            speak = {"type": "speak", "context_id": "long", "text": LONG * 8, "seed": seed, "cache": "off"}
            await ws.send(json.dumps(speak))
            async for frame in ws:
                if isinstance(frame, bytes):
                    break
            await asyncio.sleep(0.05)
            await ws.send(json.dumps({"type": "cancel", "context_id": "long", "played_ms": 100}))
            return await by_socket(ws, "next", SIXTY, seed=seed, cache="off")

    return {"idle": idle, "cut": cut}


def life() -> Iterator[Row]:
    """Measure the start, and what SIGTERM does to ten speeches."""
    with direct(TTS_ENGINE="preview") as server:
        yield Row("process start to 204", server.answered_s * 1000, "ms", 1_000)
        yield Row("  to 200, preview", server.ready_s * 1000, "ms")
    with direct(TTS_ENGINE="tone", TTS_TONE_SPEED="6", TTS_SLOTS="10") as server:
        lost, refused, code = asyncio.run(ended(server))
    yield Row("SIGTERM with 10 speeches: broken off, or not whole", lost, "", 0)
    yield Row("  new ones: answered with another status than 503", refused, "", 0)
    yield Row("  exit code", code, "", 0)


async def ended(server: Direct) -> tuple[int, int, int]:
    """Return how many of ten speeches were not whole, how many new ones were taken, and the exit code."""
    async with httpx.AsyncClient(base_url=server.url, timeout=120) as http:
        whole = len((await http.post("/v1/audio/speech", json={"input": LONG, "seed": 99})).content)
        asking = [
            asyncio.create_task(http.post("/v1/audio/speech", json={"input": LONG, "seed": seed}))
            for seed in range(10)
        ]
        await until(http, "/metrics", lambda answer: 'kind="speech"} 11' in answer.text)
        server.process.send_signal(signal.SIGTERM)
        await until(http, "/ping", lambda answer: answer.status_code == 503)
        late = await http.post("/v1/audio/speech", json={"input": "Hello."})
        answers = await asyncio.gather(*asking)
    code = await asyncio.to_thread(server.process.wait, 60)
    return (
        sum(len(answer.content) != whole for answer in answers),
        int(late.status_code != 503),
        int(code or 0),
    )


async def until(http: httpx.AsyncClient, path: str, holds: Callable[[httpx.Response], bool]) -> None:
    """Ask until an answer is as it has to be."""
    while True:
        if holds(await http.get(path)):
            return
        await asyncio.sleep(0.01)


def main() -> int:
    """Run it; return 1 if a goal is missed."""
    command = parser("direct", "Direct mode beside the queue: first audio, a conversation, crowds, the end.")
    command.add_argument("--no-crowds", action="store_true", help="leave out what takes minutes")
    given = command.parse_args()
    guard = Guard()
    count = 8 if given.quick else 40
    rows = [
        *first_audio("tone", SIXTY, (20, 35), count, guard),
        *first_audio("preview", SIXTY, (55, 80), count, guard),
        *conversation(count // 2, guard),
        *life(),
        *(() if given.no_crowds else crowds(10.0 if given.quick else 60.0)),
    ]
    report(rows, guard, given.json)
    return int(any(row.holds is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
