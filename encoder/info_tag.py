"""The Info tag: a silent first frame that tells players the length, delay and padding.

The fields are those of the "Mp3 Info Tag revision 1" specification
(http://gabriel.mp3-tech.org/mp3infotag.html), on top of Xing's.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.frames import (
    BIT_RATES,
    HEADER_BYTES,
    SAMPLES_PER_FRAME,
    SIDE_INFO_BYTES,
    Mp3Error,
    frame_bytes,
    header,
    parse_header,
)

__all__ = ["ENCODER_DELAY", "InfoTag", "crc16", "read_info", "write_info"]

ENCODER_DELAY = 576  # samples that LAME puts before the audio
START = HEADER_BYTES + SIDE_INFO_BYTES
XING = struct.Struct(">4sIII100sI")  # name, flags, frames, bytes, table of contents, quality
LAME = struct.Struct(">9sBBIHHBB3sBBHI")  # version ... length of the music
CRCS = struct.Struct(">HH")  # of the music, of the tag up to here
SIZE = START + XING.size + LAME.size + CRCS.size  # 169 bytes
FLAGS = 0b1111  # frames, bytes, table of contents and quality are there
CBR = 1


@dataclass(frozen=True, slots=True)
class InfoTag:
    """What the tag says of the audio that follows it."""

    frames: int
    size: int  # bytes, the tag's own frame included
    delay: int  # samples before the audio
    padding: int  # samples after it

    @property
    def samples(self) -> int:
        """The PCM samples that were encoded."""
        return self.frames * SAMPLES_PER_FRAME - self.delay - self.padding


def crc_table() -> NDArray[np.uint16]:
    """Return CRC-16/ARC (polynomial 0x8005, reflected) of each byte."""
    table = np.arange(256, dtype=np.uint16)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ 0xA001, table >> 1).astype(np.uint16)
    return table


TABLE = crc_table()


def crc16(data: bytes) -> int:
    """Return the CRC-16/ARC of `data`, many rows of it at once.

    A CRC that begins at 0 ignores leading zeros and is linear, so rows of equal length are done
    side by side and then joined: crc(a + b) = crc(a + zeros of b's length) ^ crc(b).
    """
    width = max(1, int(len(data) ** 0.5))
    padded = np.frombuffer(b"\0" * (-len(data) % width) + data, np.uint8).reshape(-1, width)
    rows = np.zeros(len(padded), np.uint16)
    bits = np.left_shift(np.uint16(1), np.arange(16, dtype=np.uint16))
    for column in range(width):
        rows = TABLE[(rows ^ padded[:, column]) & 0xFF] ^ (rows >> 8)
        bits = TABLE[bits & 0xFF] ^ (bits >> 8)  # what each bit becomes after `width` zeros
    total = 0
    moved = [int(bit) for bit in bits]
    for row in rows.tolist():
        shifted = 0
        for place in range(16):
            if total >> place & 1:
                shifted ^= moved[place]
        total = shifted ^ row
    return total


def write_info(audio: bytes, samples: int) -> bytes:
    """Return the frame to put before `audio`, whole frames of `samples` PCM samples.

    Raises:
        Mp3Error: The audio is not whole frames, or holds too few for the samples.
    """
    size, bit_rate = parse_header(audio, 0)
    count = len(audio) // size
    padding = count * SAMPLES_PER_FRAME - ENCODER_DELAY - samples
    if len(audio) % size or not 0 <= padding < 1 << 12:
        raise Mp3Error(f"{len(audio)} bytes in frames of {size} do not hold {samples} samples")
    own_rate = max(bit_rate, next(rate for rate in BIT_RATES if frame_bytes(rate) >= SIZE))
    own_size = frame_bytes(own_rate)
    contents = bytes(place * 256 // 100 for place in range(100))
    total = own_size + len(audio)
    xing = XING.pack(b"Info", FLAGS, count, total, contents, 0)
    delays = (ENCODER_DELAY << 12 | padding).to_bytes(3, "big")
    lame = LAME.pack(b"LAME3.100", CBR, 0, 0, 0, 0, 0, min(bit_rate, 255), delays, 0, 0, 0, total)
    tag = header(own_rate) + bytes(SIDE_INFO_BYTES) + xing + lame + crc16(audio).to_bytes(2, "big")
    return (tag + crc16(tag).to_bytes(2, "big")).ljust(own_size, b"\0")


def read_info(data: bytes, offset: int) -> tuple[InfoTag, int]:
    """Return the tag that begins at `offset`, and where the audio after it begins.

    Raises:
        Mp3Error: There is no such tag, or it is damaged.
    """
    size, _ = parse_header(data, offset)
    tag = data[offset : offset + SIZE]
    if size < SIZE or len(tag) < SIZE or tag[START : START + 4] != b"Info":
        raise Mp3Error(f"no Info tag at byte {offset}")
    if crc16(tag[:-2]) != int.from_bytes(tag[-2:], "big"):
        raise Mp3Error(f"the Info tag at byte {offset} is damaged")
    _, _, count, total, _, _ = XING.unpack_from(tag, START)
    delays = int.from_bytes(LAME.unpack_from(tag, START + XING.size)[8], "big")
    return InfoTag(count, total, delays >> 12, delays & 0xFFF), offset + size
