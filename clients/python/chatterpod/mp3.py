"""The parts of MP3 that joining needs: frames, silence, the Info tag, and ID3 chapters. Pure.

Frames: ISO/IEC 13818-3 (MPEG-2 Layer III at 24 kHz, mono, CBR). Info tag: "Mp3 Info Tag rev 1"
(http://gabriel.mp3-tech.org/mp3infotag.html). Chapters: ID3v2 Chapter Frame Addendum v1.0
(https://id3.org/id3v2-chapters-1.0).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "DELAY",
    "ENCODER_DELAY",
    "FRAME_SAMPLES",
    "SAMPLE_RATE",
    "Chapter",
    "crc16",
    "file_head",
    "frame_size",
    "id3",
    "silent_frame",
]

SAMPLE_RATE = 24_000  # Hz
FRAME_SAMPLES = 576  # 24 ms
ENCODER_DELAY = 576  # samples that LAME puts before the audio
DELAY = 1_105  # samples: the encoder's 576 and a decoder's 529
RATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # kbit/s by the header's four bits
SYNC = b"\xff\xf3"
SIDE_INFO = 9  # bytes
XING = struct.Struct(">4sIII100sI")
LAME = struct.Struct(">9sBBIHHBB3sBBHI")
INFO_BYTES = 4 + SIDE_INFO + XING.size + LAME.size + 4
FLAGS = 0b1111  # frames, bytes, table of contents and quality are there
UTF_8 = 3


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading, and when it is spoken."""

    title: str
    start_ms: int


def frame_size(data: bytes) -> int:
    """Return the size in bytes of the frame that `data` begins with.

    Raises:
        ValueError: It does not begin with a frame as the worker makes them.
    """
    if len(data) < 4 or data[:2] != SYNC or not 3 < data[2] >> 4 < len(RATES) or data[2] & 0b1110 != 0b0100:
        raise ValueError(f"expected an MP3 frame at 24 kHz, got {data[:4].hex() or 'nothing'}")
    return RATES[data[2] >> 4] * 3


def silent_frame(header: bytes) -> bytes:
    """Return a silent frame with this header: its spectrum is empty."""
    return header[:4].ljust(frame_size(header), b"\0")


def crc_table() -> tuple[int, ...]:
    """Return CRC-16/ARC (polynomial 0x8005, reflected) of each byte."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1  # noqa: PLW2901 - the register
        table.append(value)
    return tuple(table)


TABLE = crc_table()


def crc16(data: bytes, crc: int = 0) -> int:
    """Return the CRC-16/ARC of `data`, continued from `crc`."""
    table = TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def info_tag(header: bytes, audio_bytes: int, samples: int, crc: int) -> bytes:
    """Return the silent first frame with the length, encoder delay and padding for players."""
    size = frame_size(header)
    count = audio_bytes // size
    padding = max(0, min(0xFFF, count * FRAME_SAMPLES - ENCODER_DELAY - samples))
    rate = next(rate for rate in RATES if rate * 3 >= max(size, INFO_BYTES))
    total = rate * 3 + audio_bytes
    contents = bytes(at * 256 // 100 for at in range(100))
    xing = XING.pack(b"Info", FLAGS, count, total, contents, 0)
    delays = (ENCODER_DELAY << 12 | padding).to_bytes(3, "big")
    lame = LAME.pack(b"LAME3.100", 1, 0, 0, 0, 0, 0, min(size // 3, 255), delays, 0, 0, 0, total)
    own = SYNC + bytes([RATES.index(rate) << 4 | 0b0100]) + header[3:4]
    tag = own + bytes(SIDE_INFO) + xing + lame + crc.to_bytes(2, "big")
    return (tag + crc16(tag).to_bytes(2, "big")).ljust(rate * 3, b"\0")


def file_head(
    header: bytes, audio_bytes: int, duration_ms: int, crc: int, chapters: Sequence[Chapter] = ()
) -> bytes:
    """Return what precedes the frames in a file: an ID3 tag, if there are chapters, and the Info tag.

    Args:
        header: The first bytes of the first frame.
        audio_bytes: The size of all frames together; they are of equal size.
        duration_ms: The length of the speech, without encoder delay and padding.
        crc: `crc16` of all frames.
        chapters: In their order.
    """
    tag = id3(chapters, duration_ms) if chapters else b""
    return tag + info_tag(header, audio_bytes, duration_ms * SAMPLE_RATE // 1000, crc)


def synchsafe(number: int) -> bytes:
    """Return a size as ID3's four bytes of seven bits each."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(name: bytes, body: bytes) -> bytes:
    """Return an ID3v2.4 frame."""
    return name + synchsafe(len(body)) + b"\0\0" + body


def id3(chapters: Sequence[Chapter], duration_ms: int) -> bytes:
    """Return an ID3v2.4 tag with a table of contents (`CTOC`) and a `CHAP` for each chapter."""
    names = [f"chp{number}".encode() + b"\0" for number in range(min(255, len(chapters)))]
    body = frame(b"CTOC", b"toc\0" + bytes([0b11, len(names)]) + b"".join(names))
    ends = [chapter.start_ms for chapter in chapters[1:]] + [duration_ms]
    for name, chapter, end in zip(names, chapters, ends, strict=False):
        title = frame(b"TIT2", bytes([UTF_8]) + chapter.title.encode("utf-8", "replace"))
        times = struct.pack(">IIII", chapter.start_ms, end, 0xFFFFFFFF, 0xFFFFFFFF)
        body += frame(b"CHAP", name + times + title)
    return b"ID3\x04\0\0" + synchsafe(len(body)) + body
