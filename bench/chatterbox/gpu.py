"""Every goal of Chatterbox-Turbo on a GPU, in one run; needs torch and the random checkpoint, no network.

`python -m bench.chatterbox.gpu FOLDER [--json FILE]`; FOLDER is a checkpoint baked in bf16. A part that
fails is named, and the others still run.
"""

import traceback
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from bench.table import Guard, Row, Timer, median, parser, report
from worker.engines import Block, Utterance
from worker.engines.chatterbox.checkpoint import Models, load
from worker.engines.chatterbox.engine import STEPS, ChatterboxEngine
from worker.engines.chatterbox.graph import Aside, record_graph
from worker.engines.chatterbox.s3gen import S3Job
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["main"]

OPENING = "A ferry left for the islands at ten, as it did on every day."  # 60 characters
LONG = " ".join([OPENING] * 4)
TOGETHER, JOBS = 32, 500
TOKENS = 99  # of the opening, its silence included
CARD = torch.device("cuda")


class Bench:
    """The loaded models, and engines that have recorded all that they will."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self.models: Models = load(folder, CARD, "bf16")
        self.mark = Watermark.load(None, CARD)
        self.guard = guard

    def engine(self, slots: int, *, apart: bool = True) -> ChatterboxEngine:
        """Return a warm engine, with rendering on a stream of its own or not; nothing is recorded yet."""
        aside = Aside() if apart else nullcontext
        made = ChatterboxEngine(self.models, slots=slots, recorder=record_graph, aside=aside)
        self.speak(made, [OPENING])
        return made

    def recorded(self, slots: int, *, apart: bool = True) -> ChatterboxEngine:
        """Return the same, recorded."""
        made = self.engine(slots, apart=apart)
        while made.rest():
            pass
        return made

    def speak(self, engine: ChatterboxEngine, texts: list[str]) -> float:
        """Speak texts together, watermarks included; return the seconds of audio."""
        for number, text in enumerate(texts):
            engine.admit(Utterance(number, text, opens=len(texts) == 1))
        order, samples = list(range(len(texts))), 0
        while order:
            for result in engine.advance(order):
                assert isinstance(result, Block), result  # noqa: S101 - a benchmark of speech that fails is none
                samples += len(self.mark.apply(result.pcm))
                order.remove(result.utterance)
        return samples / engine.sample_rate

    def timed(self, do: Callable[[], object], times: int) -> float:
        """Return the median milliseconds of a thing, the device waited for."""

        def waited() -> None:
            do()
            torch.cuda.synchronize()

        timer = Timer(self.guard)
        timer.rounds({"it": waited}, times)
        return median(timer.times_s["it"]) * 1000


def launches(do: Callable[[], object]) -> int:
    """Return how many things the device was given to do."""
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        do()
        torch.cuda.synchronize()
    return sum(event.count for event in seen.key_averages() if event.device_type.name == "CUDA")


def stepping(bench: Bench) -> list[Row]:
    """Return the decode step at one row: one by one and recorded, and what it consists of."""
    table = []
    for name, engine in (("one by one", bench.engine(16)), ("recorded", bench.recorded(16))):
        engine.admit(Utterance(0, LONG))
        engine.advance([0])  # the text
        step = partial(engine.advance, [0])
        took = bench.timed(step, 20) / STEPS
        goal = 1000 / 900 if name == "recorded" else None
        table.append(Row(f"T3, a step of one row of 16 slots, {name}", took, "ms", goal))
        table.append(Row(f"T3, things given to the device a step, {name}", launches(step) / STEPS, ""))
        engine.drop(0)
    return table


def rendering(bench: Bench) -> list[Row]:
    """Return S3Gen's parts for the opening's tokens, alone and eight together, and the watermark."""
    s3gen = bench.models.s3gen
    tokens = torch.arange(TOKENS) * 61 % 6561
    voice = bench.models.voice.s3(s3gen, None)

    def speak(count: int) -> list[torch.Tensor]:
        return s3gen.speak([S3Job(tokens, voice, torch.Generator().manual_seed(1))] * count)

    table = [
        Row(f"S3Gen, {TOKENS} tokens, {count} together", bench.timed(partial(speak, count), 9), "ms")
        for count in (1, 8)
    ]
    table.append(Row("S3Gen, things given to the device", launches(lambda: speak(1)), ""))
    wave = speak(1)[0].numpy()
    return [*table, Row("watermark, 4 s of speech", bench.timed(lambda: bench.mark.apply(wave), 9), "ms")]


def first_audio(bench: Bench) -> list[Row]:
    """Return the time of a first piece."""
    engine = bench.recorded(16)
    took = bench.timed(lambda: bench.speak(engine, [OPENING]), 9)
    return [Row("60 characters to audio, watermark included", took, "ms", 250)]


def together(bench: Bench) -> list[Row]:
    """Return the real-time factor of many segments, with S3Gen beside T3 and in turns."""
    table = []
    for name, apart in (("S3Gen beside T3", True), ("in turns", False)):
        engine = bench.recorded(TOGETHER, apart=apart)
        seconds = bench.speak(engine, [LONG] * TOGETHER)
        took = bench.timed(partial(bench.speak, engine, [LONG] * TOGETHER), 3) / 1000
        goal = 1 / 100 if apart else None
        table.append(Row(f"{TOGETHER} segments at once, {name}: real-time factor", took / seconds, "", goal))
    return table


def growth(bench: Bench) -> list[Row]:
    """Return what 500 jobs add to the memory that torch holds on the card."""
    engine = bench.recorded(16)
    before = torch.cuda.memory_reserved()
    for _ in range(JOBS):
        bench.speak(engine, [OPENING[:30]])
    grown = (torch.cuda.memory_reserved() - before) / 2**20
    most = torch.cuda.max_memory_allocated() / 2**20
    return [Row(f"memory that {JOBS} jobs add", grown, "MB", 1), Row("memory, at most", most, "MB")]


def main() -> None:
    """Run it."""
    asked = parser("chatterbox.gpu", __doc__ or "")
    asked.add_argument("folder", type=Path)
    options = asked.parse_args()
    guard = Guard()
    bench = Bench(options.folder, guard)
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    table: list[Row] = []
    for part in (first_audio, stepping, rendering, together, growth):
        try:
            table += part(bench)
        except Exception:  # noqa: BLE001 - whatever it is, the other figures are worth having
            print(f"{part.__name__} failed:", traceback.format_exc(), sep="\n")
    report(table, guard, options.json)


if __name__ == "__main__":
    main()
