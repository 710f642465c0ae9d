"""The input of a job from the command line: a text, a file or a script, and options."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from chatterpod.errors import ConfigError

__all__ = ["options_of", "phrases", "read", "source_of", "turns_of"]

FIELDS = ("voice", "language", "speed", "seed", "format", "bit_rate", "cache", "opening")
TURN = re.compile(r"(?P<voice>[A-Za-z0-9_-]{1,64}):\s+(?P<text>\S.*)")


def read(path: str) -> str:
    """Return the text of a file, or of standard input for `-`."""
    return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")


def source_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the field `text` or `turns` of the input.

    Raises:
        ConfigError: The text or script is empty, or the script is malformed.
    """
    if args.script:
        return {"turns": turns_of(read(args.script))}
    text = read(args.file) if args.file else str(args.text)
    if not text.strip():
        raise ConfigError("the text is empty")
    return {"text": text}


def turns_of(script: str) -> list[dict[str, Any]]:
    """Return the turns of a dialogue: a line `VOICE: text` begins one, other lines continue it.

    Raises:
        ConfigError: The script is empty, or does not begin with a voice.
    """
    turns: list[dict[str, Any]] = []
    for number, line in enumerate(script.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = TURN.fullmatch(line.strip())
        if match:
            turns.append({"voice": match["voice"], "text": match["text"]})
        elif turns:
            turns[-1]["text"] += " " + line.strip()
        else:
            raise ConfigError(f"line {number} of the script has no voice, expected `VOICE: text`")
    if not turns:
        raise ConfigError("the script is empty, expected lines of `VOICE: text`")
    return turns


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the other fields of the input, from their own options and `--option`.

    Raises:
        ConfigError: An `--option` is not NAME=VALUE.
    """
    options = {name: getattr(args, name) for name in FIELDS if getattr(args, name, None) is not None}
    for option in getattr(args, "option", ()):
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise ConfigError(f"--option is {option[:40]!r}, expected NAME=VALUE, such as temperature=0.7")
        try:
            options[name] = json.loads(value)
        except ValueError:
            options[name] = value
    return options


def phrases(text: str) -> list[str]:
    """Return the phrases of a file, one a line, without empty lines and comments (#)."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
