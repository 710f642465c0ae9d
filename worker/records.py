"""Records: what the handler yields, one JSON object for each chunk of audio."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from encoder import SAMPLE_RATE
from worker.chunks import Caption, Chunk, Layout

__all__ = ["MIMETYPES", "RecordWriter"]

ITEM_BYTES = 700_000  # of base64 in one record; RunPod's limit on a stream item is 1 MB
FIRST_MS = 4_000  # of audio in the first record of stored speech
MIMETYPES = {"mp3": "audio/mpeg", "pcm": f"audio/pcm;rate={SAMPLE_RATE};channels=1"}  # not L16: little-endian


@dataclass(slots=True)
class RecordWriter:
    """Numbers the records of one attempt at a job and puts their fields together."""

    attempt: str
    layout: Layout
    texts: Sequence[str]
    voices: Sequence[str] | None  # one a turn, for a dialogue
    seq: int = field(default=0, init=False)

    def of_chunk(self, chunk: Chunk, limit: int = ITEM_BYTES) -> Iterator[dict[str, Any]]:
        """Yield the records of one chunk; only a very long segment makes more than one."""
        yield from self._split(chunk.audio, chunk.start_byte, chunk.captions, limit, None)

    def of_stored(self, audio: bytes, captions: Sequence[Caption]) -> Iterator[dict[str, Any]]:
        """Yield stored frames: about four seconds first, then as much as fits."""
        yield from self._split(audio, 0, captions, ITEM_BYTES, FIRST_MS)

    def of_file(self, data: bytes, captions: Sequence[Caption], duration_ms: int) -> Iterator[dict[str, Any]]:
        """Yield a whole file, tags included, in as few records as fit."""
        size = ITEM_BYTES // 4 * 3
        for start in range(0, max(1, len(data)), size):
            end = start + size
            place = [round(duration_ms * min(1, at / max(1, len(data)))) for at in (start, end)]
            yield self._record(data[start:end], (place[0], place[1]), captions if start == 0 else ())

    def _split(
        self, audio: bytes, at: int, captions: Sequence[Caption], limit: int, first_ms: int | None
    ) -> Iterator[dict[str, Any]]:
        pieces = list(self.layout.cut(audio, limit // 4 * 3, first_ms))
        for number, piece in enumerate(pieces):
            ends = (self.layout.milliseconds(at), self.layout.milliseconds(at + len(piece)))
            is_last = number == len(pieces) - 1
            due = [c for c in captions if number == 0 or c.start_ms >= ends[0]]
            inside = due if is_last else [c for c in due if c.start_ms < ends[1]]
            yield self._record(piece, ends, inside)
            at += len(piece)

    def _record(self, audio: bytes, times: tuple[int, int], captions: Sequence[Caption]) -> dict[str, Any]:
        record = {
            "seq": self.seq,
            "attempt": self.attempt,
            "audio_base64": base64.b64encode(audio).decode("ascii"),
            "start_ms": times[0],
            "end_ms": times[1],
            "segments": [caption.as_json(self.texts, self.voices) for caption in captions],
        }
        self.seq += 1
        return record
