"""Captions from segments: WebVTT (https://www.w3.org/TR/webvtt1/) and SubRip. Pure."""

import html
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Cue", "cues", "srt", "vtt"]

LINE = 42  # characters that a reader takes in at a glance
LINES = 2
# Marks that are not spoken, and what is left of them; [laugh] stays, as captions have it.
MARKS = (
    (re.compile(r"\[pause:[\d.\s]{1,12}m?s\]"), " "),
    (re.compile(r"!?\[([^\[\]\n]{0,200})\]\([^\s()]{1,300}\)"), r"\1"),  # a link
    # headings, quotations, rules
    (re.compile(r"^[ \t]*(?:#{1,6}|>)[ \t]+|^[ \t:|=*_~-]{3,}$", re.MULTILINE), " "),
    (re.compile(r"(?<!\w)(?:\*\*|__|~~|[*_`])(?=\S)|(?<=\S)(?:\*\*|__|~~|[*_`])(?!\w)"), ""),
)


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption on the screen; times in milliseconds."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    voice: str = ""  # in a dialogue


def cues(segments: Iterable[Mapping[str, Any]]) -> Iterator[Cue]:
    """Yield the segments as captions of at most two lines; the time goes by the letters."""
    for segment in segments:
        lines = textwrap.wrap(readable(str(segment.get("text", ""))), LINE)
        total = sum(map(len, lines)) or 1
        start, end = int(segment["start_ms"]), int(segment["end_ms"])
        voice = str(segment.get("voice", "")) if "turn" in segment else ""
        said = 0
        for at in range(0, len(lines), LINES):
            shown = tuple(lines[at : at + LINES])
            until = said + sum(map(len, shown))
            times = [start + (end - start) * letters // total for letters in (said, until)]
            said = until
            yield Cue(times[0], times[1], shown, voice)


def readable(text: str) -> str:
    """Return a segment's text without written pauses and Markdown, as one line."""
    for mark, left in MARKS:
        text = mark.sub(left, text)
    return " ".join(text.split())


def vtt(segments: Iterable[Mapping[str, Any]]) -> str:
    """Return the captions as WebVTT; in a dialogue with their speakers."""
    blocks = ["WEBVTT\n"]
    for cue in cues(segments):
        text = "\n".join(html.escape(line, quote=False) for line in cue.lines)
        voice = f"<v {html.escape(cue.voice, quote=False)}>" if cue.voice else ""
        blocks.append(f"{clock(cue.start_ms, '.')} --> {clock(cue.end_ms, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def srt(segments: Iterable[Mapping[str, Any]]) -> str:
    """Return the captions as SubRip."""
    blocks = []
    for number, cue in enumerate(cues(segments), 1):
        text = "\n".join(cue.lines)
        blocks.append(f"{number}\n{clock(cue.start_ms, ',')} --> {clock(cue.end_ms, ',')}\n{text}\n")
    return "\n".join(blocks)


def clock(milliseconds: int, point: str) -> str:
    """Return a time as 00:00:00.000."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"
