"""The incremental MP3 encoder; the only module that imports LAME."""

import lameenc

from encoder.frames import BIT_RATES, SAMPLE_RATE, FrameSplitter
from encoder.pcm import EncoderError, Pcm, to_int16

__all__ = ["EncoderError", "Mp3Encoder"]


QUALITY = 3  # of LAME's 0 (best) to 9: half the time of 2, and the first piece waits for it


class Mp3Encoder:
    """Takes PCM in any pieces; gives out whole MP3 frames, the same however it was cut."""

    def __init__(self, sample_rate: int = SAMPLE_RATE, bit_rate: int = 64, quality: int = QUALITY) -> None:
        """Set LAME up: CBR, mono, `bit_rate` kbit/s, `quality` 0 (best) to 9 (fastest).

        Raises:
            ValueError: The sample rate is not 24 kHz, or the bit rate not one of `BIT_RATES`.
        """
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"sample_rate is {sample_rate} Hz, expected {SAMPLE_RATE}")
        if bit_rate not in BIT_RATES:
            raise ValueError(f"bit_rate is {bit_rate} kbit/s, expected one of {BIT_RATES}")
        self.samples = 0  # pushed so far
        self._splitter = FrameSplitter()
        self._flushed = False
        self._lame = lameenc.Encoder()
        self._lame.silence()
        self._lame.set_channels(1)
        self._lame.set_in_sample_rate(sample_rate)
        self._lame.set_out_sample_rate(sample_rate)  # LAME would halve it at low bit rates
        self._lame.set_bit_rate(bit_rate)
        self._lame.set_quality(quality)

    def push(self, pcm: Pcm) -> bytes:
        """Return zero or more whole frames; `pcm` is float32 [n] in [-1, 1], clipped beyond.

        Raises:
            TypeError: `pcm` is not float32 [n].
            EncoderError: A sample is NaN, or the encoder was flushed.
        """
        if self._flushed:
            raise EncoderError("the encoder was flushed: begin another")
        samples = to_int16(pcm)
        if not len(samples):
            return b""
        self.samples += len(samples)
        return self._splitter.push(bytes(self._lame.encode(samples.tobytes())))

    def flush(self) -> bytes:
        """Return the last frames; b"" when nothing was pushed, and from the second time on."""
        if self._flushed or not self.samples:  # LAME raises in both cases
            return b""
        self._flushed = True
        return self._splitter.push(bytes(self._lame.flush()))
