"""The command line: chatterpod speak, chatterpod health."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from chatterpod.client import Client
from chatterpod.errors import ChatterpodError
from chatterpod.protocol import Chunk

__all__ = ["main"]

EXAMPLES = """examples:
  chatterpod speak "Hello there." -o hello.mp3
  echo "From a pipe." | chatterpod speak --file - -o - | mpv -
  chatterpod speak --file story.txt --voice default --speed 1.1 -o story.mp3
"""
OPTIONS = ("voice", "language", "speed", "seed", "format", "bit_rate", "cache", "opening")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, 1 for trouble, 2 for a wrong command line, 130 for Ctrl-C."""
    given = parser().parse_args(arguments)
    try:
        with Client(given.endpoint, given.api_key, given.base_url) as client:
            return int(given.run(client, given))
    except ChatterpodError as error:
        code = getattr(error, "code", "")
        print(f"chatterpod: {code + ': ' if code else ''}{error}", file=sys.stderr)
    except OSError as error:
        print(f"chatterpod: {error.strerror}: {error.filename}", file=sys.stderr)
    except KeyboardInterrupt:
        print("chatterpod: cancelled", file=sys.stderr)
        return 130
    return 1


def speak(client: Client, given: argparse.Namespace) -> int:
    """Speak into a file as the audio comes."""
    text = said(given)
    options = {name: getattr(given, name) for name in OPTIONS if getattr(given, name) is not None}
    progress = Progress(sys.stderr, quiet=given.json or given.quiet)
    size, last = 0, None
    with written(given.output) as out, client.stream(text, **options) as chunks:
        for last in chunks:
            out.write(last.audio)
            out.flush()
            size += len(last.audio)
            progress.show(last, size)
    summary = dict(last.summary or {}) if last else {}
    heard = {"client_first_audio_ms": progress.first_ms, "output": given.output}
    if given.json:
        print(json.dumps(heard | summary))
    else:
        progress.finish(summary, given.output, size)
    return 0


def health(client: Client, given: argparse.Namespace) -> int:
    """Print the endpoint's counts of jobs and workers."""
    counts = client.health()
    if given.json:
        print(json.dumps(counts))
        return 0
    for part in ("jobs", "workers"):
        print(f"{part:8}", "  ".join(f"{name} {number}" for name, number in counts.get(part, {}).items()))
    return 0


def said(given: argparse.Namespace) -> str:
    """Return the text of the command line, of a file or of standard input."""
    if given.file == "-":
        return sys.stdin.read()
    if given.file:
        return Path(given.file).read_text(encoding="utf-8")
    return str(given.text)


@contextmanager
def written(path: str) -> Iterator[IO[bytes]]:
    """Open standard output, or a file that appears under its name only when it is whole."""
    if path == "-":
        yield sys.stdout.buffer
        return
    part = Path(path + ".part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Progress:
    """Tells on a terminal how much has arrived, and how far ahead of the listener it is."""

    def __init__(self, out: IO[str], *, quiet: bool) -> None:
        self._out = out
        self._live = out.isatty() and not quiet
        self._quiet = quiet
        self._began = time.monotonic()
        self.first_ms: int | None = None

    def show(self, chunk: Chunk, size: int) -> None:
        """Take note of a chunk."""
        now = (time.monotonic() - self._began) * 1000
        if self.first_ms is None and size:
            self.first_ms = round(now)
            if not self._quiet:
                self._write(f"first audio after {now / 1000:.2f} s\n")
        ahead = chunk.end_ms - (now - (self.first_ms or 0))
        if self._live:
            self._write(f"\r{chunk.end_ms / 1000:6.1f} s received, {max(0, ahead) / 1000:5.1f} s ahead ")

    def finish(self, summary: dict[str, Any], output: str, size: int) -> None:
        """Say in a line what was made."""
        if self._quiet:
            return
        total = time.monotonic() - self._began
        source = "from the cache" if summary.get("cache_hit") else f"spoken by {summary.get('engine')}"
        length = summary.get("duration_ms", 0) / 1000
        start = "\r" if self._live else ""
        self._write(
            f"{start}{length:.1f} s of speech in {total:.2f} s, {source}: {size:,} bytes -> {output}\n"
        )
        for warning in summary.get("warnings", ()):
            self._write(f"warning: {warning}\n")

    def _write(self, line: str) -> None:
        self._out.write(line)
        self._out.flush()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        "chatterpod",
        description="Speech from a chatterpod endpoint on RunPod Serverless.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--endpoint", help="the endpoint's id (default: RUNPOD_ENDPOINT_ID)")
    common.add_argument("--api-key", help="default: RUNPOD_API_KEY, which keeps it out of the process list")
    common.add_argument("--base-url", help="default: RUNPOD_ENDPOINT_BASE_URL, else RunPod's")
    common.add_argument("--json", action="store_true", help="print one JSON object and no progress")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    speaking = commands.add_parser("speak", parents=[common], help="speak a text into a file as it comes")
    speaking.set_defaults(run=speak)
    what = speaking.add_mutually_exclusive_group(required=True)
    what.add_argument("text", nargs="?", help="what to say")
    what.add_argument("--file", metavar="FILE", help="read it from a file, or from - for standard input")
    add = speaking.add_argument
    add(
        "-o", "--output", default="speech.mp3", help="a file, or - for standard output (default: %(default)s)"
    )
    add("--voice")
    add("--language", help="such as en")
    add("--speed", type=float, help="0.5 to 2.0")
    add("--seed", type=int)
    add("--format", help="mp3 (default) or pcm (16-bit, mono, 24 kHz)")
    add("--bit-rate", type=int, help="kbit/s (default: 64)")
    add("--cache", choices=["use", "refresh", "off"])
    add("--opening", choices=["fast", "even"], help="even: for speech that nobody waits for")
    add("-q", "--quiet", action="store_true", help="no progress")
    state = commands.add_parser("health", parents=[common], help="count the endpoint's jobs and workers")
    state.set_defaults(run=health)
    return top


if __name__ == "__main__":
    sys.exit(main())
