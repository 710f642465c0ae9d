"""Voices: the cost of learning one, from its clip and from its file, and of judging each segment."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from bench.checkpoints import build_once
from bench.inprocess import run_job, worker_in
from bench.table import Guard, Row, median, parser, report
from worker.engines import CLIP_RATE, Pcm
from worker.engines.takes.finish import finish, stretched
from worker.engines.takes.judge import Reading, verdict
from worker.engines.takes.trim import trimmed
from worker.voices.demo_voices import demo_clips

__all__ = ["main"]

SEGMENT_SECONDS = 17.5  # the longest segment, 280 characters
TEXT = "The harbour was quiet that morning, and only the gulls had opinions. "
FIRST_USE = """
import sys, time
from pathlib import Path
import torch
from worker.voices.clips import read_clip
from worker.engines.chatterbox.turbo import checkpoint
from worker.engines.chatterbox.turbo.engine import TurboEngine
folder, data = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
engine = TurboEngine(checkpoint.load(folder, torch.device("cpu")))
kept = Path(sys.argv[2] + ".voice")
began = time.perf_counter()
clip = read_clip(data)
kept.write_bytes(engine.learn(clip.sha256, clip))
first = time.perf_counter()
engine.learn(clip.sha256, clip)
second = time.perf_counter()
engine.recall(clip.sha256, kept.read_bytes())
print(first - began, second - first, time.perf_counter() - second)
"""


def main() -> None:
    """Measure what the command line asks for."""
    asked = parser("voices", __doc__ or "")
    asked.add_argument("--no-models", action="store_true", help="leave out what needs 3 GB of random weights")
    options = asked.parse_args()
    guard = Guard()
    rows = [*segment_rows(guard, 5 if options.quick else 21), *counted_rows()]
    if not options.no_models:
        rows += learning_rows(guard, options)
    report(rows, guard, options.json)


def speech(seconds: float) -> Pcm:
    """Return a clip of the preview voice, repeated to this length."""
    import soundfile  # noqa: PLC0415 - to read what the demo clips are packed in

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip.wav"
        file.write_bytes(demo_clips()["harbour"])
        pcm, _ = soundfile.read(file, dtype="float32")
    return np.resize(np.asarray(pcm, np.float32), round(seconds * CLIP_RATE))


def timed(work: Callable[[], object], guard: Guard, times: int) -> float:
    """Return the median of the milliseconds that the work takes, with the guard called before each run."""
    spent = []
    for _ in range(times):
        guard()
        began = time.perf_counter()
        work()
        spent.append((time.perf_counter() - began) * 1000)
    return median(spent)


def segment_rows(guard: Guard, times: int) -> Iterator[Row]:
    """Yield the cost of judging and finishing the longest segment."""
    pcm = speech(SEGMENT_SECONDS)
    take = Reading(TEXT * 4, pcm)
    yield Row("guard: judging a segment of 17.5 s", timed(lambda: verdict(take), guard, times), "ms", 5)
    plain = timed(lambda: finish(trimmed(pcm, CLIP_RATE), sample_rate=CLIP_RATE), guard, times)
    yield Row("trim, loudness and fades of a segment of 17.5 s", plain, "ms")
    for speed in (0.5, 1.25, 2.0):
        spent = timed(lambda speed=speed: stretched(pcm, CLIP_RATE, speed), guard, times)  # type: ignore[misc]
        share = spent / (SEGMENT_SECONDS / speed * 1000) * 100
        yield Row(f"time-stretch at speed {speed:g}, of the audio's duration", share, "%", 1)


def counted_rows() -> Iterator[Row]:
    """Yield how often a job of 50 turns computes its voice's conditioning."""
    with tempfile.TemporaryDirectory() as folder, worker_in(Path(folder)) as worker:
        worker.voices.store.add("ann", demo_clips()["harbour"])
        turns = [{"text": TEXT, "voice": "ann"} for _ in range(50)]
        _, last = asyncio.run(run_job(worker, {"turns": turns, "bit_rate": 32}))
        name = f"conditionings computed for {last['chunks_processed']} segments of one voice"
        yield Row(name, worker.voices.learned, "", 1)


def learning_rows(guard: Guard, options: argparse.Namespace) -> Sequence[Row]:
    """Return what learning a voice costs with full-size models of random weights."""
    checkpoint = build_once("full")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.wav"
        clip.write_bytes(demo_clips()["harbour"])
        for _ in range(1 if options.quick else 3):
            guard()
            command = [sys.executable, "-W", "ignore", "-c", FIRST_USE, str(checkpoint), str(clip)]
            printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found.append([float(number) for number in printed.split()])
    first, later, recalled = (median(column) for column in zip(*found, strict=True))
    return [
        Row("new voice, the first that this process learns, models included", first, "s"),
        Row("new voice, models there: conditioning and prefix of a clip of 13 s", later, "s"),
        Row("voice from its file", recalled, "s", 0.1),
    ]


if __name__ == "__main__":
    main()
