"""Joins the parts of a long speech: frames one after another, with the right pauses between. Pure.

The silence around a seam is known: the pause at the end of the part before, the encoder's padding,
and the encoder's delay at the start of the part after. If it is shorter than the pause due there,
silent frames are added; if it is longer, frames are dropped. Each seam is exact to half a frame.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chatterpod.errors import Incomplete
from chatterpod.mp3 import (
    DELAY,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Chapter,
    crc16,
    file_head,
    frame_size,
    silent_frame,
)
from chatterpod.parts import Part
from chatterpod.protocol import Chunk, moved

__all__ = ["FileHead", "Joiner", "chapters_of"]

HELD_SAMPLES = 4 * FRAME_SAMPLES  # 96 ms of a part's end, held back because a seam may drop them
SUMMED = ("generation_time_ms", "chunks_processed")  # over the parts, in the summary of the whole
LISTED = ("cache_hit", "cache_key", "generation_time_ms", "duration_ms", "engine", "device", "seed")


class Joiner:
    """Takes the chunks of all parts in order; returns those of the whole speech."""

    def __init__(self, parts: Sequence[Part], audio_format: str = "mp3") -> None:
        self._parts = parts
        self._is_pcm = audio_format == "pcm"
        self._unit = 2 if self._is_pcm else 0  # bytes of a sample, or of a frame once one was seen
        self._unit_samples = 1 if self._is_pcm else FRAME_SAMPLES
        self._lag = 0 if self._is_pcm else DELAY  # samples
        self._units = 0  # returned so far
        self._base = 0  # of them, those before the current part
        self._held = b""  # the end of the current part
        self._header = b""
        self._spoken_ms = 0  # end of the current part's last segment, from the part's start
        self._segments: list[Mapping[str, Any]] = []
        self._summaries: list[Mapping[str, Any]] = []

    def push(self, chunk: Chunk) -> Chunk | None:
        """Take the next chunk; return what is complete, with times of the whole speech, or None."""
        if len(self._parts) == 1:
            self._segments += chunk.segments
            return chunk
        if chunk.audio and not self._header:
            self._header = chunk.audio[:4]
            self._unit = self._unit or unit_of(chunk.audio)
        part = self._parts[chunk.part]
        placed = moved(chunk, self._ms(self._base), part.char_start, part.turn_start)
        self._segments += placed.segments
        self._spoken_ms = max([self._spoken_ms, *(int(s["end_ms"]) for s in chunk.segments)])
        audio, self._held = self._held + chunk.audio, b""
        is_last = chunk.part == len(self._parts) - 1
        if chunk.summary is not None:
            self._summaries.append(chunk.summary)
            if is_last:
                return self._joined(placed, audio, self._summary(audio))
            made = self._joined(placed, self._seam(audio, part.pause_ms), None)
            self._base, self._spoken_ms = self._units, 0
            return made
        if not is_last:
            keep = max(0, len(audio) - HELD_SAMPLES // self._unit_samples * max(1, self._unit))
            audio, self._held = audio[:keep], audio[keep:]
        return self._joined(placed, audio, None)

    def _joined(self, chunk: Chunk, audio: bytes, summary: Mapping[str, Any] | None) -> Chunk | None:
        if not (audio or chunk.segments or summary is not None):
            return None
        start = self._ms(self._units, self._lag)
        self._units += len(audio) // max(1, self._unit)
        end = int(summary["duration_ms"]) if summary is not None else self._ms(self._units, self._lag)
        return replace(chunk, audio=audio, start_ms=start, end_ms=end, summary=summary)

    def _seam(self, audio: bytes, pause_ms: int) -> bytes:
        """Return the end of a part, lengthened or shortened so that `pause_ms` of silence follow."""
        if not self._unit:
            return audio
        units = self._units - self._base + len(audio) // self._unit
        silent_samples = units * self._unit_samples - self._spoken_ms * SAMPLE_RATE // 1000
        missing = round((pause_ms * SAMPLE_RATE // 1000 - silent_samples) / self._unit_samples)
        if missing >= 0:
            silence = bytes(self._unit) if self._is_pcm else silent_frame(self._header)
            return audio + silence * missing
        dropped = min(-missing, HELD_SAMPLES // self._unit_samples)
        return audio[: max(0, len(audio) - dropped * self._unit)]

    def _ms(self, units: int, lag: int = 0) -> int:
        return max(0, units * self._unit_samples - lag) * 1000 // SAMPLE_RATE

    def _summary(self, audio: bytes) -> dict[str, Any]:
        """Return the summary of the whole speech; `parts` lists those of its parts."""
        first, last = self._summaries[0], self._summaries[-1]
        base = self._ms(self._base)
        size = (self._units + len(audio) // max(1, self._unit)) * self._unit
        whole: dict[str, Any] = {**first, "cache_hit": all(one.get("cache_hit") for one in self._summaries)}
        whole |= {name: sum(int(one.get(name, 0)) for one in self._summaries) for name in SUMMED}
        warnings = [
            f"part {number}: {warning}"
            for number, one in enumerate(self._summaries, 1)
            for warning in one.get("warnings") or ()
        ]
        listed = [{name: one.get(name) for name in LISTED} for one in self._summaries]
        whole |= {"duration_ms": base + int(last.get("duration_ms", 0)), "size_bytes": size}
        whole.pop("cache_key", None)
        return whole | {"warnings": warnings, "parts": listed}

    @property
    def chapters(self) -> list[Chapter]:
        """The headings of the text that were spoken so far."""
        return chapters_of(self._parts, self._segments)


def chapters_of(parts: Sequence[Part], segments: Sequence[Mapping[str, Any]]) -> list[Chapter]:
    """Return the headings of a text, each with the time at which it is spoken."""
    found = []
    for heading in (heading for part in parts for heading in part.headings):
        starts = [int(s["start_ms"]) for s in segments if int(s.get("char_end", 0)) > heading.char_start]
        if starts:
            found.append(Chapter(heading.title, starts[0]))
    return found


def unit_of(audio: bytes) -> int:
    """Return the size in bytes of the frame that the audio begins with.

    Raises:
        Incomplete: The audio does not begin with a frame.
    """
    try:
        return frame_size(audio)
    except ValueError as error:
        raise Incomplete(f"the audio of a job is damaged: {error}") from None


class FileHead:
    """Builds the head of a file (Info tag and chapters) from all its audio, which it does not keep."""

    def __init__(self, audio_format: str = "mp3") -> None:
        self._is_pcm = audio_format == "pcm"
        self._header = b""
        self.size = 0  # bytes of audio
        self._crc = 0

    def add(self, audio: bytes) -> None:
        """Count the next frames."""
        if not self._is_pcm:
            self._header = self._header or audio[:4]
            self._crc = crc16(audio, self._crc)
        self.size += len(audio)

    def build(self, duration_ms: int, chapters: Sequence[Chapter] = ()) -> bytes:
        """Return the bytes that precede the frames in a file; b"" for PCM."""
        if self._is_pcm or not self.size:
            return b""
        return file_head(self._header, self.size, duration_ms, self._crc, chapters)
