"""One speech out of several jobs: their audio joined, their captions on one clock. No I/O.

Times are milliseconds of the joined audio, counted like the worker's: an MP3's encoder delay is left
out. Offsets are code points of the context's text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chatterpod import Chunk

__all__ = ["AudioForm", "AudioPiece", "Heard", "Span", "TimedText", "Timeline", "heard"]

FRAME_MS = 24  # an MP3 frame at 24 kHz: 576 samples
PCM_BYTES_PER_MS = 48  # s16le, mono, 24 kHz


@dataclass(frozen=True, slots=True)
class AudioForm:
    """How the audio is coded: `mp3` at `bit_rate` kbit/s, or `pcm` (s16le, mono, 24 kHz)."""

    name: str = "mp3"
    bit_rate: int = 64

    @property
    def bytes_per_ms(self) -> float:
        """Both forms have a constant bit rate."""
        return PCM_BYTES_PER_MS if self.name == "pcm" else self.bit_rate / 8

    def surplus(self, size: int, duration_ms: int) -> int:
        """Return the bytes of whole frames that only the encoder's delay and padding fill."""
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
class TimedText:
    """What is said when."""

    text: str
    char_start: int
    char_end: int
    start_ms: int
    end_ms: int

    def as_json(self) -> dict[str, Any]:
        """Return the caption for a message."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class AudioPiece:
    """Audio to hand on, and what begins in it; `last` ends its job."""

    audio: bytes
    start_ms: int
    end_ms: int
    captions: tuple[TimedText, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """How far a listener came: the end of the last word heard, and all text up to there."""

    char_end: int
    text: str


@dataclass(slots=True)
class Timeline:
    """Takes the chunks of one job after another; gives them out on one clock."""

    form: AudioForm
    size: int = 0  # bytes given out
    captions: list[TimedText] = field(default_factory=list)
    duration_ms: int = 0
    _job_start: int = 0  # bytes given out before this job

    def take(self, chunk: Chunk, span: Span, text: str, *, more: bool) -> AudioPiece:
        """Place a chunk of the job that speaks `span` of `text`.

        Where `more` may follow, the silence that encoder and decoder add at the end of a job is cut
        from its pause, so that a seam is no longer than the pause that is due there, to a frame.
        """
        base = round(self._job_start / self.form.bytes_per_ms)
        captions = tuple(placed(segment, base, span, text) for segment in chunk.segments)
        audio, end = chunk.audio, base + chunk.end_ms
        last = chunk.summary is not None
        if chunk.summary is not None:
            end = base + int(chunk.summary.get("duration_ms", chunk.end_ms))
            size = self.size + len(audio) - self._job_start
            cut = self.form.surplus(size, end - base) if more else 0
            audio = audio[: len(audio) - min(cut, len(audio))]
        self.size += len(audio)
        self.captions += captions
        self.duration_ms = max(self.duration_ms, end)
        if last:
            self._job_start = self.size
        return AudioPiece(audio, base + chunk.start_ms, end, captions, last)


def placed(segment: Mapping[str, Any], base_ms: int, span: Span, text: str) -> TimedText:
    """Return a job's caption on the context's clock and in the context's text."""
    start = min(span.char_start + int(segment["char_start"]), span.char_end)
    end = min(span.char_start + int(segment["char_end"]), span.char_end)  # a pause we wrote ends beyond
    times = int(segment["start_ms"]), int(segment["end_ms"])
    return TimedText(text[start:end], start, end, base_ms + times[0], base_ms + times[1])


def heard(captions: Sequence[TimedText], played_ms: int, text: str) -> Heard:
    """Return what was heard of `text` when the listener had played `played_ms`.

    Within a segment the voice is taken to go through its characters evenly; a word that was not
    heard to its end does not count.
    """
    end = 0
    for caption in captions:
        if caption.end_ms <= played_ms:
            end = max(end, caption.char_end)
        elif caption.start_ms < played_ms:
            share = (played_ms - caption.start_ms) / (caption.end_ms - caption.start_ms)
            reached = caption.char_start + int(share * (caption.char_end - caption.char_start))
            end = max(end, word_end(text, caption.char_start, reached))
    return Heard(end, text[:end])


def word_end(text: str, start: int, reached: int) -> int:
    """Return where the last whole word before `reached` ends, or `start` where there is none."""
    if reached < len(text) and not text[reached].isspace():
        while reached > start and not text[reached - 1].isspace():
            reached -= 1
    while reached > start and text[reached - 1].isspace():
        reached -= 1
    return reached
