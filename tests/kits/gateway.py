"""A queue in memory, and a gateway that listens on a real port."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import websockets
from chatterpod import Chunk, EngineFailed, UnknownVoice
from websockets.asyncio.client import ClientConnection, connect

from gateway.app import create_app
from gateway.background import BackgroundTasks
from gateway.endpoint import Endpoint
from gateway.gateway import Gateway
from gateway.metrics import Metrics
from gateway.queue_endpoint import QueueEndpoint
from gateway.server import Server, bind, configured
from gateway.settings import GatewaySettings
from segmenter import plan

FRAME = 192  # bytes: 24 ms at 64 kbit/s
DELAY_MS = 46  # of an MP3 encoder and its decoder
MS_PER_CHARACTER = 48
TOKEN = "a-token-of-sixteen-or-more"
KEY = "rpa_the-key-that-nobody-sees"


def audio_of(text: str, audio_format: str = "mp3") -> list[tuple[bytes, int, int]]:
    """Return what `MemoryQueue` makes of a text: the bytes, start and end in ms of each segment."""
    chunks, at = [], 0
    for number, segment in enumerate(plan(text)):
        length = len(segment.text) * MS_PER_CHARACTER + segment.pause_ms // 24 * 24
        if audio_format == "pcm":
            audio = bytes([number % 250]) * (length * 48)
        else:
            audio = bytes([number % 250]) * (length // 24 * FRAME)
        chunks.append((audio, at, at + length))
        at += length
    if audio_format == "mp3":
        audio, start, end = chunks[-1]
        chunks[-1] = (audio + bytes(FRAME * 3), start, end)  # 72 ms of delay and padding
    return chunks


class MemoryQueue:
    """Speaks at once, or when `gate` is set; knows the voices `default` and `anna`."""

    def __init__(self) -> None:
        self.jobs: dict[str, Mapping[str, Any]] = {}
        self.cancelled: list[str] = []
        self.operations: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures_left = 0  # jobs that fail with EngineFailed
        self.hold_after = 10_000  # chunks of a job that do not wait for `gate`
        self.submit_gate = asyncio.Event()  # cleared: submissions do not arrive
        self.submit_gate.set()
        self.submissions = 0  # calls of `submit`, arrived or not

    async def submit(self, job_input: Mapping[str, Any]) -> str:
        self.submissions += 1
        await self.submit_gate.wait()
        job = f"job-{len(self.jobs)}"
        self.jobs[job] = job_input
        return job

    async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        job_input = self.jobs[job]
        if job_input.get("voice", "default") not in {"default", "anna"}:
            raise UnknownVoice(f"there is no voice {job_input['voice']!r}")
        if self.failures_left:
            self.failures_left -= 1
            raise EngineFailed("it broke")
        if "explode" in job_input["text"]:
            raise RuntimeError("a secret internal detail")
        chunks = audio_of(job_input["text"], job_input.get("format", "mp3"))
        segments = plan(job_input["text"])
        for number, ((audio, start, end), segment) in enumerate(zip(chunks, segments, strict=True)):
            if number >= self.hold_after or "wait" in job_input["text"]:
                await self.gate.wait()
            caption = {
                "text": segment.text,
                "char_start": segment.char_start,
                "char_end": segment.char_end,
                "start_ms": start,
                "end_ms": end,
            }
            last = number == len(chunks) - 1
            yield Chunk(audio, start, end, (caption,), {"duration_ms": end} if last else None)

    async def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    async def operate(self, op: str, **fields: str) -> Mapping[str, Any]:
        self.operations.append(op)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(op)
            raise
        return {"op": op, "voices": ["default", "anna"]}

    async def close(self) -> None:
        """Close nothing."""


@dataclass
class RunningGateway:
    """A gateway that listens, and its endpoint's queue."""

    url: str
    queue: MemoryQueue
    http: httpx.AsyncClient
    server: Server
    gateway: Gateway

    def connect(self, token: str | None = TOKEN, **options: Any) -> connect:
        """Return a connection to its WebSocket, as a context manager."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("additional_headers", {})
        address = self.url.replace("http", "ws") + "/v1/stream"
        return connect(address, additional_headers=headers, max_size=None, **options)


@asynccontextmanager
async def running_gateway(
    queue: MemoryQueue | None = None, /, **settings: Any
) -> AsyncIterator[RunningGateway]:
    """Serve a gateway on a free port of this machine."""
    queue = queue or MemoryQueue()
    async with served(partial(QueueEndpoint, queue), **settings) as gateway:
        gateway.queue = queue
        yield gateway


@asynccontextmanager
async def served(
    endpoint_of: Callable[[Metrics, BackgroundTasks], Endpoint], **settings: Any
) -> AsyncIterator[RunningGateway]:
    """Serve a gateway that speaks through an endpoint on a free port of this machine."""
    defaults: dict[str, Any] = {"tokens": (TOKEN,), "endpoint_id": "ep", "api_key": KEY}
    chosen = GatewaySettings(**(defaults | settings))
    listening = bind("127.0.0.1", 0)
    app = create_app(chosen, endpoint_of)
    server = Server(configured(app, chosen), lambda: None, app.state.requests.end)
    serving = asyncio.create_task(server.serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
        ) as http:
            yield RunningGateway(url, MemoryQueue(), http, server, app.state.gateway)
    finally:
        server.should_exit = True
        await serving


class SocketClient:
    """One client's side of the WebSocket protocol: sends messages, keeps messages and audio apart."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.audio: dict[str, bytes] = {}
        self._awaiting: dict[str, Any] | None = None

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        """Return the next message; read the audio frame that follows an `audio` message."""
        async with asyncio.timeout(20):
            message: dict[str, Any] = json.loads(await self.socket.recv())
            if message["type"] == "audio":
                audio = await self.socket.recv()
                assert isinstance(audio, bytes)
                assert len(audio) == message["bytes"]
                name = message["context_id"]
                self.audio[name] = self.audio.get(name, b"") + audio
        self.messages.append(message)
        return message

    async def until(self, kind: str, context_id: str | None = None) -> dict[str, Any]:
        """Read messages until one of this type; return it."""
        while True:
            message = await self.next()
            if message["type"] == kind and context_id in {None, message.get("context_id")}:
                return message

    def captions(self, context_id: str = "main") -> list[dict[str, Any]]:
        return [
            caption
            for message in self.messages
            if message["type"] == "audio" and message["context_id"] == context_id
            for caption in message["captions"]
        ]


@asynccontextmanager
async def connected(gateway: RunningGateway, **options: Any) -> AsyncIterator[SocketClient]:
    """Connect, and wait for `ready`."""
    async with gateway.connect(**options) as socket:
        client = SocketClient(socket)
        await client.until("ready")
        yield client


__all__ = [
    "KEY",
    "TOKEN",
    "MemoryQueue",
    "RunningGateway",
    "SocketClient",
    "audio_of",
    "connected",
    "running_gateway",
    "served",
    "websockets",
]
