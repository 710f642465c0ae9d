"""chatterpod health, voices and warm."""

import argparse
import base64
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chatterpod.cli.output import Printer
from chatterpod.cli.sources import options_of, phrases, read
from chatterpod.client import WIDTH, Client
from chatterpod.errors import ChatterpodError, ConfigError

__all__ = ["add_to"]

CLIP_BYTES = 7_000_000 * 3 // 4  # the worker's limit of 7,000,000 is of base64


def add_to(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser."""
    state = commands.add_parser("health", parents=parents, help="count the endpoint's jobs and workers")
    state.set_defaults(run=health)
    known = commands.add_parser("voices", parents=parents, help="list, add or remove voices")
    known.set_defaults(run=voices)
    known.add_argument("action", nargs="?", choices=["list", "add", "remove"], default="list")
    known.add_argument("source", nargs="?", help="add: a clip, or its https URL; remove: the name")
    known.add_argument("--name", help="add: the voice's name (default: the file's)")
    warming = commands.add_parser(
        "warm",
        parents=parents,
        help="speak a file of phrases into the cache",
        description="Speak phrases, one a line, in parallel, so that later they come from the cache.",
    )
    warming.set_defaults(run=warm)
    warming.add_argument("file", help="phrases, one a line; - for standard input")
    warming.add_argument("--width", type=int, default=WIDTH, metavar="N", help="jobs at once")
    for name in ("voice", "language", "format"):
        warming.add_argument(f"--{name}")
    warming.add_argument("--speed", type=float)
    warming.add_argument("--seed", type=int)
    warming.add_argument("--bit-rate", type=int)
    warming.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")


def health(client: Client, _args: argparse.Namespace, printer: Printer) -> int:
    """Print the endpoint's counts of jobs and workers."""
    counts = client.health()
    lines = []
    for kind in ("jobs", "workers"):
        numbers = counts.get(kind) or {}
        lines.append(f"{kind:8} " + "  ".join(f"{name} {number}" for name, number in numbers.items()))
    printer.result(counts, *lines)
    return 0


def voices(client: Client, args: argparse.Namespace, printer: Printer) -> int:
    """List voices, add one from a clip, or remove one."""
    if args.action == "list":
        record = client.operate("voices")
        printer.result(record, *map(voice_line, record.get("voices") or ()))
        return 0
    if not args.source:
        raise ConfigError(f"voices {args.action} needs a {'clip' if args.action == 'add' else 'name'}")
    if args.action == "remove":
        record = client.operate("voice_remove", name=args.source)
        printer.result(record, f"removed {args.source}")
        return 0
    name = args.name or Path(args.source).stem
    record = client.operate("voice_add", name=name, **clip_of(args.source))
    printer.result(record, f"added {name}")
    return 0


def voice_line(voice: Any) -> str:
    """Return a voice, which is a name or an object with a name, as one line."""
    if not isinstance(voice, dict):
        return str(voice)
    rest = "  ".join(f"{key} {value}" for key, value in voice.items() if key != "name")
    return f"{voice.get('name')}  {rest}".rstrip()


def clip_of(source: str) -> dict[str, str]:
    """Return the field of the input that holds a clip: a URL, or a file's contents.

    Raises:
        ConfigError: The file is too large.
    """
    if source.startswith("https://"):
        return {"voice_url": source}
    data = Path(source).read_bytes()
    if len(data) > CLIP_BYTES:
        raise ConfigError(
            f"the clip has {len(data):,} bytes, expected at most {CLIP_BYTES:,}: 10 s of speech are enough"
        )
    return {"clip_base64": base64.b64encode(data).decode()}


def warm(client: Client, args: argparse.Namespace, printer: Printer) -> int:
    """Speak each phrase once; return 1 if one of them failed."""
    lines = list(dict.fromkeys(phrases(read(args.file))))
    if not lines:
        raise ConfigError("the file has no phrases, expected one a line")
    began = time.monotonic()
    options = options_of(args)

    def speak(phrase: str) -> dict[str, Any]:
        try:
            with client.twin() as own:
                summary = own.speak(phrase, **options).summary
        except ChatterpodError as error:
            return {"phrase": phrase, "error": {"code": error.code, "message": str(error)}}
        return {"phrase": phrase, "cache_hit": bool(summary.get("cache_hit"))}

    with ThreadPoolExecutor(max(1, args.width)) as pool:
        rows = list(pool.map(speak, lines))
    hits = sum(row.get("cache_hit") is True for row in rows)
    failures = [row for row in rows if "error" in row]
    seconds = round(time.monotonic() - began, 2)
    counts = {"phrases": len(rows), "hits": hits, "spoken": len(rows) - hits - len(failures)}
    counts |= {"failed": len(failures)}
    report = f"{len(rows)} phrases in {seconds} s: {hits} were cached, {counts['spoken']} spoken"
    printer.result({**counts, "seconds": seconds, "results": rows}, *failure_lines(failures), report)
    return 1 if failures else 0


def failure_lines(failures: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each phrase that failed."""
    for row in failures:
        yield f"failed: {row['phrase'][:50]!r}: {row['error']['code']}: {row['error']['message']}"
