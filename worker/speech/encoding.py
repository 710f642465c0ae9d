"""Takes of planned segments to encoded chunks with final times."""

from dataclasses import dataclass

import numpy as np

from encoder import Mp3Encoder, PcmEncoder
from segmenter import Segment
from worker.chunks import JOB_BYTES, Caption, Chunk
from worker.engines import Pcm, Take, Utterance
from worker.engines.takes.finish import level
from worker.errors import TextTooLongError

__all__ = ["PlannedSegment", "SpeechEncoder"]


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment with its turn and its utterance, ready to be spoken."""

    turn: int
    segment: Segment
    utterance: Utterance  # its id is the segment's number in the speech
    last: bool


class SpeechEncoder:
    """Encodes the takes of one speech, in order, as chunks with final times; no clock, no I/O.

    Args:
        encoder: Encodes mono float32 PCM.
        sample_rate: Of the takes, in Hz.
    """

    def __init__(self, encoder: Mp3Encoder | PcmEncoder, sample_rate: int) -> None:
        self._encoder = encoder
        self._rate = sample_rate
        self._gains: dict[str, float] = {}  # of each voice's latest take that was long enough to measure
        self.samples = 0  # of PCM so far, pauses included
        self.size = 0  # bytes of audio so far

    def add(self, planned: PlannedSegment, take: Take) -> Chunk:
        """Return the chunk of one take, with its pauses; the last one also flushes the encoder.

        A take too short to measure its loudness gets the gain of the voice's take before it.

        Raises:
            TextTooLongError: The whole speech would pass RunPod's limit on a job's result.
        """
        pcm = self._levelled(planned.utterance.voice, take)
        lead, pause = self._silence(planned.segment.lead_ms), self._silence(planned.segment.pause_ms)
        start = self.samples + len(lead)
        spoken = start + len(pcm)
        audio = self._encoder.push(np.concatenate([lead, pcm, pause]))
        self.samples = spoken + len(pause)
        if planned.last:
            audio += self._encoder.flush()
        chunk = Chunk(audio, self.size, (self._caption(planned, start, spoken),), last=planned.last)
        self.size += len(audio)
        if self.size * 4 > JOB_BYTES * 3:
            raise TextTooLongError("the speech is longer than one job can return: split the text into jobs")
        return chunk

    @property
    def duration_ms(self) -> int:
        """The duration of all takes so far, in milliseconds, pauses included."""
        return round(self.samples * 1000 / self._rate)

    def free(self) -> None:
        """Free the encoder's memory; nothing that is added from now on is used."""
        self._encoder = PcmEncoder()

    def _silence(self, milliseconds: int) -> Pcm:
        return np.zeros(milliseconds * self._rate // 1000, np.float32)

    def _levelled(self, voice: str, take: Take) -> Pcm:
        if take.gain is None:
            return level(take.pcm, self._gains.get(voice, 1.0))
        self._gains[voice] = take.gain
        return take.pcm

    def _caption(self, planned: PlannedSegment, start: int, end: int) -> Caption:
        segment = planned.segment
        times = (round(start * 1000 / self._rate), round(end * 1000 / self._rate))
        return Caption(planned.turn, segment.char_start, segment.char_end, *times)
