"""An endpoint in memory, and a gateway that really listens."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import websockets
from chatterpod import Chunk, EngineFailed, UnknownVoice
from websockets.asyncio.client import ClientConnection, connect

from gateway.app import create_app
from gateway.server import Server, configured
from gateway.settings import GatewaySettings
from segmenter import plan

FRAME = 192  # bytes: 24 ms at 64 kbit/s
DELAY_MS = 46  # of an MP3 encoder and its decoder
MS_PER_CHARACTER = 48
TOKEN = "a-token-of-sixteen-or-more"
KEY = "rpa_the-key-that-nobody-sees"


def audio_of(text: str, form: str = "mp3") -> list[tuple[bytes, int, int]]:
    """Return what the endpoint below makes of a text: audio and its times, one for each segment."""
    made, at = [], 0
    for number, segment in enumerate(plan(text)):
        length = len(segment.text) * MS_PER_CHARACTER + segment.pause_ms // 24 * 24
        if form == "pcm":
            audio = bytes([number % 250]) * (length * 48)
        else:
            audio = bytes([number % 250]) * (length // 24 * FRAME)
        made.append((audio, at, at + length))
        at += length
    if form == "mp3":
        audio, start, end = made[-1]
        made[-1] = (audio + bytes(FRAME * 3), start, end)  # 72 ms of delay and padding
    return made


class MemoryEndpoint:
    """Speaks at once, or when `gate` is opened; voices other than `default` and `anna` are unknown."""

    def __init__(self) -> None:
        self.jobs: dict[str, Mapping[str, Any]] = {}
        self.cancelled: list[str] = []
        self.operations: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.breakdowns = 0  # jobs that fail for no fault of theirs
        self.hold_after = 10_000  # chunks of a job that come before the gate
        self.door = asyncio.Event()  # closed: a submission is on its way
        self.door.set()
        self.asked = 0  # submissions that were begun

    async def submit(self, given: Mapping[str, Any]) -> str:
        self.asked += 1
        await self.door.wait()
        job = f"job-{len(self.jobs)}"
        self.jobs[job] = given
        return job

    async def receive(self, job: str) -> AsyncGenerator[Chunk, None]:
        given = self.jobs[job]
        if given.get("voice", "default") not in {"default", "anna"}:
            raise UnknownVoice(f"there is no voice {given['voice']!r}")
        if self.breakdowns:
            self.breakdowns -= 1
            raise EngineFailed("it broke")
        if "explode" in given["text"]:
            raise RuntimeError("a secret of the inside")
        pieces = audio_of(given["text"], given.get("format", "mp3"))
        segments = plan(given["text"])
        for number, ((audio, start, end), segment) in enumerate(zip(pieces, segments, strict=True)):
            if number >= self.hold_after or "wait" in given["text"]:
                await self.gate.wait()
            caption = {
                "text": segment.text,
                "char_start": segment.char_start,
                "char_end": segment.char_end,
                "start_ms": start,
                "end_ms": end,
            }
            last = number == len(pieces) - 1
            yield Chunk(audio, start, end, (caption,), {"duration_ms": end} if last else None)

    async def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    async def operate(self, op: str) -> Mapping[str, Any]:
        self.operations.append(op)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(op)
            raise
        return {"op": op, "voices": ["default", "anna"]}

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass
class Running:
    """A gateway that listens, and what it speaks through."""

    url: str
    endpoint: MemoryEndpoint
    http: httpx.AsyncClient
    server: Server

    def connect(self, token: str | None = TOKEN, **options: Any) -> connect:
        """Return a connection to its WebSocket, to be entered."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= options.pop("additional_headers", {})
        address = self.url.replace("http", "ws") + "/v1/stream"
        return connect(address, additional_headers=headers, max_size=None, **options)


@asynccontextmanager
async def running(endpoint: MemoryEndpoint | None = None, /, **settings: Any) -> AsyncIterator[Running]:
    """Serve a gateway on a free port of this machine."""
    endpoint = endpoint or MemoryEndpoint()
    defaults: dict[str, Any] = {"tokens": (TOKEN,), "endpoint_id": "ep", "api_key": KEY}
    chosen = GatewaySettings(**(defaults | settings))
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(chosen, endpoint)
    server = Server(configured(app, chosen), lambda: None, app.state.requests.end)
    serving = asyncio.create_task(server.serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        async with httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
        ) as http:
            yield Running(url, endpoint, http, server)
    finally:
        server.should_exit = True
        await serving


class Talk:
    """One client's side of the WebSocket protocol: sends messages, sorts what comes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.audio: dict[str, bytes] = {}
        self._awaiting: dict[str, Any] | None = None

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        """Return the next message; the audio that one announces is taken with it."""
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
        """Return the next message of a kind, having read all before it."""
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
async def talking(gateway: Running, **options: Any) -> AsyncIterator[Talk]:
    """Connect, and wait until the gateway is ready."""
    async with gateway.connect(**options) as socket:
        talk = Talk(socket)
        await talk.until("ready")
        yield talk


__all__ = [
    "KEY",
    "TOKEN",
    "MemoryEndpoint",
    "Running",
    "Talk",
    "audio_of",
    "running",
    "talking",
    "websockets",
]
