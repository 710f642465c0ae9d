"""The command line of the voices on the volume: `python -m worker.voices`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from worker.errors import SpeechError, StartError
from worker.settings import Settings
from worker.voices.clips import read_clip
from worker.voices.store import VoiceStore

CLIPS = {".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Manage the voices on the volume; return 1 if that fails."""
    parser = argparse.ArgumentParser(prog="python -m worker.voices", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="keep a clip (WAV, FLAC, OGG, MP3; 5 to 60 s) as a voice")
    add.add_argument("name")
    add.add_argument("file", type=Path)
    commands.add_parser("list", help="print the names")
    commands.add_parser("remove", help="remove a voice").add_argument("name")
    commands.add_parser("demo", help="make two voices that are free to use")
    fill = commands.add_parser("fill", help="keep every clip of a folder as a voice with the file's name")
    fill.add_argument("source", type=Path)
    given = parser.parse_args(arguments)
    try:
        voices = VoiceStore(Settings.from_env().voices_folder()[0])
        for line in run(voices, given):
            print(line)
    except (SpeechError, StartError, OSError) as error:
        print(f"voices: {error}", file=sys.stderr)
        return 1
    return 0


def run(voices: VoiceStore, given: argparse.Namespace) -> list[str]:
    """Run one command; return the lines to print."""
    if given.command == "list":
        return voices.names()
    if given.command == "remove":
        voices.remove(given.name)
        return [f"removed {given.name}"]
    if given.command == "demo":
        from worker.voices.demo_voices import demo_clips  # noqa: PLC0415 - needs the preview voice's package

        made = demo_clips()
    elif given.command == "fill":
        voices.folder.mkdir(parents=True, exist_ok=True)
        files = sorted(path for path in given.source.iterdir() if path.suffix.lower() in CLIPS)
        made = {path.stem: path.read_bytes() for path in files}
    else:
        made = {given.name: given.file.read_bytes()}
    lines = []
    for name, data in made.items():
        clip = read_clip(data)
        verb = "replaced" if voices.add(name, data) else "added"
        lines.append(f"{verb} {name}: {clip.seconds:.1f} s, {clip.sha256[:16]}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
