"""A whole MP3 file: ID3 texts, the Info tag, then the frames as they were streamed."""

from collections.abc import Mapping
from dataclasses import dataclass

from encoder import id3
from encoder.frames import SYNC, Mp3Error, parse_header
from encoder.info_tag import InfoTag, read_info, write_info

__all__ = ["Mp3File", "read_file", "whole_file"]


@dataclass(frozen=True, slots=True)
class Mp3File:
    """A file taken apart; `audio` is its frames without the tags."""

    texts: Mapping[str, str]
    info: InfoTag
    audio: bytes

    @property
    def samples(self) -> int:
        """The PCM samples that were encoded."""
        return self.info.samples


def whole_file(audio: bytes, samples: int, texts: Mapping[str, str]) -> bytes:
    """Return the file of `audio`, whole CBR frames that hold `samples` PCM samples.

    Raises:
        Mp3Error: The audio is not whole frames, or holds too few for the samples.
    """
    return id3.write(texts) + write_info(audio, samples) + audio


def read_file(data: bytes) -> Mp3File:
    """Take a file that `whole_file` made apart, and check that it is whole.

    Raises:
        Mp3Error: It is cut, damaged or something else.
    """
    texts, start = id3.read(data)
    info, begin = read_info(data, start)
    audio = data[begin:]
    if len(data) - start != info.size:
        raise Mp3Error(f"the file has {len(data) - start} bytes after its tag, expected {info.size}")
    size, _ = parse_header(audio, 0)
    count, rest = divmod(len(audio), size)
    if rest or count != info.frames or not info.samples >= 0:
        raise Mp3Error(f"the file has {count} frames and {rest} bytes, expected {info.frames} frames")
    if any(audio[place::size].count(byte) != count for place, byte in enumerate(SYNC)):
        raise Mp3Error("a frame does not begin where it should")
    return Mp3File(texts, info, audio)
