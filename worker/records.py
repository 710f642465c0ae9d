"""Records: the JSON objects that a job yields."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from encoder import SAMPLE_RATE
from worker.chunks import Caption, Chunk, Layout

__all__ = ["MIMETYPES", "RecordWriter"]

ITEM_BYTES = 700_000  # of base64 in one record; RunPod's limit on a stream item is 1 MB
FIRST_MS = 4_000  # of audio in the first record of stored speech
MIMETYPES = {
    "mp3": "audio/mpeg",
    "pcm": f"audio/pcm;rate={SAMPLE_RATE};channels=1",
}  # not L16, which is big-endian


@dataclass(slots=True)
class RecordWriter:
    """Makes the records of one attempt at a job, numbered from 0.

    Args:
        attempt: Identifies the attempt: RunPod may run a job again.
        layout: Of the audio.
        texts: One for each turn.
        voices: One for each turn of a dialogue; None for a plain text.
        binary: Whether a record has its audio as bytes, `audio`, instead of `audio_base64`.
        offset: Of `texts` in the text as it was given, in code points: captions in records count from there.
    """

    attempt: str
    layout: Layout
    texts: Sequence[str]
    voices: Sequence[str] | None
    offset: int = 0
    binary: bool = False
    seq: int = field(default=0, init=False)

    def of_chunk(self, chunk: Chunk, limit: int = ITEM_BYTES) -> Iterator[dict[str, Any]]:
        """Yield the records of one chunk: one, unless its base64 is longer than `limit`."""
        yield from self._split(chunk.audio, chunk.start_byte, chunk.captions, limit, None)

    def of_stored(self, audio: bytes, captions: Sequence[Caption]) -> Iterator[dict[str, Any]]:
        """Yield the records of stored audio: about four seconds first, then as much as fits into each.

        They end in pauses as far as there are any, so that each can be decoded by itself.
        """
        yield from self._split(audio, 0, captions, ITEM_BYTES, FIRST_MS)

    def of_file(self, data: bytes, captions: Sequence[Caption], duration_ms: int) -> Iterator[dict[str, Any]]:
        """Yield a whole file with its tags in as few records as possible."""
        size = ITEM_BYTES // 4 * 3
        for start in range(0, max(1, len(data)), size):
            end = start + size
            begins, ends = (round(duration_ms * min(1, at / max(1, len(data)))) for at in (start, end))
            yield self._record(data[start:end], (begins, ends), captions if start == 0 else ())

    def _split(
        self, audio: bytes, at: int, captions: Sequence[Caption], limit: int, first_ms: int | None
    ) -> Iterator[dict[str, Any]]:
        pauses = self.layout.pauses(captions) if first_ms is not None else ()
        pieces = list(self.layout.cut(audio, limit // 4 * 3, first_ms, pauses))
        for number, piece in enumerate(pieces):
            ends = (self.layout.milliseconds(at), self.layout.milliseconds(at + len(piece)))
            is_last = number == len(pieces) - 1
            due = [c for c in captions if number == 0 or c.start_ms >= ends[0]]
            contained = due if is_last else [c for c in due if c.start_ms < ends[1]]
            yield self._record(piece, ends, contained)
            at += len(piece)

    def _record(self, audio: bytes, times: tuple[int, int], captions: Sequence[Caption]) -> dict[str, Any]:
        record = {
            "seq": self.seq,
            "attempt": self.attempt,
            **self._audio(audio),
            "start_ms": times[0],
            "end_ms": times[1],
            "segments": [self._caption(caption) for caption in captions],
        }
        self.seq += 1
        return record

    def _audio(self, audio: bytes) -> dict[str, Any]:
        return {"audio": audio} if self.binary else {"audio_base64": base64.b64encode(audio).decode("ascii")}

    def _caption(self, caption: Caption) -> dict[str, Any]:
        """Return a caption as JSON; it has a turn and a voice only if the request is a dialogue."""
        found: dict[str, Any] = {
            "text": self.texts[caption.turn][caption.char_start : caption.char_end],
            "char_start": self.offset + caption.char_start,
            "char_end": self.offset + caption.char_end,
            "start_ms": caption.start_ms,
            "end_ms": caption.end_ms,
        }
        if self.voices is not None:
            found |= {"turn": caption.turn, "voice": self.voices[caption.turn]}
        return found
