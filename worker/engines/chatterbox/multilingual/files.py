"""The multilingual checkpoint's files, found without torch."""

from pathlib import Path

from worker.engines.chatterbox.files import RELEASED_VOICE, VOICE_FILE, check_files

__all__ = [
    "CANGJIE_FILE", "RELEASED_S3_FILE", "RELEASED_VOICE_ENCODER", "S3_FILE", "SPEAKING", "T3_FILE",
    "TOKENIZER_FILE", "WORDS_FOLDER", "check_whole", "is_checkpoint",
]  # fmt: skip

T3_FILE = "t3_mtl23ls_v2.safetensors"
S3_FILE = "s3gen.safetensors"  # of a baked checkpoint
RELEASED_S3_FILE = "s3gen.pt"
RELEASED_VOICE_ENCODER = "ve.pt"
TOKENIZER_FILE = "grapheme_mtl_merged_expanded_v1.json"
CANGJIE_FILE = "Cangjie5_TC.json"
WORDS_FOLDER = "pkuseg"  # spacy-pkuseg's model, for Chinese
SPEAKING = (T3_FILE, S3_FILE, RELEASED_S3_FILE, VOICE_FILE)  # what is read to speak, where it is there


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds the multilingual weights."""
    return (folder / T3_FILE).is_file() and any(
        (folder / name).is_file() for name in (S3_FILE, RELEASED_S3_FILE)
    )


def check_whole(folder: Path) -> None:
    """Check that what speaking reads is there in full; quick, since only headers are read.

    Raises:
        StartError: A file is missing or cut short.
    """
    s3gen = S3_FILE if (folder / S3_FILE).is_file() else RELEASED_S3_FILE
    voice = VOICE_FILE if (folder / VOICE_FILE).is_file() else RELEASED_VOICE
    check_files(folder, (T3_FILE, s3gen, voice, TOKENIZER_FILE))
