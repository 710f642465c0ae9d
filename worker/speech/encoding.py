"""Takes of planned segments to encoded chunks with final times."""

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from encoder import Mp3Encoder, PcmEncoder
from segmenter import Segment
from worker.chunks import JOB_BYTES, Caption, Chunk
from worker.engines import Pcm, Take, Utterance
from worker.engines.takes.finish import level
from worker.errors import TextTooLongError

__all__ = ["Planned", "PlannedSegment", "SpeechEncoder", "SpeechEnd", "Waiting"]


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """A segment with its turn and its utterance, ready to be spoken."""

    turn: int
    segment: Segment
    utterance: Utterance  # its id is the segment's number in the speech
    last: bool

    @property
    def characters(self) -> int:
        """How much of the text it speaks, in code points."""
        return self.segment.char_end - self.segment.char_start


@dataclass(frozen=True, slots=True)
class SpeechEnd:
    """The end of a speech whose last segment was planned before it was known to be the last."""

    number: int  # of the segments before
    pause_ms: int  # that is left of the last one's


class Waiting(Enum):
    """Why nothing is planned yet."""

    TEXT = auto()  # more of it has to come


Planned = PlannedSegment | SpeechEnd | Waiting


class SpeechEncoder:
    """Encodes the takes of one speech, in order, as chunks with final times; no clock, no I/O.

    Args:
        encoder: Encodes mono float32 PCM.
        sample_rate: Of the takes, in Hz.
        limit: Of the whole speech, in bytes of base64; None: there is none.
    """

    def __init__(
        self, encoder: Mp3Encoder | PcmEncoder, sample_rate: int, limit: int | None = JOB_BYTES
    ) -> None:
        self._encoder = encoder
        self._rate = sample_rate
        self._limit = limit
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
        return self._chunk(audio, (self._caption(planned, start, spoken),), last=planned.last)

    def end(self, end: SpeechEnd) -> Chunk:
        """Return the last chunk of a speech that ends with nothing more to speak: what is left of a pause."""
        audio = self._encoder.push(self._silence(end.pause_ms))
        self.samples += end.pause_ms * self._rate // 1000
        return self._chunk(audio + self._encoder.flush(), (), last=True)

    def _chunk(self, audio: bytes, captions: tuple[Caption, ...], *, last: bool) -> Chunk:
        chunk = Chunk(audio, self.size, captions, last=last)
        self.size += len(audio)
        if self._limit is not None and self.size * 4 > self._limit * 3:
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
