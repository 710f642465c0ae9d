"""chatterpod speak: speaks a text of any length, or a dialogue, into a file as the audio comes."""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

from chatterpod.captions import srt, vtt
from chatterpod.cli.output import AudioFile, FrameStream, Player, Printer, audio_file, player
from chatterpod.cli.sources import options_of, source_of
from chatterpod.cli.targets import check_targets
from chatterpod.client import WIDTH, Client
from chatterpod.errors import ConfigError
from chatterpod.joining import chapters_of
from chatterpod.longform import MAX_WIDTH, Plan, Retake, plan_of
from chatterpod.protocol import Chunk
from chatterpod.speech import saved
from chatterpod.store import Folder

__all__ = ["add_to", "speak"]


def add_to(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "speak",
        parents=parents,
        help="speak a text of any length into a file",
        description="Speak a text into a file as the audio comes. Long text is cut at headings and "
        "paragraphs into jobs that run in parallel; an interrupted run continues where it stopped.",
    )
    command.set_defaults(run=speak)
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("text", nargs="?", help="the text")
    what.add_argument("--file", metavar="FILE", help="read it from a file, or from - for standard input")
    what.add_argument("--script", metavar="FILE", help="a dialogue: lines of `VOICE: text`; - for stdin")
    add = command.add_argument
    add("-o", "--output", metavar="FILE", help="a file, or - for standard output (default: speech.mp3)")
    add("--captions", metavar="FILE", help="also write captions, as .vtt or .srt")
    add("--play", action="store_true", help="play the audio as it comes, with mpv, ffplay, mpg123 or vlc")
    add("--voice", help="its name (default: default)")
    add("--language", help="such as en")
    add("--speed", type=float, help="0.5 to 2.0")
    add("--seed", type=int, help="another reading of the same text")
    add("--format", choices=["mp3", "pcm"], help="mp3 (default) or pcm (16-bit, mono, 24 kHz)")
    add("--bit-rate", type=int, metavar="KBITS", help="kbit/s (default: 64)")
    add("--cache", choices=["use", "refresh", "off"], help="default: use")
    add("--opening", choices=["fast", "even"], help="even: for speech that nobody is waiting for")
    add("--option", action="append", default=[], metavar="NAME=VALUE", help="any other field of the input")
    add("--width", type=int, default=WIDTH, metavar="N", help="jobs at once (default: %(default)s)")
    add(
        "--workers",
        type=int,
        metavar="N",
        help="workers of the endpoint: as many jobs at once as they have slots",
    )
    add("--retake", action="append", default=[], metavar="N[:SEED]", help="speak part N with another seed")
    add("--plan", action="store_true", help="only show the parts of the text")
    add("-q", "--quiet", action="store_true", help="no progress")


def speak(client: Client, args: argparse.Namespace, printer: Printer) -> int:
    """Speak into a file, a player, or standard output."""
    caption_writer(args.captions)
    request = {**source_of(args), **options_of(args)}
    plan = plan_of(client.endpoint, request, [Retake.parse(text) for text in args.retake])
    if args.plan:
        printer.result(*shown(plan))
        return 0
    output = args.output or (None if args.play else f"speech.{plan.audio_format}")
    check_targets(output, args.captions, plan.audio_format)
    progress = Progress(sys.stderr, len(plan.parts), quiet=printer.as_json or args.quiet)
    width = args.width if args.workers is None else slots_of(client) * args.workers
    store = Folder(f"{output}.parts") if len(plan.parts) > 1 and output not in {None, "-"} else None
    with player(args.play, plan.audio_format) as playing, audio_file(output, plan.audio_format) as file:
        chunks = client.stream_plan(plan, width=min(width, MAX_WIDTH), store=store)
        result = deliver(chunks, plan, (file, playing), progress)
    if args.captions:
        saved(caption_writer(args.captions)(result["segments"]).encode(), args.captions)
    if store is not None:
        store.clear()
    report = {key: value for key, value in result.items() if key != "segments"}
    report |= {"output": output, "captions": args.captions, "client_first_audio_ms": progress.first_ms}
    if printer.as_json:
        printer.result(report)
    progress.finish(report, output or "player")
    return 0


