"""Answers Range headers for a file that may still grow (RFC 9110, section 14). No I/O."""

import re
from dataclasses import dataclass

from gateway.errors import RangeRefused

__all__ = ["ByteRange", "answer"]

ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes to send, from `start` up to `end`; None: to the end of the file, as it grows."""

    start: int
    end: int | None
    status: int
    content_range: str | None = None


def answer(header: str | None, made: int, *, whole: bool) -> ByteRange | None:
    """Return the answer to a Range header if `made` bytes are there; None: wait for more bytes.

    While the file grows, its length is `*` in Content-Range, and a range without an end gets the bytes
    that are there; `bytes=0-`, which browsers send for the whole file, gets the file as it grows.

    Raises:
        RangeRefused: The file is `whole`, and the range begins behind its end.
    """
    match = ONE_RANGE.fullmatch((header or "").replace(" ", ""))
    if match is None or match[0] == "bytes=-" or is_backwards(match):  # missing, or to be ignored
        return ByteRange(0, made if whole else None, 200)
    if not match[1] and not whole:
        return None  # the last bytes of a file whose length is not known yet
    if not match[1]:
        start, end = max(0, made - int(match[2])), made
    else:
        start = int(match[1])
        end = min(made, int(match[2]) + 1) if match[2] else made
    if not whole and not match[2] and start == 0:
        return ByteRange(0, None, 200)
    if start >= made and not whole:
        return None
    if start >= end:
        raise RangeRefused(f"the file has {made} bytes, expected a range that begins before its end", made)
    if not whole and match[2]:
        end = min(made, int(match[2]) + 1)
    return ByteRange(start, end, 206, f"bytes {start}-{end - 1}/{made if whole else '*'}")


def is_backwards(match: re.Match[str]) -> bool:
    """Whether a range ends before it begins: such a header is invalid and ignored."""
    return bool(match[1] and match[2]) and int(match[2]) < int(match[1])
