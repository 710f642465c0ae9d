"""Clips from the web, through the SDK's guarded fetch: public addresses only, with limits."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from worker.errors import VoiceUnusableError
from worker.voices.clips import MOST_BYTES

__all__ = ["fetched"]

SECONDS = 30.0  # for the whole fetch
PIECE = 65_536  # bytes to read at once

Get = Callable[..., Any]  # runpod's safe_get
Read = Callable[[Any, int, int], Iterator[bytes]]  # runpod's iter_content_capped


def fetched(url: str, get: Get, read: Read, clock: Callable[[], float] = time.monotonic) -> bytes:
    """Return the clip at `url`: at most 10 MB, within 30 s, from a public https address.

    Error messages hold nothing of the address or the answer, except the answer's status.

    Raises:
        VoiceUnusableError: The clip cannot be fetched, or the address is not allowed.
    """
    end = clock() + SECONDS
    try:
        with get(url, timeout=int(SECONDS) // 3, max_bytes=MOST_BYTES) as response:
            if not str(response.url).startswith("https://"):
                raise VoiceUnusableError("voice_url redirects to an address that is not https")
            if response.status_code != 200:
                raise VoiceUnusableError(f"voice_url answered with status {int(response.status_code)}")
            pieces = []
            for piece in read(response, PIECE, MOST_BYTES):
                pieces.append(piece)
                if clock() > end:
                    raise VoiceUnusableError(f"voice_url did not deliver the clip within {SECONDS:.0f} s")
    except ValueError as error:  # the guard's refusals
        raise VoiceUnusableError(
            f"voice_url was refused: expected a public https address and at most {MOST_BYTES} bytes"
        ) from error
    except OSError as error:  # what `requests` raises
        raise VoiceUnusableError("voice_url could not be fetched: its server cannot be reached") from error
    return b"".join(pieces)
