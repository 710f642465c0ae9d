"""RunPod's replies to a job's audio, in order and each piece once. No I/O, no clock.

A GET of /stream drains: what a lost reply held is gone from it, so gaps are filled from /status,
whose `output` is all records of the job. When the platform runs a job again, its records come
anew under another `attempt`. What was given out already is skipped: by bytes while the new audio
is the same; and where an engine that is not exact spoke it a little differently, by time: it goes on
with the first segment that was not heard, less the silence before it that was.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chatterpod.errors import Incomplete, JobCancelled, JobTimedOut, job_failed
from chatterpod.mp3 import DELAY, FRAME_SAMPLES, SAMPLE_RATE, frame_size

__all__ = ["FINAL", "Chunk", "Reception", "check_ended", "records_of"]

FINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
NOT_SUMMARY = frozenset({"audio_base64", "segments", "seq", "attempt", "start_ms", "end_ms", "final"})
BEFORE_ALL = (-1, -1)
HELD_MS = 200  # of a segment's end may still be in the encoder when its record goes out
LEAD_MS = 60  # frames draw on bytes of the two before them: those must be of the same take


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the speech: whole frames and what is said in them."""

    audio: bytes
    start_ms: int
    end_ms: int
    segments: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Any] | None = None  # in the last chunk only
    part: int = 0  # which job of a long text it comes from

    def __post_init__(self) -> None:
        if self.start_ms < 0 or self.end_ms < 0:
            raise ValueError(f"a chunk lies from {self.start_ms} to {self.end_ms} ms, expected 0 or later")


def records_of(output: Any) -> list[dict[str, Any]]:
    """Return a job's output as the records of its last attempt; a single record may come bare."""
    items = output if isinstance(output, list) else [output]
    records = [item for item in items if isinstance(item, dict)]
    return [record for record in records if record.get("attempt") == records[-1].get("attempt")]


def check_ended(reply: Mapping[str, Any]) -> bool:
    """Return whether the job is done, as a reply of /status or /runsync says.

    Raises:
        JobFailed, JobCancelled, JobTimedOut: It ended otherwise.
    """
    status = reply.get("status")
    if status == "FAILED":
        raise job_failed(reply.get("error"))
    if status == "CANCELLED":
        raise JobCancelled("the job was cancelled")
    if status == "TIMED_OUT":
        raise JobTimedOut("the job took longer than its endpoint allows")
    return status == "COMPLETED"