def slots_of(client: Client) -> int:
    """Return how many utterances a worker speaks at once, as its `info` says."""
    slots = client.operate("info").get("slots")
    return slots if isinstance(slots, int) and slots > 0 else WIDTH


def deliver(
    stream: AbstractContextManager[Iterator[Chunk]],
    plan: Plan,
    outs: tuple[AudioFile | FrameStream, Player | None],
    progress: "Progress",
) -> dict[str, Any]:
    """Write and play the audio as it comes; return the summary, with segments and chapters."""
    file, playing = outs
    segments: list[Mapping[str, Any]] = []
    last: Chunk | None = None
    with stream as chunks:
        for last in chunks:
            file.write(last.audio)
            if playing is not None:
                playing.write(last.audio)
            segments += last.segments
            progress.show(last)
    summary = dict(last.summary or {}) if last is not None else {}
    chapters = chapters_of(plan.parts, segments)
    size = file.finish(int(summary.get("duration_ms", 0)), chapters)
    listed = [{"title": chapter.title, "start_ms": chapter.start_ms} for chapter in chapters]
    return {**summary, "size_bytes": size, "chapters": listed, "segments": segments}


def caption_writer(path: str | None) -> Any:
    """Return the function that makes captions for a file of this name.

    Raises:
        ConfigError: The name ends in neither .vtt nor .srt.
    """
    kinds = {".vtt": vtt, ".srt": srt}
    if path is not None and Path(path).suffix.lower() not in kinds:
        raise ConfigError("captions are written as .vtt or .srt: use one of these endings")
    return kinds.get(Path(path or ".vtt").suffix.lower(), vtt)


def shown(plan: Plan) -> Sequence[Any]:
    """Return the parts of a plan: first as JSON, then as lines."""
    rows = []
    for number, part in enumerate(plan.parts, 1):
        text = part.text or " ".join(str(turn.get("text", "")) for turn in part.turns)
        titles = [heading.title for heading in part.headings]
        rows.append({"part": number, "characters": len(text), "begins": text[:60], "headings": titles})
    lines = [f"{row['part']:4}  {row['characters']:6,}  {str(row['begins'])!r}" for row in rows]
    return [{"parts": rows}, *lines]


class Progress:
    """Shows on a terminal how much audio has come, and how far it is ahead of a listener."""

    def __init__(self, out: IO[str], parts: int, *, quiet: bool) -> None:
        self._out = out
        self._parts = parts
        self._live = out.isatty() and not quiet
        self._quiet = quiet
        self._began = time.monotonic()
        self.first_ms: int | None = None

    def show(self, chunk: Chunk) -> None:
        """Count a chunk and show the progress."""
        now = (time.monotonic() - self._began) * 1000
        if self.first_ms is None and chunk.audio:
            self.first_ms = round(now)
            if not self._quiet:
                self._write(f"first audio after {now / 1000:.2f} s\n")
        ahead = chunk.end_ms - (now - (self.first_ms or 0))
        if self._live:
            part = f", part {chunk.part + 1} of {self._parts}" if self._parts > 1 else ""
            self._write(
                f"\r{chunk.end_ms / 1000:6.1f} s received, {max(0, ahead) / 1000:5.1f} s ahead{part} "
            )

    def finish(self, result: Mapping[str, Any], output: str) -> None:
        """Print one line about the result, and its warnings."""
        if self._quiet:
            return
        total = time.monotonic() - self._began
        engine = f", spoken by {result['engine']}" if result.get("engine") else ""
        source = ", from the cache" if result.get("cache_hit") else engine
        length = result.get("duration_ms", 0) / 1000
        start = "\r\033[K" if self._live else ""
        size = result.get("size_bytes", 0)
        self._write(f"{start}{length:.1f} s of speech in {total:.2f} s{source}: {size:,} bytes -> {output}\n")
        for warning in result.get("warnings") or ():
            self._write(f"warning: {warning}\n")

    def _write(self, line: str) -> None:
        self._out.write(line)
        self._out.flush()
