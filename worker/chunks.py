"""Finished audio and its times: encoded chunks, captions, and how bytes map to milliseconds."""

from collections.abc import Iterator
from dataclasses import dataclass

from encoder import SAMPLE_RATE, SAMPLES_PER_FRAME

__all__ = ["JOB_BYTES", "Caption", "Chunk", "Layout", "layout"]

JOB_BYTES = 9_000_000  # of base64 in one speech: below RunPod's limit of 10 MB for a whole result
MP3_DELAY = 1_105  # samples, LAME's 576 and a decoder's 529, by which the frames lag behind the PCM


@dataclass(frozen=True, slots=True)
class Caption:
    """Where a segment is in the text of its turn (code points) and in the speech (milliseconds)."""

    turn: int
    char_start: int
    char_end: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A take's encoded bytes, whole frames, with the captions that begin in them."""

    audio: bytes
    start_byte: int  # of `audio` in the speech's audio
    captions: tuple[Caption, ...] = ()
    last: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """How bytes of audio map to time; both formats have a constant bit rate."""

    unit_bytes: int  # of a frame, or of a sample: no cut divides one
    unit_samples: int
    delay: int  # samples that the audio lags behind the PCM

    def milliseconds(self, offset: int) -> int:
        """Return the time in the PCM, in ms, of the byte at `offset` in the audio."""
        samples = offset // self.unit_bytes * self.unit_samples - self.delay
        return round(max(0, samples) * 1000 / SAMPLE_RATE)

    def cut(self, audio: bytes, limit: int, first_ms: int | None = None) -> Iterator[bytes]:
        """Yield `audio` in pieces of whole units, each of at most `limit` bytes; b"" is one piece.

        With `first_ms`, the first piece holds about so many milliseconds.
        """
        size = limit // self.unit_bytes * self.unit_bytes
        first = size
        if first_ms is not None:
            samples = first_ms * SAMPLE_RATE // 1000 + self.delay
            first = min(size, -(-samples // self.unit_samples) * self.unit_bytes)
        yield audio[:first]
        for start in range(first, len(audio), size):
            yield audio[start : start + size]


def layout(format_name: str, bit_rate: int) -> Layout:
    """Return the layout of `mp3` at `bit_rate` kbit/s, or of `pcm` (s16le, mono)."""
    if format_name == "pcm":
        return Layout(unit_bytes=2, unit_samples=1, delay=0)
    frame = SAMPLES_PER_FRAME * bit_rate * 125 // SAMPLE_RATE  # no frame is padded at these bit rates
    return Layout(unit_bytes=frame, unit_samples=SAMPLES_PER_FRAME, delay=MP3_DELAY)
