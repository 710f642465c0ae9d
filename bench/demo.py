"""`make demo`: a paragraph through the real worker on a local RunPod queue, streamed, then from the cache."""

import shlex
import sys
import tempfile
import time
from pathlib import Path

from chatterpod import ChatterpodError, Client

from bench.running import running

PARAGRAPH = (
    "The lighthouse keeper had not spoken aloud in eleven days. On the twelfth, a small boat came round "
    "the point at half past seven, and its skipper shouted up that the war was over, that bread was "
    "cheaper, and that somebody in the village had taught a parrot to sing. The keeper thought about all "
    "three for a while. Then he put on his good coat, locked the door for the first time in years, and "
    "walked down the two hundred and twelve steps, because he did not believe it about the parrot."
)
OUTPUT = Path("out") / "demo.mp3"
INTERRUPTED = 130  # what a shell makes of Ctrl-C


def main() -> int:
    """Speak the paragraph three times; return the exit code."""
    OUTPUT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryFile("w+", errors="replace") as log:
        try:
            demonstrate(cache, log.fileno())
        except KeyboardInterrupt:
            complain("stopped")
            return INTERRUPTED
        except (ChatterpodError, RuntimeError) as error:
            log.seek(0)
            print("\n".join(last_words(log.read().splitlines())), file=sys.stderr)
            complain(f"{error}: what the worker said is above")
            return 1
    say(f"\nThe speech is in {OUTPUT} ({OUTPUT.stat().st_size:,} bytes). `make serve` opens a page.")
    return 0


def demonstrate(cache: str, log: int) -> None:
    """Start a queue, and speak through it; what it and its workers say goes to `log`."""
    with running("--command", worker(cache), log=log) as url:
        say(f"A RunPod queue is listening at {url}; there is no worker yet (scale to zero).\n")
        with Client("local", "any", f"{url}/v2") as client:
            say("First: the worker starts, and speaks while you listen.")
            speak(client)
            say("\nAgain, with the worker warm and another seed: nothing is cached.")
            speak(client, seed=1)
            say("\nAnd the first once more: the cache.")
            speak(client)


def last_words(log: list[str]) -> list[str]:
    """Return the line with which a worker ended, else the last few that it left behind, each once."""
    lines = list(dict.fromkeys(line for line in log if line.strip() and not line.startswith("localpod:")))
    return [line for line in lines if line.startswith("worker:")] or lines[-5:]


def speak(client: Client, seed: int = 0) -> None:
    """Stream the paragraph into the file, saying what arrives when."""
    began = time.monotonic()
    with OUTPUT.open("wb") as out, client.stream(PARAGRAPH, seed=seed) as chunks:
        for chunk in chunks:
            out.write(chunk.audio)
            words = " ".join(str(segment["text"]) for segment in chunk.segments)
            now = time.monotonic() - began
            place = f"audio {chunk.start_ms / 1000:5.1f} to {chunk.end_ms / 1000:5.1f} s"
            say(f"  {now:6.3f} s  {place}  {words:.48}...")
            summary = chunk.summary
    if summary:
        total, length = time.monotonic() - began, summary["duration_ms"] / 1000
        source = "the cache" if summary["cache_hit"] else f"the {summary['engine']} engine"
        worker = f"{summary['generation_time_ms']} ms in the worker"
        say(f"  {length:.1f} s of speech in {total:.2f} s, from {source}; {worker}")


def worker(cache: str) -> str:
    """Return the command of a worker that keeps its speech in a folder of this demonstration."""
    return shlex.join(["env", f"TTS_CACHE_DIR={cache}", sys.executable, "-m", "worker"])


def complain(line: str) -> None:
    """Say in a line why there is no more to come."""
    print(f"demo: {line}", file=sys.stderr)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
