"""MPEG-2 Layer III frames at 24 kHz, mono: where each begins and how long it is.

ISO/IEC 13818-3, section 2.4 (the header of ISO/IEC 11172-3 with the lower sampling rates).
"""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = [
    "BIT_RATES",
    "HEADER_BYTES",
    "SAMPLES_PER_FRAME",
    "SAMPLE_RATE",
    "SIDE_INFO_BYTES",
    "Frame",
    "FrameSplitter",
    "Mp3Error",
    "frame_bytes",
    "frames",
    "header",
    "parse_header",
]

SAMPLE_RATE = 24_000  # Hz
SAMPLES_PER_FRAME = 576  # MPEG-2 Layer III has one granule a frame, not two: 24 ms
BIT_RATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # kbit/s
HEADER_BYTES = 4
SIDE_INFO_BYTES = 9  # mono, MPEG-2
SYNC = b"\xff\xf3"  # sync, MPEG-2, Layer III, no CRC
RATE_INDEX = (0, 8, 16, 24, *BIT_RATES)  # kbit/s by the header's four bits; 0 is the free format
SAMPLE_RATE_INDEX = 1  # 24 kHz among MPEG-2's 22.05, 24 and 16
MONO = 0b11


class Mp3Error(ValueError):
    """The bytes are not the MP3 that they should be; the message says where."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame's place and properties."""

    offset: int  # bytes from the start of the data
    size: int  # bytes
    bit_rate: int  # kbit/s
    main_data_begin: int  # bytes borrowed from earlier frames: the bit reservoir


def frame_bytes(bit_rate: int) -> int:
    """Return the size of a frame at `bit_rate` kbit/s; at 24 kHz it is always whole."""
    return SAMPLES_PER_FRAME * bit_rate * 125 // SAMPLE_RATE


def header(bit_rate: int) -> bytes:
    """Return the four bytes that begin a mono frame at `bit_rate` kbit/s."""
    return SYNC + bytes([RATE_INDEX.index(bit_rate) << 4 | SAMPLE_RATE_INDEX << 2, MONO << 6])


def parse_header(data: bytes, offset: int) -> tuple[int, int]:
    """Return the size in bytes and the bit rate of the frame that begins at `offset`.

    Raises:
        Mp3Error: There is no header of an MPEG-2 Layer III frame at 24 kHz.
    """
    head = data[offset : offset + HEADER_BYTES]
    if len(head) < HEADER_BYTES or head[:2] != SYNC:
        raise Mp3Error(f"no frame at byte {offset}: expected {SYNC.hex()}, got {head[:2].hex()}")
    index, rate_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if not 3 < index < len(RATE_INDEX) or rate_index != SAMPLE_RATE_INDEX:
        raise Mp3Error(f"the frame at byte {offset} is not one of ours: {head.hex()}")
    return frame_bytes(RATE_INDEX[index]) + padding, RATE_INDEX[index]


def frames(data: bytes) -> Iterator[Frame]:
    """Yield the frames that `data` consists of.

    Raises:
        Mp3Error: Something else stands between them, or the last is cut.
    """
    offset = 0
    while offset < len(data):
        size, bit_rate = parse_header(data, offset)
        if offset + size > len(data):
            raise Mp3Error(f"the frame at byte {offset} is cut: {len(data) - offset} of {size} bytes")
        yield Frame(offset, size, bit_rate, main_data_begin=data[offset + HEADER_BYTES])
        offset += size


class FrameSplitter:
    """Holds back the part of a frame, so that only whole frames come out."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, data: bytes) -> bytes:
        """Take bytes cut anywhere; return the whole frames that are now certain.

        Raises:
            Mp3Error: The bytes are not whole frames.
        """
        data = self._rest + data
        end = 0
        while len(data) - end >= HEADER_BYTES:
            size, _ = parse_header(data, end)
            if end + size > len(data):
                break
            end += size
        self._rest = data[end:]
        return data[:end]
