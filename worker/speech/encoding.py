"""PCM of planned segments to encoded parts with final times."""

from dataclasses import dataclass

import numpy as np

from encoder import Mp3Encoder, PcmEncoder
from segmenter import Segment
from worker.chunks import Caption, Chunk, Layout
from worker.engines import Pcm, Take, Utterance
from worker.engines.takes.finish import level
from worker.errors import TextTooLongError
from worker.request import JOB_BYTES

__all__ = ["PlannedSegment", "SpeechEncoder"]


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment of a turn, ready to be spoken."""

    turn: int
    segment: Segment
    utterance: Utterance  # its id is the line's number in the speech
    last: bool


class SpeechEncoder:
    """Turns the PCM of lines, in order, into encoded parts with final times; no clock, no I/O."""

    def __init__(self, encoder: Mp3Encoder | PcmEncoder, layout: Layout, sample_rate: int) -> None:
        self._encoder = encoder
        self._rate = sample_rate
        self.layout = layout
        self._gains: dict[str, float] = {}  # of each voice's latest line that was long enough to tell
        self.samples = 0
        self.size = 0  # bytes of audio so far

    def add(self, line: PlannedSegment, block: Take) -> Chunk:
        """Return the part of one line: its speech and pause, and the encoder's rest with the last.

        Speech too short for a loudness of its own gets the gain of its voice's line before.

        Raises:
            TextTooLong: The whole would pass RunPod's limit on a job's result.
        """
        pcm = self._levelled(line.utterance.voice, block)
        start = self.samples
        spoken = start + len(pcm)
        pause = np.zeros(line.segment.pause_ms * self._rate // 1000, np.float32)
        audio = self._encoder.push(np.concatenate([pcm, pause]))
        self.samples = spoken + len(pause)
        if line.last:
            audio += self._encoder.flush()
        part = Chunk(audio, self.size, (self._caption(line, start, spoken),), last=line.last)
        self.size += len(audio)
        if self.size * 4 > JOB_BYTES * 3:
            raise TextTooLongError("the speech outgrew what one job can return: split the text into jobs")
        return part

    @property
    def duration_ms(self) -> int:
        """The PCM so far, pauses included."""
        return round(self.samples * 1000 / self._rate)

    def free(self) -> None:
        """Let go of the encoder: what would be added from now on is of no use."""
        self._encoder = PcmEncoder()

    def _levelled(self, voice: str, block: Take) -> Pcm:
        if block.gain is None:
            return level(block.pcm, self._gains.get(voice, 1.0))
        self._gains[voice] = block.gain
        return block.pcm

    def _caption(self, line: PlannedSegment, start: int, end: int) -> Caption:
        segment = line.segment
        times = (round(start * 1000 / self._rate), round(end * 1000 / self._rate))
        return Caption(line.turn, segment.char_start, segment.char_end, *times)
