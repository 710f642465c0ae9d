"""A job's records, from RunPod's replies, as chunks in order, each audio once. No I/O, no clock.

Each record is in one reply of /stream only. If that reply is lost, the record is taken from
/status, whose `output` is all records of the job. When RunPod runs a job again, all records come
again under another `attempt`, and audio that was given out already is skipped: by bytes as long as
the new audio is the same; by time if it differs (not every engine repeats itself exactly). Then the
stream continues with the first segment that was not given out to its end, and with what is left of
the pause before it.
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
NOT_SUMMARY = frozenset(
    {"audio", "audio_base64", "segments", "seq", "attempt", "start_ms", "end_ms", "final"}
)
BEFORE_ALL = (-1, -1)
HELD_MS = 200  # a record may lack this much of its last segment: it is still in the encoder
LEAD_MS = 60  # an MP3 frame uses bytes of the two before it, so those must be of the same take


@dataclass(frozen=True, slots=True)
class Chunk:
    """Audio that came at once, with its place in the speech."""

    audio: bytes  # whole MP3 frames, or PCM (s16le, 24 kHz, mono)
    start_ms: int
    end_ms: int
    segments: Sequence[Mapping[str, Any]]  # those that begin in it, as docs/api.md describes them
    summary: Mapping[str, Any] | None = None  # of the whole speech, in the last chunk only
    part: int = 0  # the number of its job in a long text, from 0

    def __post_init__(self) -> None:
        if self.start_ms < 0 or self.end_ms < 0:
            raise ValueError(f"a chunk is at {self.start_ms} to {self.end_ms} ms, expected 0 or later")


def records_of(output: Any) -> list[dict[str, Any]]:
    """Return the records of the last attempt in a job's output, which is a list of records or one record."""
    items = output if isinstance(output, list) else [output]
    records = [item for item in items if isinstance(item, dict)]
    return [record for record in records if record.get("attempt") == records[-1].get("attempt")]


