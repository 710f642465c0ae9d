"""Decodes one audio file, in a process that may do nothing else: run by its path, alone, by `clips`.

libsndfile and what it brings (mpg123 1.32.3 has CVE-2024-10573) read a stranger's bytes here: without files,
network, other processes or rights, and with little memory and time. What it says is lost with the process.
"""

import contextlib
import ctypes
import io
import os
import resource
import sys
from collections.abc import Iterator

__all__ = ["BLOCKS", "DAMAGED", "blocks"]

BLOCKS = 61  # seconds that are decoded at most: one more than a clip may have
DAMAGED = 3  # the exit code
NOBODY = 65_534  # user and group
MEMORY_BYTES = 512_000_000  # more than the process has when it is confined
CPU_SECONDS = 10
NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS


class DamagedError(Exception):
    """The file breaks off, or cannot be decoded."""


def blocks(data: bytes) -> Iterator[bytes]:
    """Yield `FORMAT RATE CHANNELS` in ASCII, then each second's samples: float32, channels interleaved.

    Raises:
        DamagedError: It cannot be decoded; before the first block, it is no audio file.
    """
    import soundfile  # noqa: PLC0415 - a quarter of a second that only clips need

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            yield f"{file.format} {file.samplerate} {file.channels}".encode()
            for _ in range(BLOCKS):
                if not (block := bytes(file.buffer_read(file.samplerate, dtype="float32"))):
                    return
                yield block
    except (soundfile.SoundFileError, TypeError) as error:
        raise DamagedError from error


def confine() -> None:
    """Give up the right to anything but computing, for good. Open files stay open."""
    with open("/proc/self/statm", "rb") as status:  # noqa: PTH123 - pathlib is not imported
        size = int(status.read().split()[0]) * resource.getpagesize()
    with contextlib.suppress(OSError):  # where it is not root
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    for limit, value in (
        (resource.RLIMIT_AS, size + MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def main() -> int:
    """Write the blocks of the file on standard input to standard output, the first one with a line's end."""
    import soundfile  # noqa: F401, PLC0415 - before no file can be opened any more

    data = sys.stdin.buffer.read()
    confine()
    out = sys.stdout.buffer
    end = b"\n"
    try:
        for block in blocks(data):
            out.write(block + end)
            end = b""
        out.flush()
    except (DamagedError, MemoryError):
        return DAMAGED
    return 0


if __name__ == "__main__":
    sys.exit(main())
