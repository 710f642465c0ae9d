"""RunPod's replies to a job's audio, in order and each piece once. No I/O, no clock.

A GET of /stream drains: what a lost reply held is gone from it, so gaps are filled from /status,
whose `output` is all records of the job. When the platform runs a job again, its records come
anew under another `attempt`; what was given out already is skipped by its place in the speech.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatterpod.errors import Incomplete, JobCancelled, JobFailed, JobTimedOut

__all__ = ["FINAL", "Chunk", "Reception", "records_of"]

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the speech: whole frames and what is said in them."""

    audio: bytes
    start_ms: int
    end_ms: int
    segments: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Any] | None  # in the last chunk only


def records_of(output: Any) -> list[dict[str, Any]]:
    """Return a job's output as a list of records: the SDK makes it a list, others do not."""
    items = output if isinstance(output, list) else [output]
    return [item for item in items if isinstance(item, dict)]


class Reception:
    """Takes replies of /stream and /status; gives out chunks and says what to do next."""

    def __init__(self) -> None:
        self.done = False
        self._attempt = ""
        self._next = 0
        self._held: dict[int, dict[str, Any]] = {}  # came before one that is missing
        self._given_ms = 0
        self._given_bytes = 0
        self._skip = 0  # bytes of this attempt that an earlier one brought
        self._ended = False

    @property
    def needs_status(self) -> bool:
        """Whether /stream cannot bring the rest: records are missing, or the job is over."""
        return not self.done and (bool(self._held) or self._ended)

    def take_stream(self, reply: Mapping[str, Any]) -> list[Chunk]:
        """Take a reply of /stream; return the chunks that are now in order."""
        items = reply.get("stream") or []
        chunks = self._take([item.get("output") for item in items if isinstance(item, dict)])
        self._ended = reply.get("status") in FINAL and not items
        return chunks

    def take_status(self, reply: Mapping[str, Any]) -> list[Chunk]:
        """Take a reply of /status; return the chunks that it fills in.

        Raises:
            JobFailed, JobCancelled, JobTimedOut: as the platform says.
            Incomplete: The job is done, and records are missing all the same.
        """
        status = reply.get("status")
        if status == "FAILED":
            raise JobFailed(str(reply.get("error") or "the job failed and the endpoint does not say why"))
        if status == "CANCELLED":
            raise JobCancelled("the job was cancelled")
        if status == "TIMED_OUT":
            raise JobTimedOut("the job took longer than its endpoint allows")
        if status != "COMPLETED":
            return []
        records = records_of(reply.get("output"))
        attempts = [record.get("attempt") for record in records]
        chunks = self._take([r for r in records if r.get("attempt") == attempts[-1]] if attempts else [])
        if not self.done:
            raise Incomplete(f"the job is done, but record {self._next} of it never came")
        return chunks

    def _take(self, records: Sequence[Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for record in records:
            if not isinstance(record, dict) or "seq" not in record or self.done:
                continue
            if record.get("attempt") != self._attempt:
                self._attempt = str(record.get("attempt"))
                self._next = 0
                self._skip = self._given_bytes
                self._held.clear()
            if record["seq"] >= self._next:
                self._held[record["seq"]] = record
            while self._next in self._held:
                chunks += self._give(self._held.pop(self._next))
                self._next += 1
        return chunks

    def _give(self, record: dict[str, Any]) -> list[Chunk]:
        """Return the record's chunk, less what an earlier attempt brought: a byte is a place in time."""
        is_final = bool(record.get("final"))
        self.done = self.done or is_final
        start, end = int(record.get("start_ms", 0)), int(record.get("end_ms", 0))
        audio = base64.b64decode(record.get("audio_base64") or "")
        known, self._skip = min(self._skip, len(audio)), max(0, self._skip - len(audio))
        if known and known == len(audio) and not is_final:
            return []
        segments = [s for s in record.get("segments") or () if s["start_ms"] >= self._given_ms or not known]
        self._given_bytes += len(audio) - known
        self._given_ms = max(self._given_ms, end)
        summary = (
            {k: v for k, v in record.items() if k not in {"audio_base64", "segments"}} if is_final else None
        )
        return [Chunk(audio[known:], start, end, tuple(segments), summary)]
