"""Joins the jobs of one speech: their audio, and their captions on one clock. No I/O.

Times are milliseconds of the joined audio, counted as the worker counts them: without an MP3's encoder
delay. Offsets are code points of the context's text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatterpod import Chunk

__all__ = ["AudioFormat", "ContextCaption", "PlacedChunk", "PlayedText", "Span", "Timeline", "played_text"]

FRAME_MS = 24  # an MP3 frame at 24 kHz: 576 samples
PCM_BYTES_PER_MS = 48  # s16le, mono, 24 kHz


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How the audio is coded: `mp3` at `bit_rate` kbit/s, or `pcm` (s16le, mono, 24 kHz)."""

    name: str = "mp3"
    bit_rate: int = 64

    @property
    def bytes_per_ms(self) -> float:
        """Bytes of a millisecond; the bit rate is constant."""
        return PCM_BYTES_PER_MS if self.name == "pcm" else self.bit_rate / 8

    def surplus(self, size: int, duration_ms: int) -> int:
        """Return the size of the whole frames that are only encoder delay and padding.

        Args:
            size: Bytes of a job's audio.
            duration_ms: The job's duration without delay and padding.
        """
        if self.name == "pcm":
            return 0
        frames = max(0, int((size / self.bytes_per_ms - duration_ms) // FRAME_MS))
        return frames * FRAME_MS * self.bit_rate // 8


@dataclass(frozen=True, slots=True)
class Span:
    """A job's part of the context's text."""

    char_start: int
    char_end: int


@dataclass(frozen=True, slots=True)
class ContextCaption:
    """Text with its times and its offsets in the context's text."""

    text: str
    char_start: int
    char_end: int
    start_ms: int
    end_ms: int

    def as_json(self) -> dict[str, Any]:
        """Return the caption for a message."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk on the context's clock; its captions are those that begin in it; `last`: it ends its job."""

    audio: bytes
    start_ms: int
    end_ms: int
    captions: tuple[ContextCaption, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class PlayedText:
    """What a listener has heard: all text up to the end of the last whole word."""

    char_end: int
    text: str


@dataclass(slots=True)
class Timeline:
    """Places the chunks of one job after another on one clock."""

    audio_format: AudioFormat
    size: int = 0  # bytes of all audio so far
    captions: list[ContextCaption] = field(default_factory=list)
    duration_ms: int = 0
    _job_start: int = 0  # bytes of the jobs before

    def place(self, chunk: Chunk, span: Span, text: str, *, more: bool) -> PlacedChunk:
        """Return a chunk of the job that speaks `span` of `text`, on the context's clock.

        If `more` may follow, the silence that encoder and decoder add to a job is cut from its last pause,
        in whole frames, so that the pause between jobs is not longer than planned.
        """
        base = round(self._job_start / self.audio_format.bytes_per_ms)
        captions = tuple(placed_caption(segment, base, span, text) for segment in chunk.segments)
        audio, end = chunk.audio, base + chunk.end_ms
        last = chunk.summary is not None
        if chunk.summary is not None:
            end = base + int(chunk.summary.get("duration_ms", chunk.end_ms))
            size = self.size + len(audio) - self._job_start
            cut = self.audio_format.surplus(size, end - base) if more else 0
            audio = audio[: len(audio) - min(cut, len(audio))]
        self.size += len(audio)
        self.captions += captions
        self.duration_ms = max(self.duration_ms, end)
        if last:
            self._job_start = self.size
        return PlacedChunk(audio, base + chunk.start_ms, end, captions, last)

    def add(self, placed: PlacedChunk) -> None:
        """Add a chunk that somebody else has placed on this clock."""
        self.size += len(placed.audio)
        self.captions += placed.captions
        self.duration_ms = max(self.duration_ms, placed.end_ms)


def placed_caption(segment: Mapping[str, Any], base_ms: int, span: Span, text: str) -> ContextCaption:
    """Return a job's caption on the context's clock and in the context's text."""
    start, end = (span.char_start + int(segment[name]) for name in ("char_start", "char_end"))
    times = int(segment["start_ms"]), int(segment["end_ms"])
    return ContextCaption(text[start:end], start, end, base_ms + times[0], base_ms + times[1])


def played_text(captions: Sequence[ContextCaption], played_ms: int, text: str) -> PlayedText:
    """Return what a listener has heard of `text` after `played_ms`.

    Within a caption, the characters are assumed to be spoken evenly. A word that was not heard to its
    end does not count.
    """
    end = 0
    for caption in captions:
        if caption.end_ms <= played_ms:
            end = max(end, caption.char_end)
        elif caption.start_ms < played_ms:
            share = (played_ms - caption.start_ms) / (caption.end_ms - caption.start_ms)
            reached = caption.char_start + int(share * (caption.char_end - caption.char_start))
            end = max(end, word_end(text, caption.char_start, reached))
    return PlayedText(end, text[:end])


def word_end(text: str, start: int, reached: int) -> int:
    """Return where the last whole word before `reached` ends, or `start` if there is none."""
    if reached < len(text) and not text[reached].isspace():
        while reached > start and not text[reached - 1].isspace():
            reached -= 1
    while reached > start and text[reached - 1].isspace():
        reached -= 1
    return reached
