"""Dockerfile.serverless, taken apart: instructions, stages and build arguments."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = "Dockerfile.serverless"
LINES = [
    line
    for line in re.sub(r"\\\n", " ", (ROOT / DOCKERFILE).read_text()).splitlines()
    if line and not line.startswith("#")
]
STAGES = [match[1] for line in LINES if (match := re.fullmatch(r"FROM \S+ AS (\w+)", line))]


def instructions(name: str, lines: list[str] = LINES) -> list[str]:
    """Return what follows each instruction of a name."""
    return [line.split(maxsplit=1)[1] for line in lines if line.split()[0] == name]


def arguments(lines: list[str] = LINES) -> dict[str, str]:
    """Return the build arguments that are declared, with their defaults."""
    return dict(line.split("=", 1) for line in instructions("ARG", lines))


def stage(name: str) -> list[str]:
    """Return the lines of a stage, without its FROM."""
    start = next(place for place, line in enumerate(LINES) if line.endswith(f" AS {name}")) + 1
    rest = [place for place, line in enumerate(LINES[start:], start) if line.startswith("FROM ")]
    return LINES[start : rest[0]]


def defaulted(text: str) -> str:
    """Return the text with each build argument at its default."""
    return re.sub(r"\$\{(\w+)\}", lambda match: arguments()[match[1]], text)
