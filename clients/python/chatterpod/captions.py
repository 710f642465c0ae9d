"""Captions from segments, as WebVTT (https://www.w3.org/TR/webvtt1/) and SubRip. Pure."""

import html
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Cue", "cues", "srt", "vtt"]

LINE = 42  # characters, as is usual for captions
LINES = 2  # in one caption
# Marks that are not spoken, and what replaces them; [laugh] stays, since captions show sounds.
MARKS = (
    (re.compile(r"\[pause:[\d.\s]{1,12}m?s\]"), " "),
    (re.compile(r"!?\[([^\[\]\n]{0,200})\]\([^\s()]{1,300}\)"), r"\1"),  # a link
    # headings, quotations, rules
    (re.compile(r"^[ \t]*(?:#{1,6}|>)[ \t]+|^[ \t:|=*_~-]{3,}$", re.MULTILINE), " "),
    (re.compile(r"(?<!\w)(?:\*\*|__|~~|[*_`])(?=\S)|(?<=\S)(?:\*\*|__|~~|[*_`])(?!\w)"), ""),
)


@dataclass(frozen=True, slots=True)
class Cue:
    """One caption on the screen."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    voice: str = ""  # of the turn; empty if the text is not a dialogue


def cues(segments: Iterable[Mapping[str, Any]]) -> Iterator[Cue]:
    """Yield the segments as captions of at most two lines; a segment's time is divided by letters.

    Args:
        segments: With `text`, `start_ms`, `end_ms`, and in a dialogue `turn` and `voice`.
    """
    for segment in segments:
        lines = textwrap.wrap(readable(str(segment.get("text", ""))), LINE)
        total = sum(map(len, lines)) or 1
        start, end = int(segment["start_ms"]), int(segment["end_ms"])
        voice = str(segment.get("voice", "")) if "turn" in segment else ""
        before = 0  # letters of the captions before
        for at in range(0, len(lines), LINES):
            shown = tuple(lines[at : at + LINES])
            after = before + sum(map(len, shown))
            times = [start + (end - start) * letters // total for letters in (before, after)]
            before = after
            yield Cue(times[0], times[1], shown, voice)


def readable(text: str) -> str:
    """Return a segment's text as one line, without pause tags and Markdown."""
    for mark, replacement in MARKS:
        text = mark.sub(replacement, text)
    return " ".join(text.split())


def vtt(segments: Iterable[Mapping[str, Any]]) -> str:
    """Return the captions as WebVTT, with the speakers of a dialogue."""
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
    """Return a time as 00:00:00.000, with `point` before the milliseconds."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"
