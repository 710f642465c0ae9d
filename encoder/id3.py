"""ID3v2.4 tags that hold named texts, as `TXXX` frames. https://id3.org/id3v2.4.0-structure."""

from collections.abc import Mapping

from encoder.frames import Mp3Error

__all__ = ["read", "write"]

HEADER = 10  # bytes, of the tag and of each frame in it
UTF_8 = 3


def synchsafe(number: int) -> bytes:
    """Return a size as four bytes of seven bits."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def number(data: bytes) -> int:
    """Return the size that four synchsafe bytes hold.

    Raises:
        Mp3Error: They are cut or not synchsafe.
    """
    if len(data) != 4 or max(data) > 0x7F:
        raise Mp3Error(f"the tag has no size: {data.hex()}")
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def write(texts: Mapping[str, str]) -> bytes:
    """Return a tag with one `TXXX` frame for each description and text."""
    body = b""
    for description, text in texts.items():
        content = bytes([UTF_8]) + description.encode() + b"\0" + text.encode()
        body += b"TXXX" + synchsafe(len(content)) + b"\0\0" + content
    return b"ID3\x04\0\0" + synchsafe(len(body)) + body


def read(data: bytes) -> tuple[dict[str, str], int]:
    """Return the texts of the tag that `data` begins with, and the bytes that it takes.

    Raises:
        Mp3Error: There is no tag, or it is not one that `write` makes.
    """
    if data[:6] != b"ID3\x04\0\0":
        raise Mp3Error(f"no ID3v2.4 tag at the start: {data[:6].hex()}")
    end = HEADER + number(data[6:HEADER])
    if end > len(data):
        raise Mp3Error(f"the tag is cut: {len(data)} of {end} bytes")
    texts: dict[str, str] = {}
    offset = HEADER
    while offset < end:
        size = number(data[offset + 4 : offset + 8])
        content = data[offset + HEADER : min(end, offset + HEADER + size)]
        if data[offset : offset + 4] != b"TXXX" or len(content) != size or content[:1] != bytes([UTF_8]):
            raise Mp3Error(f"the tag has no text at byte {offset}")
        description, zero, text = content[1:].partition(b"\0")
        if not zero:
            raise Mp3Error(f"the text at byte {offset} has no description")
        try:
            texts[description.decode()] = text.decode()
        except UnicodeDecodeError as error:
            raise Mp3Error(f"the text at byte {offset} is not UTF-8") from error
        offset += HEADER + size
    return texts, end
