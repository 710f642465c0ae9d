"""The direct server as a child process, and how its speech is asked for."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect

__all__ = ["Direct", "by_http", "by_socket", "direct", "opened"]

READY_S = 300.0


@dataclass(frozen=True)
class Direct:
    """A running server, and how many seconds after its start it answered 204 and 200."""

    url: str
    folder: Path  # of its cache
    process: psutil.Process
    answered_s: float
    ready_s: float

    @property
    def socket(self) -> str:
        """The address of its WebSocket."""
        return self.url.replace("http", "ws") + "/v1/stream"


@contextmanager
def direct(**env: str) -> Iterator[Direct]:
    """Run `python -m gateway.direct` with these settings, on a free port, until the end of the block."""
    with tempfile.TemporaryDirectory() as folder:
        given = {
            **os.environ,
            "TTS_CACHE_DIR": f"{folder}/cache",
            "TTS_VOICES_DIR": f"{folder}/voices",
            **env,
        }
        command = [sys.executable, "-m", "gateway.direct", "--port", "0"]
        began = time.perf_counter()
        with subprocess.Popen(
            command, env=given, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        ) as process:
            try:
                line = process.stderr.readline() if process.stderr else ""
                url = re.findall(r"http://\S+", line)[0]
                answered, ready = (
                    seconds_until(f"{url}/ping", allowed, began) for allowed in ({204, 200}, {200})
                )
                yield Direct(url, Path(folder) / "cache", psutil.Process(process.pid), answered, ready)
            finally:
                process.terminate()


def seconds_until(address: str, allowed: set[int], began: float) -> float:
    """Return how many seconds after `began` one of these statuses was answered."""
    while time.perf_counter() - began < READY_S:
        try:
            if httpx.get(address).status_code in allowed:
                return time.perf_counter() - began
        except httpx.TransportError:
            pass
        time.sleep(0.005)
    raise RuntimeError("the direct server did not become ready")


async def by_http(http: httpx.AsyncClient, text: str, seed: int, cache: str = "off") -> tuple[float, int]:
    """Return the ms from a request of OpenAI's route to its first audio byte, and the status."""
    began = time.perf_counter()
    body = {"input": text, "seed": seed, "cache": cache}
    async with http.stream("POST", "/v1/audio/speech", json=body) as answer:
        first = 0.0
        async for part in answer.aiter_raw():
            if part and not first:
                first = (time.perf_counter() - began) * 1000
    return first, answer.status_code


async def by_socket(ws: ClientConnection, name: str, text: str, **options: object) -> float:
    """Return the ms from `speak` on an open socket to its first audio; all of it is read."""
    began, first = time.perf_counter(), 0.0
    await ws.send(json.dumps({"type": "speak", "context_id": name, "text": text, **options}))
    async for frame in ws:
        if isinstance(frame, bytes):
            first = first or (time.perf_counter() - began) * 1000
        elif (message := json.loads(frame))["type"] in {"done", "error"} and message["context_id"] == name:
            break
    return first


async def opened(address: str) -> ClientConnection:
    """Return a socket that is ready."""
    ws = await connect(address, max_size=None, compression=None)
    await asyncio.wait_for(ws.recv(), READY_S)
    return ws
