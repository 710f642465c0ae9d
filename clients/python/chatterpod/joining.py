"""Parts of a long speech to one: frames one after another, the pauses between them right. Pure.

What is silent at a seam is known: the pause that the part before ends with, the encoder's padding,
and the delay that the part after begins with. It is taken off the pause due there: the rest is
filled with silent frames, or frames too many are dropped. Times are right to half a frame a seam.
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

__all__ = ["FileParts", "Joiner"]

HELD_SAMPLES = 4 * FRAME_SAMPLES  # of a part's end, which the seam may not need: 96 ms
SUMMED = ("generation_time_ms", "chunks_processed")
LISTED = ("cache_hit", "cache_key", "generation_time_ms", "duration_ms", "engine", "device", "seed")


class Joiner:
    """Takes the chunks of all parts in order; gives out those of the one speech."""

    def __init__(self, parts: Sequence[Part], form: str = "mp3") -> None:
        self._parts = parts
        self._is_pcm = form == "pcm"
        self._unit = 2 if self._is_pcm else 0  # bytes: a sample, or a frame once one was seen
        self._unit_samples = 1 if self._is_pcm else FRAME_SAMPLES
        self._lag = 0 if self._is_pcm else DELAY  # samples
        self._units = 0  # given out so far
        self._base = 0  # of them, those before the part that is being joined
        self._held = b""
        self._header = b""
        self._spoken_ms = 0  # end of the part's last segment, on the part's clock
        self._segments: list[Mapping[str, Any]] = []
        self._summaries: list[Mapping[str, Any]] = []

    def push(self, chunk: Chunk) -> Chunk | None:
        """Take the next chunk; return what is now certain, with its place in the whole."""
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
                return self._given(placed, audio, self._summary(audio))
            made = self._given(placed, self._seam(audio, part.pause_ms), None)
            self._base, self._spoken_ms = self._units, 0
            return made
        if not is_last:
            keep = max(0, len(audio) - HELD_SAMPLES // self._unit_samples * max(1, self._unit))
            audio, self._held = audio[:keep], audio[keep:]
        return self._given(placed, audio, None)

    def _given(self, chunk: Chunk, audio: bytes, summary: Mapping[str, Any] | None) -> Chunk | None:
        if not (audio or chunk.segments or summary is not None):
            return None
        start = self._ms(self._units, self._lag)
        self._units += len(audio) // max(1, self._unit)
        end = int(summary["duration_ms"]) if summary is not None else self._ms(self._units, self._lag)
        return replace(chunk, audio=audio, start_ms=start, end_ms=end, summary=summary)

    def _seam(self, audio: bytes, due_ms: int) -> bytes:
        """Return the end of a part with the pause due after it, less what is silent there anyhow."""
        if not self._unit:
            return audio
        units = self._units - self._base + len(audio) // self._unit
        there = units * self._unit_samples - self._spoken_ms * SAMPLE_RATE // 1000
        more = round((due_ms * SAMPLE_RATE // 1000 - there) / self._unit_samples)
        if more >= 0:
            silence = bytes(self._unit) if self._is_pcm else silent_frame(self._header)
            return audio + silence * more
        few = min(-more, HELD_SAMPLES // self._unit_samples)
        return audio[: max(0, len(audio) - few * self._unit)]

    def _ms(self, units: int, lag: int = 0) -> int:
        return max(0, units * self._unit_samples - lag) * 1000 // SAMPLE_RATE

    def _summary(self, audio: bytes) -> dict[str, Any]:
        """Return the summary of the whole, with those of the parts in `parts`."""
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
        """The headings of the parts joined so far, each when what follows it in the text begins."""
        return chapters_of(self._parts, self._segments)


def chapters_of(parts: Sequence[Part], segments: Sequence[Mapping[str, Any]]) -> list[Chapter]:
    """Return when the headings of a text are spoken."""
    found = []
    for heading in (heading for part in parts for heading in part.headings):
        starts = [int(s["start_ms"]) for s in segments if int(s.get("char_end", 0)) > heading.char_start]
        if starts:
            found.append(Chapter(heading.title, starts[0]))
    return found


def unit_of(audio: bytes) -> int:
    """Return the size of a frame.

    Raises:
        Incomplete: The audio is none.
    """
    try:
        return frame_size(audio)
    except ValueError as error:
        raise Incomplete(f"the audio of a job is damaged: {error}") from None


class FileParts:
    """Notes what passes by, so that the file's head can be written once all is there."""

    def __init__(self, form: str = "mp3") -> None:
        self._is_pcm = form == "pcm"
        self._header = b""
        self.size = 0
        self._crc = 0

    def push(self, audio: bytes) -> None:
        """Take note of the next frames."""
        if not self._is_pcm:
            self._header = self._header or audio[:4]
            self._crc = crc16(audio, self._crc)
        self.size += len(audio)

    def head(self, duration_ms: int, chapters: Sequence[Chapter] = ()) -> bytes:
        """Return what stands before the frames in a file; nothing for PCM."""
        if self._is_pcm or not self.size:
            return b""
        return file_head(self._header, self.size, duration_ms, self._crc, chapters)