def check_ended(reply: Mapping[str, Any]) -> bool:
    """Return whether a reply of /status or /runsync says that the job is completed.

    Raises:
        JobFailed, JobCancelled, JobTimedOut: It ended in another way.
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
    """Return a record's audio, which over a WebSocket comes as it is.

    Raises:
        Incomplete: It is not valid base64.
    """
    if isinstance(record.get("audio"), bytes):
        return bytes(record["audio"])
    try:
        return base64.b64decode(record.get("audio_base64") or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Incomplete(f"the audio of record {record.get('seq')} is damaged") from None


def text_end(segment: Mapping[str, Any]) -> tuple[int, int]:
    """Return where a segment ends in the text: its turn, and the code points before its end there."""
    return int(segment.get("turn", 0)), int(segment.get("char_end", 0))


def audio_from(audio: bytes, start_ms: int | None, segment_ms: int, pause_ms: int) -> tuple[bytes, int]:
    """Return a record's audio from a segment on, with a pause before it, and the start of that in ms.

    Args:
        audio: Whole MP3 frames, or PCM (s16le).
        start_ms: When the record starts, on its attempt's clock; None for the attempt's first record.
        segment_ms: When the segment starts, on the same clock.
        pause_ms: Silence to keep before the segment; a record with less silence is returned whole.
    """
    try:
        size, samples, lead_ms, lag = frame_size(audio), FRAME_SAMPLES, LEAD_MS, DELAY
    except ValueError:
        size, samples, lead_ms, lag = 2, 1, 0, 0
    origin = -(lag * 1000 // SAMPLE_RATE) if start_ms is None else start_ms
    skipped_ms = max(0, segment_ms - max(lead_ms, pause_ms) - origin)
    count = (2 * skipped_ms * SAMPLE_RATE + 1000 * samples) // (2000 * samples)  # rounded
    return audio[count * size :], origin + count * samples * 1000 // SAMPLE_RATE


class Reception:
    """Takes replies of /stream and /status; returns chunks, and says which of the two to ask next."""

    def __init__(self) -> None:
        self.done = False
        self._ended = False  # the job has ended and /stream is empty
        # Given out so far, over all attempts:
        self._audio = bytearray()
        self._end_ms = 0
        self._segments: list[Mapping[str, Any]] = []
        # The attempt being read:
        self._attempt: Any = None
        self._next = 0  # the seq expected
        self._waiting: dict[int, Mapping[str, Any]] = {}  # records that came before a missing one
        self._shift_ms = 0  # added to the attempt's times
        # While it repeats what was given out:
        self._repeats = False
        self._same = True  # its audio so far equals what was given out
        self._read = 0  # bytes of it
        self._last_whole = BEFORE_ALL  # text_end of the last segment that was given out to its end
        self._last_whole_ms = 0  # when that segment ended, given out
        self._repeated_ms = 0  # when that segment ends, on the attempt's clock

    @property
    def needs_status(self) -> bool:
        """Whether /stream cannot bring the rest: records are missing, or the job has ended."""
        return not self.done and (bool(self._waiting) or self._ended)

    def begin_again(self) -> None:
        """Expect the same speech from another job."""
        self._ended = False

    def take_stream(self, reply: Mapping[str, Any]) -> list[Chunk]:
        """Take a reply of /stream; return the chunks that are now in order."""
        items = reply.get("stream") or []
        chunks = self.take([item.get("output") for item in items if isinstance(item, dict)])
        self._ended = reply.get("status") in FINAL and not items
        return chunks

    def take_status(self, reply: Mapping[str, Any]) -> list[Chunk]:
        """Take a reply of /status; return the chunks that were missing.

        Raises:
            JobFailed, JobCancelled, JobTimedOut: The job ended so.
            Incomplete: The job is completed, but its output lacks records.
        """
        if not check_ended(reply):
            return []
        chunks = self.take(records_of(reply.get("output")))
        if not self.done:
            raise Incomplete(f"the job is done, but its record {self._next} is missing")
        return chunks

    def take(self, records: Sequence[Any]) -> list[Chunk]:
        """Take records, in any order; return the chunks that are now in order."""
        chunks: list[Chunk] = []
        for record in records:
            if not isinstance(record, Mapping) or not isinstance(record.get("seq"), int) or self.done:
                continue
            if record.get("attempt") != self._attempt:
                self._new_attempt(record.get("attempt"))
            if record["seq"] >= self._next:
                self._waiting[record["seq"]] = record
            while self._next in self._waiting and not self.done:
                chunk = self._chunk_of(self._waiting.pop(self._next))
                self._next += 1
                if chunk is not None:
                    chunks.append(chunk)
        return chunks

    def _new_attempt(self, attempt: Any) -> None:
        self._attempt = attempt
        self._next = self._read = self._shift_ms = self._repeated_ms = 0
        self._waiting.clear()
        self._same = True
        self._repeats = bool(self._audio)
        whole = [segment for segment in self._segments if segment.get("end_ms", 0) <= self._end_ms + HELD_MS]
        self._last_whole = max(map(text_end, whole), default=BEFORE_ALL)
        self._last_whole_ms = max((int(segment.get("end_ms", 0)) for segment in whole), default=0)

    def _chunk_of(self, record: Mapping[str, Any]) -> Chunk | None:
        """Return what is new in the record; None if nothing is."""
        audio, segments = audio_of(record), list(record.get("segments") or ())
        self.done = bool(record.get("final"))
        if self._repeats:
            audio, segments = self._new_in(record, audio, segments)
        start, end = (int(record.get(name, 0)) + self._shift_ms for name in ("start_ms", "end_ms"))
        if not audio and not self.done:
            return None
        start = max(start, self._end_ms if self._audio else 0)
        self._audio += audio
        self._end_ms = max(self._end_ms, end)
        shifted = tuple(map(self._shifted, segments))
        self._segments += shifted
        return Chunk(audio, start, max(start, end), shifted, self._summary(record) if self.done else None)

    def _new_in(
        self, record: Mapping[str, Any], audio: bytes, segments: list[Mapping[str, Any]]
    ) -> tuple[bytes, list[Mapping[str, Any]]]:
        """Return the audio and segments of a record that were not given out yet."""
        at, self._read = self._read, self._read + len(audio)
        known = self._audio[at : at + len(audio)]
        self._same = self._same and audio.startswith(known)
        if self._same:
            self._repeats = self._read < len(self._audio)
            last = max(map(text_end, self._segments), default=BEFORE_ALL)
            return audio[len(known) :], [segment for segment in segments if text_end(segment) > last]
        new = [segment for segment in segments if text_end(segment) > self._last_whole]
        ends = [int(old.get("end_ms", 0)) for old in segments if text_end(old) <= self._last_whole]
        self._repeated_ms = max([self._repeated_ms, *ends])
        if not new:
            return b"", []
        self._repeats = False
        segment_ms = int(new[0].get("start_ms", 0))
        pause_ms = segment_ms - self._repeated_ms - (self._end_ms - self._last_whole_ms)
        record_ms = int(record.get("start_ms", 0)) if at else None
        fresh, start_ms = audio_from(audio, record_ms, segment_ms, pause_ms)
        self._shift_ms = self._end_ms - start_ms
        return fresh, new

    def _summary(self, record: Mapping[str, Any]) -> dict[str, Any]:
        summary = {name: value for name, value in record.items() if name not in NOT_SUMMARY}
        if self._shift_ms:
            summary["duration_ms"] = int(record.get("duration_ms", 0)) + self._shift_ms
            summary["size_bytes"] = len(self._audio)
        return summary

    def _shifted(self, segment: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._shift_ms:
            return segment
        times = {name: max(0, int(segment.get(name, 0)) + self._shift_ms) for name in ("start_ms", "end_ms")}
        return {**segment, **times}


def moved(chunk: Chunk, milliseconds: int, characters: int = 0, turns: int = 0) -> Chunk:
    """Return the chunk with times, text offsets and turn numbers moved on, as part of a longer speech."""
    segments = []
    for segment in chunk.segments:
        shifted = {name: int(segment.get(name, 0)) + milliseconds for name in ("start_ms", "end_ms")}
        shifted |= {name: int(segment.get(name, 0)) + characters for name in ("char_start", "char_end")}
        if "turn" in segment:
            shifted["turn"] = int(segment["turn"]) + turns
        segments.append({**segment, **shifted})
    start, end = chunk.start_ms + milliseconds, chunk.end_ms + milliseconds
    return replace(chunk, start_ms=start, end_ms=end, segments=tuple(segments))
