"""What many do to a direct server at once: listeners, cached speech, idle sockets, slow readers."""

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from bench.direct_server import Direct, direct
from bench.listeners import IDLE, LISTENERS, MANY, Listener, crowd, held
from bench.table import Row, median, p95

__all__ = ["crowds"]

RATE = 200  # requests of cached speech a second
PHRASES = 20
CLIENTS = 32  # connections, by a client that costs little: httpx makes no 200 requests a second
READERS = 10  # that are slow, and as many that take nothing
SLOW_BYTES = 1_000  # a second
LEFT_S = 75.0  # until who takes nothing must have left: what the kernel holds, and 30 s
MADE_S = 240.0  # until the slow readers' speech must be stored
SENTENCE = "The harbour was quiet that morning, and only the gulls had opinions about it. "


def crowds(cached_s: float) -> Iterator[Row]:
    """Measure all crowds; the cached speech for so many seconds."""
    tone = {"TTS_ENGINE": "tone", "TTS_TONE_SPEED": "2", "TTS_SLOTS": str(LISTENERS)}
    with direct(**tone, **MANY) as server:
        yield from listened(server)
        yield from idle(server)
    with direct(TTS_ENGINE="tone") as server:
        yield from cached(server, cached_s)
    with direct(TTS_ENGINE="tone", TTS_TONE_SPEED="5", TTS_SLOTS=str(2 * READERS)) as server:
        yield from slow(server)


def listened(server: Direct) -> Iterator[Row]:
    """Measure whether anybody of fifty who come within ten seconds is refused or waits amid a speech."""
    asyncio.run(Listener().through_socket(server.socket, 999))
    heard = asyncio.run(crowd(LISTENERS, lambda one, seed: one.through_socket(server.socket, seed)))
    refused, waited = sum(one.refused for one in heard), sum(one.waited_ms > 0 for one in heard)
    spread = f"({refused} refused; least left to play: {min(one.spare_ms for one in heard):.0f} ms)"
    yield Row(
        f"{LISTENERS} listeners within 10 s: refused or starved", refused + waited, "", 0, spread=spread
    )
    firsts = [one.first_s * 1000 for one in heard]
    yield Row("  first audio, p95", p95(firsts), "ms", spread=f"(p50 {median(firsts):.0f})")


def idle(server: Direct) -> Iterator[Row]:
    """Measure what idle sockets add to the memory."""
    before = server.process.memory_info().rss
    more = asyncio.run(held(server.socket, server.process, IDLE)) - before
    yield Row(f"memory that {IDLE} idle WebSockets add", max(0, more) / 1e6, "MB", 100)


def cached(server: Direct, seconds: float) -> Iterator[Row]:
    """Measure requests of stored speech at a steady rate."""
    times, refused = asyncio.run(steady(server, seconds))
    spread = f"(p50 {median(times):.0f}, max {max(times):.0f}, n={len(times)})"
    yield Row(
        f"{RATE} requests a second of cached speech, {seconds:.0f} s, p95",
        p95(times),
        "ms",
        50,
        spread=spread,
    )
    yield Row("  refused or failed", refused, "", 0)


async def steady(server: Direct, seconds: float) -> tuple[list[float], int]:
    """Return the ms of each request's whole answer, from when it was due, and how many were not answered."""
    bodies = [f'{{"input": "{SENTENCE} {number}", "stream": false}}'.encode() for number in range(PHRASES)]
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        for body in bodies:
            await http.post("/v1/audio/speech", content=body)
    numbers = iter(range(int(seconds * RATE)))
    times: list[float] = []
    began = time.perf_counter()

    async def client() -> None:
        """Ask on one connection, which is kept, for whatever is due next."""
        address = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        for number in numbers:
            due = began + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            body = bodies[number % PHRASES]
            writer.write(head_of(address.netloc, body) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"(?i)content-length: (\d+)", head)
            if head.startswith(b"HTTP/1.1 200") and size is not None:
                await reader.readexactly(int(size[1]))
                times.append((time.perf_counter() - due) * 1000)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)), return_exceptions=True)
    return times, int(seconds * RATE) - len(times)


def head_of(host: str, body: bytes) -> bytes:
    """Return a request's head for OpenAI's route."""
    return f"POST /v1/audio/speech HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode()


def slow(server: Direct) -> Iterator[Row]:
    """Measure what readers at 1 KB a second and readers that take nothing cost, and what becomes of both."""
    asyncio.run(Listener().through_socket(server.socket, 999))
    before = server.process.memory_info().rss
    readers = [asked(server, seed) for seed in range(2 * READERS)]
    taking, still = readers[:READERS], readers[READERS:]
    peak, left_s, began = before, 0.0, time.perf_counter()
    while (took := time.perf_counter() - began) < MADE_S:
        time.sleep(1.0)
        for one in taking:
            one.recv(SLOW_BYTES)
        peak = max(peak, server.process.memory_info().rss)
        making = figure(server, "gateway_speeches")
        if not left_s and making <= READERS:
            left_s = took
        if making == 0:
            break
    time.sleep(3.0)  # until what is made is encoded and written
    stored = len(list(server.folder.glob("*.mp3")))
    yield Row(
        f"{2 * READERS} readers, half at 1 KB/s, half that take nothing: memory more",
        (peak - before) / 1e6,
        "MB",
        200,
    )
    yield Row("  slow ones whose speech was not stored", READERS - stored, "", 0)
    yield Row(
        "  until who takes nothing has left, and its speech is cancelled", left_s or MADE_S, "s", LEFT_S
    )
    for one in (*taking, *still):
        one.close()


def asked(server: Direct, seed: int) -> socket.socket:
    """Return a connection that has asked for 10,000 characters, with as little room as the system allows."""
    text = (SENTENCE * 200)[:9_999]
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    address = urlsplit(server.url)
    made.connect((address.hostname, address.port))
    body = f'{{"input": "{text}", "seed": {seed}}}'.encode()
    made.sendall(head_of(address.netloc, body) + body)
    return made


def figure(server: Direct, name: str) -> float:
    """Return one of the server's metrics; 0 if it is not there yet."""
    lines = httpx.get(f"{server.url}/metrics", timeout=30).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)
