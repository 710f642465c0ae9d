"""Records: what the handler yields, one JSON object for each chunk of audio."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from encoder import SAMPLE_RATE, SAMPLES_PER_FRAME

__all__ = ["MIMETYPES", "Caption", "Layout", "Part", "RecordWriter", "layout"]

ITEM_BYTES = 700_000  # of base64 in one record; RunPod's limit on a stream item is 1 MB
FIRST_MS = 4_000  # of audio in the first record of stored speech
MP3_DELAY = 1_105  # samples: LAME's 576 and a decoder's 529; frame time is PCM time and this
MIMETYPES = {"mp3": "audio/mpeg", "pcm": f"audio/pcm;rate={SAMPLE_RATE};channels=1"}  # not L16: little-endian


@dataclass(frozen=True, slots=True)
class Caption:
    """A segment's place in its text (code points) and in the speech (milliseconds)."""

    turn: int
    char_start: int
    char_end: int
    start_ms: int
    end_ms: int

    def moved(self, characters: int) -> "Caption":
        """Return the same caption for a text with that many characters more before it."""
        return replace(self, char_start=self.char_start + characters, char_end=self.char_end + characters)

    def as_json(self, texts: Sequence[str], voices: Sequence[str] | None) -> dict[str, Any]:
        """Return the caption for a record; turn and voice only where the request is a dialogue."""
        caption: dict[str, Any] = {
            "text": texts[self.turn][self.char_start : self.char_end],
            "char_start": self.char_start,
            "char_end": self.char_end,
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
        }
        if voices is not None:
            caption |= {"turn": self.turn, "voice": voices[self.turn]}
        return caption


@dataclass(frozen=True, slots=True)
class Part:
    """One finished segment, encoded: whole frames and the captions that begin in them."""

    audio: bytes
    start_byte: int  # place of `audio` in the speech's frames
    captions: tuple[Caption, ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """How bytes of audio map to time: both formats have a constant bit rate."""

    unit_bytes: int  # the smallest piece: a frame, or a sample
    unit_samples: int
    delay: int  # samples that the audio lags behind the PCM

    def milliseconds(self, offset: int) -> int:
        """Return the PCM time, in ms, at which the byte `offset` of the audio begins."""
        samples = offset // self.unit_bytes * self.unit_samples - self.delay
        return round(max(0, samples) * 1000 / SAMPLE_RATE)

    def cut(self, audio: bytes, limit: int, first_ms: int | None = None) -> Iterator[bytes]:
        """Yield `audio` in pieces of whole units, none over `limit` bytes; b"" as one piece."""
        size = limit // self.unit_bytes * self.unit_bytes
        first = size
        if first_ms is not None:
            samples = first_ms * SAMPLE_RATE // 1000 + self.delay
            first = min(size, -(-samples // self.unit_samples) * self.unit_bytes)
        yield audio[:first]
        for start in range(first, len(audio), size):
            yield audio[start : start + size]


def layout(form: str, bit_rate: int) -> Layout:
    """Return the layout of `mp3` at `bit_rate` kbit/s, or of `pcm` (s16le, mono)."""
    if form == "pcm":
        return Layout(unit_bytes=2, unit_samples=1, delay=0)
    frame = SAMPLES_PER_FRAME * bit_rate * 125 // SAMPLE_RATE  # never padded at these rates
    return Layout(unit_bytes=frame, unit_samples=SAMPLES_PER_FRAME, delay=MP3_DELAY)


@dataclass(slots=True)
class RecordWriter:
    """Numbers the records of one attempt at a job and puts their fields together."""

    attempt: str
    layout: Layout
    texts: Sequence[str]
    voices: Sequence[str] | None  # one a turn, for a dialogue
    seq: int = field(default=0, init=False)

    def of_part(self, part: Part, limit: int = ITEM_BYTES) -> Iterator[dict[str, Any]]:
        """Yield the records of one part; only a very long segment makes more than one."""
        yield from self._split(part.audio, part.start_byte, part.captions, limit, None)

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
