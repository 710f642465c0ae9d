"""Where a speech is to be written, looked at before it is paid for."""

from pathlib import Path

from chatterpod.errors import ConfigError

__all__ = ["check_targets"]

MADE = ("mp3", "pcm")
NOT_MADE = ("wav", "ogg", "flac", "m4a", "opus", "aac")  # names by which players take a file for another


def check_targets(output: str | None, captions: str | None, form: str) -> None:
    """Refuse files that could not be written, or whose names say another format.

    Args:
        output: The file of the audio; `-` and None are no files.
        captions: The file of the captions, if any.
        form: The format that is asked for.

    Raises:
        ConfigError: One of them, by its option.
    """
    if output not in {None, "-"}:
        check_file("--output", Path(str(output)))
        check_ending(Path(str(output)), form)
    if captions is not None:
        check_file("--captions", Path(captions))


def check_file(option: str, path: Path) -> None:
    """Refuse a path where no file can appear.

    Raises:
        ConfigError: Its folder is not there, or something else is in its place.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{option} is {str(path)!r}, and there is no folder {str(path.parent)!r}")
    if path.is_dir():
        raise ConfigError(f"{option} is {str(path)!r}, which is a folder: name a file in it")
    if path.exists() and not path.is_file():  # a device would be replaced by the file
        raise ConfigError(f"{option} is {str(path)!r}, which is no file: `-o -` writes to standard output")


def check_ending(path: Path, form: str) -> None:
    """Refuse a name that says another format; one that says none is left alone.

    Raises:
        ConfigError: It does.
    """
    ending = path.suffix[1:].lower()
    if ending in NOT_MADE:
        raise ConfigError(f"--output is {str(path)!r}, and {ending} is not made; allowed: {', '.join(MADE)}")
    if ending in MADE and form in MADE and ending != form:
        raise ConfigError(f"--output is {str(path)!r}, and the format is {form}: give --format {ending}")
