"""An endpoint that misbehaves as told: /run, /stream, /status and /cancel behind httpx's transport."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import httpx

__all__ = ["FRAME", "FakeEndpoint", "records"]

FRAME = 192  # bytes: 24 ms at 64 kbit/s


def records(count: int, attempt: str = "a", frames: int = 10) -> list[dict[str, Any]]:
    """Return the records of a speech whose bytes tell their place."""
    made = []
    for seq in range(count):
        audio = b"".join(bytes([seq * frames + n]) * FRAME for n in range(frames))
        start = seq * frames * 24
        record = {
            "seq": seq,
            "attempt": attempt,
            "audio_base64": base64.b64encode(audio).decode(),
            "start_ms": start,
            "end_ms": start + frames * 24,
            "segments": [
                {"text": f"s{seq}", "char_start": 0, "char_end": 2, "start_ms": start, "end_ms": start}
            ],
        }
        made.append(record)
    made[-1] |= {"final": True, "duration_ms": made[-1]["end_ms"], "cache_hit": False, "engine": "tone"}
    return made


class FakeEndpoint(httpx.MockTransport):
    """Gives out one batch of records a GET, drained; `faults` says what happens to which request."""

    def __init__(
        self,
        batches: Iterable[list[dict[str, Any]]],
        aggregate: list[dict[str, Any]] | None = None,
        faults: dict[int, str] | None = None,
        end: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(self.answer)
        self.batches = list(batches)
        self.aggregate = aggregate
        self.faults = faults or {}
        self.end = end or {"status": "COMPLETED"}
        self.seen: list[str] = []
        self.cancelled = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rsplit("/v2/ep", 1)[1]
        fault = self.faults.get(len(self.seen), "")
        self.seen.append(path)
        if fault.isdigit():
            return httpx.Response(int(fault), headers={"Retry-After": "1"})
        reply = self.route(path, json.loads(request.content or "{}"))
        if fault == "slow":
            raise httpx.ReadTimeout("it takes too long")
        if fault == "lost":
            raise httpx.ReadError("connection reset")
        return httpx.Response(200, json=reply) if reply is not None else httpx.Response(404)

    def route(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if path in {"/run", "/runsync"}:
            return {"id": "job-1", "status": "IN_QUEUE"}
        if path == "/cancel/job-1":
            self.cancelled = True
            return {"id": "job-1", "status": "CANCELLED"}
        if path == "/stream/job-1":
            items = self.batches.pop(0) if self.batches else []
            status = "IN_PROGRESS" if self.batches or items else self.end["status"]
            return {"status": status, "stream": [{"output": item} for item in items]}
        if path == "/status/job-1":
            return self.end | {"output": self.aggregate}
        return None
