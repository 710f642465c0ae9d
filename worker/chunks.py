"""Finished audio and its times: encoded chunks, captions, and how bytes map to milliseconds."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from encoder import SAMPLE_RATE, SAMPLES_PER_FRAME

__all__ = ["JOB_BYTES", "Caption", "Chunk", "Layout", "layout"]

JOB_BYTES = 9_000_000  # of base64 in one speech: below RunPod's limit of 10 MB for a whole result
SAFE_PAUSE_MS = 150  # the shortest pause that has room for a cut
# Less is not enough; more than 96 falls into the segment before, in the shortest pause.
CUT_BEFORE_MS = 90
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

    def cut(
        self, audio: bytes, limit: int, first_ms: int | None = None, pauses: Sequence[int] = ()
    ) -> Iterator[bytes]:
        """Yield `audio` in pieces of whole units, each of at most `limit` bytes; b"" is one piece.

        With `first_ms`, the first piece holds about so many milliseconds. A piece ends at the last of the
        `pauses` (offsets, ascending) that it can hold, if it can hold one; the first at the first of
        them if there is none before `first_ms`.
        """
        size = limit // self.unit_bytes * self.unit_bytes
        wanted = size
        if first_ms is not None:
            samples = first_ms * SAMPLE_RATE // 1000 + self.delay
            wanted = min(size, -(-samples // self.unit_samples) * self.unit_bytes)
        start = 0
        while True:
            end = start + wanted
            if end < len(audio):
                fit = [offset for offset in pauses if start < offset <= start + size]
                end = max((offset for offset in fit if offset <= end), default=min(fit, default=end))
            yield audio[start:end]
            if end >= len(audio):
                return
            start, wanted = end, size

    def pauses(self, captions: Sequence[Caption]) -> list[int]:
        """Return offsets in the pauses between captions where the audio can be cut for a decoder.

        A frame of an MP3 needs the bytes and the samples of the frames before it. After a cut so long before
        the next segment these are silence, and what follows decodes as it does within the whole.
        """
        cuts = []
        for before, after in itertools.pairwise(captions):
            if after.start_ms - before.end_ms >= SAFE_PAUSE_MS:
                samples = (after.start_ms - CUT_BEFORE_MS) * SAMPLE_RATE // 1000 + self.delay
                cuts.append(samples // self.unit_samples * self.unit_bytes)
        return cuts


def layout(format_name: str, bit_rate: int) -> Layout:
    """Return the layout of `mp3` at `bit_rate` kbit/s, or of `pcm` (s16le, mono)."""
    if format_name == "pcm":
        return Layout(unit_bytes=2, unit_samples=1, delay=0)
    frame = SAMPLES_PER_FRAME * bit_rate * 125 // SAMPLE_RATE  # no frame is padded at these bit rates
    return Layout(unit_bytes=frame, unit_samples=SAMPLES_PER_FRAME, delay=MP3_DELAY)
