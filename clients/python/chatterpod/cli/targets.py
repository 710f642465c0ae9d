"""Checks of output files, made before any speech is paid for."""

from pathlib import Path

from chatterpod.errors import ConfigError

__all__ = ["check_targets"]

MADE = ("mp3", "pcm")
OTHERS = ("wav", "ogg", "flac", "m4a", "opus", "aac")  # endings that players take for another format


def check_targets(output: str | None, captions: str | None, audio_format: str) -> None:
    """Check that files can be written and that the audio file's ending fits its format.

    Args:
        output: The audio file; `-` (standard output) and None are not checked.
        captions: The captions file, if any.
        audio_format: mp3 or pcm.

    Raises:
        ConfigError: A file cannot be written, or has another format's ending.
    """
    if output not in {None, "-"}:
        check_file("--output", Path(str(output)))
        check_ending(Path(str(output)), audio_format)
    if captions is not None:
        check_file("--captions", Path(captions))


def check_file(option: str, path: Path) -> None:
    """Check that a file can be created at a path.

    Raises:
        ConfigError: Its folder does not exist, or the path is a folder or a device.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{option} is {str(path)!r}, and there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise ConfigError(f"{option} is {str(path)!r}, which is a folder: name a file in it")
    if path.exists() and not path.is_file():  # writing would replace a device by a file
        raise ConfigError(f"{option} is {str(path)!r}, which is not a file: `-o -` writes to standard output")


def check_ending(path: Path, audio_format: str) -> None:
    """Check that a file's ending is not that of another format; unknown endings are allowed.

    Raises:
        ConfigError: It is.
    """
    ending = path.suffix[1:].lower()
    if ending in OTHERS:
        raise ConfigError(f"--output is {str(path)!r}, and {ending} is not made; allowed: {', '.join(MADE)}")
    if ending in MADE and audio_format in MADE and ending != audio_format:
        raise ConfigError(
            f"--output is {str(path)!r}, and the format is {audio_format}: give --format {ending}"
        )