def audio_of(record: Mapping[str, Any]) -> bytes:
    """Return a record's audio.

    Raises:
        Incomplete: It is not base64.
    """
    try:
        return base64.b64decode(record.get("audio_base64") or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Incomplete(f"the audio of record {record.get('seq')} is damaged") from None


def place(segment: Mapping[str, Any]) -> tuple[int, int]:
    """Return where a segment ends in the text: its turn, and code points within it."""
    return int(segment.get("turn", 0)), int(segment.get("char_end", 0))


def later(audio: bytes, starts_ms: int | None, begins_ms: int, pause_ms: int) -> tuple[bytes, int]:
    """Return a record's audio from a segment on, with a pause before it, and when that begins.

    Args:
        audio: Whole frames of MP3, or PCM (s16le).
        starts_ms: When it starts, on the clock of its attempt; None where it is the attempt's first.
        begins_ms: When the segment begins, on the same clock.
        pause_ms: The silence wanted before it; a record that has less is returned whole.
    """
    try:
        size, samples, lead_ms, lag = frame_size(audio), FRAME_SAMPLES, LEAD_MS, DELAY
    except ValueError:
        size, samples, lead_ms, lag = 2, 1, 0, 0
    origin = -(lag * 1000 // SAMPLE_RATE) if starts_ms is None else starts_ms
    before = max(0, begins_ms - max(lead_ms, pause_ms) - origin)
    count = (2 * before * SAMPLE_RATE + 1000 * samples) // (2000 * samples)  # the nearest
    return audio[count * size :], origin + count * samples * 1000 // SAMPLE_RATE


class Reception:
    """Takes replies of /stream and /status; gives out chunks and says what to do next."""

    def __init__(self) -> None:
        self.done = False
        self._attempt: Any = None
        self._next = 0
        self._held: dict[int, Mapping[str, Any]] = {}  # came before one that is missing
        self._given = bytearray()
        self._given_ms = 0
        self._told: list[Mapping[str, Any]] = []  # segments of what was given
        self._heard = BEFORE_ALL  # the last of them that was given to its end
        self._silent_from = 0  # when that one ended
        self._at = 0  # bytes of this attempt taken so far
        self._same = True  # what this attempt repeats is what was given
        self._joined = True  # this attempt has reached what was not given yet
        self._repeated_to = 0  # on this attempt's clock: when what was heard ends in it
        self._shift_ms = 0  # of this attempt's times
        self._ended = False

    @property
    def needs_status(self) -> bool:
        """Whether /stream cannot bring the rest: records are missing, or the job is over."""
        return not self.done and (bool(self._held) or self._ended)

    def begin_again(self) -> None:
        """Expect the same speech from another job."""
        self._ended = False

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
        if not check_ended(reply):
            return []
        chunks = self._take(records_of(reply.get("output")))
        if not self.done:
            raise Incomplete(f"the job is done, but record {self._next} of it never came")
        return chunks

    def _take(self, records: Sequence[Any]) -> list[Chunk]:
        chunks: list[Chunk] = []
        for record in records:
            if not isinstance(record, Mapping) or not isinstance(record.get("seq"), int) or self.done:
                continue
            if record.get("attempt") != self._attempt:
                self._new_attempt(record.get("attempt"))
            if record["seq"] >= self._next:
                self._held[record["seq"]] = record
            while self._next in self._held and not self.done:
                chunk = self._give(self._held.pop(self._next))
                self._next += 1
                if chunk is not None:
                    chunks.append(chunk)
        return chunks

    def _new_attempt(self, attempt: Any) -> None:
        self._attempt = attempt
        self._next = self._at = self._shift_ms = self._repeated_to = 0
        self._held.clear()
        self._same = True
        self._joined = not self._given
        heard = [told for told in self._told if told.get("end_ms", 0) <= self._given_ms + HELD_MS]
        self._heard = max(map(place, heard), default=BEFORE_ALL)
        self._silent_from = max((int(told.get("end_ms", 0)) for told in heard), default=0)

    def _give(self, record: Mapping[str, Any]) -> Chunk | None:
        """Return the record's chunk, less what an earlier attempt brought."""
        audio = audio_of(record)
        self.done = bool(record.get("final"))
        fresh, segments = self._fresh(record, audio, list(record.get("segments") or ()))
        start, end = (int(record.get(name, 0)) + self._shift_ms for name in ("start_ms", "end_ms"))
        if not fresh and not self.done:
            return None
        start = max(start, self._given_ms if self._given else 0)
        self._given += fresh
        self._given_ms = max(self._given_ms, end)
        told = tuple(map(self._moved, segments))
        self._told += told
        return Chunk(fresh, start, max(start, end), told, self._summary(record) if self.done else None)

    def _fresh(
        self, record: Mapping[str, Any], audio: bytes, segments: list[Mapping[str, Any]]
    ) -> tuple[bytes, list[Mapping[str, Any]]]:
        """Return what of a record was not given yet."""
        if self._joined:
            return audio, segments
        at, self._at = self._at, self._at + len(audio)
        known = self._given[at : at + len(audio)]
        self._same = self._same and audio.startswith(known)
        if self._same:
            self._joined = self._at >= len(self._given)
            told = max(map(place, self._told), default=BEFORE_ALL)
            return audio[len(known) :], [segment for segment in segments if place(segment) > told]
        new = [segment for segment in segments if place(segment) > self._heard]
        ends = [int(old.get("end_ms", 0)) for old in segments if place(old) <= self._heard]
        self._repeated_to = max([self._repeated_to, *ends])
        if not new:
            return b"", []
        self._joined = True
        begins = int(new[0].get("start_ms", 0))
        pause = begins - self._repeated_to - (self._given_ms - self._silent_from)
        starts = int(record.get("start_ms", 0)) if at else None
        fresh, start = later(audio, starts, begins, pause)
        self._shift_ms = self._given_ms - start
        return fresh, new

    def _summary(self, record: Mapping[str, Any]) -> dict[str, Any]:
        summary = {name: value for name, value in record.items() if name not in NOT_SUMMARY}
        if self._shift_ms:
            summary["duration_ms"] = int(record.get("duration_ms", 0)) + self._shift_ms
            summary["size_bytes"] = len(self._given)
        return summary

    def _moved(self, segment: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._shift_ms:
            return segment
        times = {name: max(0, int(segment.get(name, 0)) + self._shift_ms) for name in ("start_ms", "end_ms")}
        return {**segment, **times}


def moved(chunk: Chunk, milliseconds: int, characters: int = 0, turns: int = 0) -> Chunk:
    """Return the chunk at a later place of a longer speech and of its text."""
    segments = []
    for segment in chunk.segments:
        shifted = {name: int(segment.get(name, 0)) + milliseconds for name in ("start_ms", "end_ms")}
        shifted |= {name: int(segment.get(name, 0)) + characters for name in ("char_start", "char_end")}
        if "turn" in segment:
            shifted["turn"] = int(segment["turn"]) + turns
        segments.append({**segment, **shifted})
    start, end = chunk.start_ms + milliseconds, chunk.end_ms + milliseconds
    return replace(chunk, start_ms=start, end_ms=end, segments=tuple(segments))
