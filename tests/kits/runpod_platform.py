"""A platform in one object: it speaks any number of jobs, with each reply's fate chosen by the test."""

import base64
import json
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
import numpy as np

from encoder import Mp3Encoder, PcmEncoder
from worker.engines import Utterance
from worker.engines.tone import tone

__all__ = ["Platform", "spoken_records"]

SAMPLES_A_CHARACTER = 240  # 10 ms: long texts stay short
PAUSE = 300  # ms after a text, as the worker's


def spoken_records(given: dict[str, Any], attempt: str) -> list[dict[str, Any]]:
    """Return the records of real MP3 frames for an input, one a sentence, as the worker would."""
    return [record | {"attempt": attempt} for record in spoken_once(json.dumps(given, sort_keys=True))]


@cache
def spoken_once(job_input: str) -> list[dict[str, Any]]:
    """Return the records of an input, which is written as JSON, without the attempt."""
    given = json.loads(job_input)
    said = given.get("turns") or [{"text": given["text"], "voice": given.get("voice", "default")}]
    encoder = PcmEncoder() if given.get("format") == "pcm" else Mp3Encoder(bit_rate=given.get("bit_rate", 64))
    records: list[dict[str, Any]] = []
    samples = 0
    for number, turn in enumerate(said):
        count = max(1, len(turn["text"]) * SAMPLES_A_CHARACTER)
        wave = tone(Utterance(0, "", "default", "en", 1.0, int(given.get("seed") or 0), {}), count)
        audio = encoder.push(np.concatenate([wave, np.zeros(PAUSE * 24, np.float32)]))
        start, samples = samples, samples + count + PAUSE * 24
        segment = {"text": turn["text"], "char_start": 0, "char_end": len(turn["text"])}
        segment |= {"start_ms": start // 24, "end_ms": (start + count) // 24}
        if "turns" in given:
            segment |= {"turn": number, "voice": turn["voice"]}
        record: dict[str, Any] = {"seq": number, "start_ms": start // 24, "end_ms": samples // 24}
        if number == len(said) - 1:
            audio += encoder.flush()
            record |= {"final": True, "duration_ms": samples // 24, "cache_hit": False, "engine": "tone"}
            record |= {"warnings": [], "generation_time_ms": 5, "chunks_processed": len(said)}
        records.append(record | {"segments": [segment], "audio_base64": base64.b64encode(audio).decode()})
    return records


class Platform(httpx.MockTransport):
    """Speaks every job at once; `fate` sees each request's number and path, and may refuse or lose it."""

    def __init__(
        self, fate: Callable[[int, str], str] = lambda _number, _path: "", *, together: int = 0
    ) -> None:
        super().__init__(self.answer)
        self.fate = fate
        self._together = together  # no audio before so many jobs were there at once
        self._lock = threading.Lock()
        self.requests = 0
        self.inputs: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self.open = self.most_open = 0
        self._queues: dict[str, list[dict[str, Any]]] = {}
        self._outputs: dict[str, list[dict[str, Any]]] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rsplit("/v2/ep", 1)[1]
        with self._lock:
            fate = self.fate(self.requests, path)
            self.requests += 1
            if fate.isdigit():
                return httpx.Response(int(fate))
            reply = self.route(path, json.loads(request.content or "{}"))
        if fate == "lost":
            raise httpx.ReadError("connection reset")
        return httpx.Response(200, json=reply)

    def route(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        _, operation, *rest = path.split("/")
        if operation == "run":
            job = f"job-{len(self.inputs)}"
            self.inputs.append(body["input"])
            self.bodies.append(body)
            self._outputs[job] = spoken_records(body["input"], job)
            self._queues[job] = list(self._outputs[job])
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            return {"id": job, "status": "IN_QUEUE"}
        job = rest[0]
        if operation == "cancel":
            self.cancelled.append(job)
            return {"id": job, "status": "CANCELLED"}
        if operation == "status":
            return {"id": job, "status": "COMPLETED", "output": self._outputs[job]}
        if self.most_open < self._together:
            return {"status": "IN_PROGRESS", "stream": []}
        items = [self._queues[job].pop(0)] if self._queues[job] else []
        status = "IN_PROGRESS" if self._queues[job] else "COMPLETED"
        self.open -= bool(items and status == "COMPLETED")
        return {"status": status, "stream": [{"output": item} for item in items]}
