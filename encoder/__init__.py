"""PCM to MP3, incrementally, in whole frames; and the tags that make frames a file. Pure."""

from encoder.frames import (
    BIT_RATES,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    Frame,
    FrameSplitter,
    Mp3Error,
    frames,
)
from encoder.mp3 import EncoderError, Mp3Encoder
from encoder.mp3_file import Mp3File, read_file, whole_file
from encoder.pcm import Pcm, PcmEncoder

__all__ = [
    "BIT_RATES",
    "SAMPLES_PER_FRAME",
    "SAMPLE_RATE",
    "EncoderError",
    "Frame",
    "FrameSplitter",
    "Mp3Encoder",
    "Mp3Error",
    "Mp3File",
    "Pcm",
    "PcmEncoder",
    "frames",
    "read_file",
    "whole_file",
]
