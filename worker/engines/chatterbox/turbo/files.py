"""Turbo's files, as released and as baked, found without torch."""

from pathlib import Path

from worker.engines.chatterbox.files import RELEASED_VOICE, VOICE_FILE, check_files

__all__ = [
    "S3_FILE",
    "SPEAKING",
    "T3_FILE",
    "check_whole",
    "is_checkpoint",
]

T3_FILE = "t3_turbo_v1.safetensors"
S3_FILE = "s3gen_meanflow.safetensors"
VOICE_ENCODER = "ve.safetensors"

SPEAKING = (T3_FILE, S3_FILE, VOICE_FILE)  # what is read to speak


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds Turbo's weights."""
    return (folder / T3_FILE).is_file() and (folder / S3_FILE).is_file()


def check_whole(folder: Path) -> None:
    """Check that what speaking reads is there in full; quick, since only headers are read.

    Raises:
        StartError: A file is missing or cut short.
    """
    voice = VOICE_FILE if (folder / VOICE_FILE).is_file() else RELEASED_VOICE
    check_files(folder, (T3_FILE, S3_FILE, voice))
