"""Every goal of Chatterbox-Turbo on a GPU, in one run; needs torch and the random checkpoint, no network.

`python -m bench.chatterbox.gpu FOLDER [--json FILE]`; FOLDER is a checkpoint baked in bf16, or grown from the
outline of one (`bench.outlines`). Beside torch it takes safetensors, tokenizers, numpy and soxr. A part that
fails is named, and the others still run.
"""

import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from bench.table import Guard, Row, Timer, median, parser, report
from worker.engines import Pcm, Take, Utterance
from worker.engines.chatterbox.files import WATERMARK_FILE
from worker.engines.chatterbox.s3gen import S3Job
from worker.engines.chatterbox.turbo.checkpoint import TurboModels, load
from worker.engines.chatterbox.turbo.cuda_graphs import CudaGraphs, SideStream
from worker.engines.chatterbox.turbo.engine import STEPS, TurboEngine
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["main"]

OPENING = "A ferry left for the islands at ten, as it did on every day."  # 60 characters
LONG = " ".join([OPENING] * 4)
LENGTHS = range(20, 60, 4)  # characters
TOGETHER, JOBS = 32, 500
HEARD = 0.05  # of a signal: half precision moves less, another token more
TOKENS = 99  # of the opening, its silence included
CARD = torch.device("cuda")


class Bench:
    """The loaded models, and engines that have recorded all that they will."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self.models: TurboModels = load(folder, CARD, "bf16")
        kept = folder / WATERMARK_FILE
        self.mark = Watermark.load(kept if kept.is_file() else None, CARD)
        self.guard = guard

    def engine(self, slots: int, *, apart: bool = True) -> TurboEngine:
        """Return a warm engine, with rendering on a stream of its own or not; nothing is recorded yet."""
        aside = SideStream() if apart else nullcontext
        made = TurboEngine(self.models, slots=slots, capture=CudaGraphs(), side_stream=aside)
        self.speak(made, [OPENING])
        return made

    def recorded(self, slots: int, *, apart: bool = True) -> TurboEngine:
        """Return the same, recorded."""
        made = self.engine(slots, apart=apart)
        while made.rest():
            pass
        print(f"an engine of {slots} slots: {made.status()}")  # slow figures may be for want of recordings
        return made

    def speak(self, engine: TurboEngine, texts: list[str]) -> float:
        """Speak texts together, watermarks included; return the seconds of audio."""
        return sum(len(self.mark.apply(pcm)) for pcm in self.heard(engine, texts)) / engine.sample_rate

    def heard(self, engine: TurboEngine, texts: list[str]) -> list[Pcm]:
        """Speak texts together, as many at once as there are slots; return the samples of each."""
        waiting = [Utterance(number, text, opens=len(texts) == 1) for number, text in enumerate(texts)]
        made: dict[int, Pcm] = {}
        order: list[int] = []
        while len(made) < len(texts):
            while waiting and len(order) < engine.slots:
                order.append(waiting[0].id)
                engine.admit(waiting.pop(0))
            for result in engine.advance(order):
                assert isinstance(result, Take), result  # noqa: S101 - a benchmark of speech that fails is none
                made[result.utterance] = result.pcm
                order.remove(result.utterance)
        return [made[number] for number in range(len(texts))]

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
    """Return the decode step, one by one and recorded, and what it consists of."""
    table = []
    recorded = bench.recorded(16)
    for name, engine, count in (
        ("one by one", bench.engine(16), 1),
        ("recorded", recorded, 1),
        ("recorded", recorded, 16),
    ):
        rows = list(range(count))
        for row in rows:
            engine.admit(Utterance(row, LONG))
            engine.advance([row])  # the text
        step = partial(engine.advance, rows)
        took = bench.timed(step, 20) / STEPS
        goal = 1000 / 900 if (name, count) == ("recorded", 1) else None
        what = f"T3, a step of {count} of 16 rows, {name}"
        table.append(Row(what, took, "ms", goal))
        table.append(Row(f"{what}: things given to the device", launches(step) / STEPS, ""))
        for row in rows:
            engine.drop(row)
    return table


def rendering(bench: Bench) -> list[Row]:
    """Return S3Gen's parts for the opening's tokens, alone and eight together, and the watermark."""
    s3gen = bench.models.s3gen
    tokens = torch.arange(TOKENS) * 61 % 6561
    voice = bench.models.voice.s3(s3gen, None)

    def speak(count: int) -> list[torch.Tensor]:
        return s3gen.render([S3Job(tokens, voice, torch.Generator().manual_seed(1))] * count)

    table = [
        Row(f"S3Gen, {TOKENS} tokens, {count} together", bench.timed(partial(speak, count), 9), "ms")
        for count in (1, 8)
    ]
    table.append(Row("S3Gen, things given to the device", launches(lambda: speak(1)), ""))
    wave = speak(1)[0].numpy()
    return [*table, Row("watermark, 4 s of speech", bench.timed(lambda: bench.mark.apply(wave), 9), "ms")]


def first_audio(bench: Bench) -> list[Row]:
    """Return the time of a first piece: of a length met before, and of one that is new."""
    engine = bench.recorded(16)
    took = bench.timed(lambda: bench.speak(engine, [OPENING]), 9)
    pieces = [OPENING[:length] for length in range(58, 42, -2)]
    began = time.perf_counter()
    for piece in pieces:
        bench.speak(engine, [piece])
    new = (time.perf_counter() - began) * 1000 / len(pieces)
    return [
        Row("60 characters to audio, watermark included", took, "ms", 250),
        Row("44 to 58 characters, each length for the first time", new, "ms", 250),
    ]


def alike(bench: Bench) -> list[Row]:
    """Return how many utterances sound otherwise beside others, or recorded, than alone step by step."""
    texts = [OPENING[:40], OPENING, LONG[:150]]
    alone = [bench.heard(bench.engine(16), [text])[0] for text in texts]
    table = []
    for name, engine in (("step by step", bench.engine(16)), ("recorded", bench.recorded(16))):
        beside = bench.heard(engine, texts)
        other = sum(
            len(one) != len(two) or apart(one, two) > HEARD for one, two in zip(alone, beside, strict=True)
        )
        table.append(Row(f"utterances that are others beside others, {name}", other, "", 0))
    return table


def apart(one: Pcm, other: Pcm) -> float:
    """Return the root mean square of the difference, in parts of the signal's."""
    return float(np.linalg.norm(one - other) / np.linalg.norm(one))


def together(bench: Bench) -> list[Row]:
    """Return the real-time factor of many segments, with S3Gen beside T3 and in turns."""
    table = []
    texts = [" ".join([OPENING] * (1 + number % 8)) for number in range(2 * TOGETHER)]
    for name, apart in (("S3Gen beside T3", True), ("in turns", False)):
        engine = bench.recorded(TOGETHER, apart=apart)
        seconds = bench.speak(engine, texts)
        took = bench.timed(partial(bench.speak, engine, texts), 3) / 1000
        goal = 1 / 100 if apart else None
        table.append(Row(f"{TOGETHER} segments at once, {name}: real-time factor", took / seconds, "", goal))
    return table


def growth(bench: Bench) -> list[Row]:
    """Return what 500 jobs add to the memory that torch holds on the card."""
    engine = bench.recorded(16)
    for length in LENGTHS:
        bench.speak(engine, [OPENING[:length]])
    torch.cuda.reset_peak_memory_stats()
    before, _ = torch.cuda.mem_get_info()
    for number in range(JOBS):
        bench.speak(engine, [OPENING[: LENGTHS[number % len(LENGTHS)]]])
    after, _ = torch.cuda.mem_get_info()
    most = torch.cuda.max_memory_allocated() / 2**20
    return [
        Row(f"memory of the card that {JOBS} jobs add", (before - after) / 2**20, "MB", 1),
        Row("memory of tensors meanwhile, at most", most, "MB"),
    ]


def main() -> None:
    """Run it."""
    asked = parser("chatterbox.gpu", __doc__ or "")
    asked.add_argument("folder", type=Path)
    options = asked.parse_args()
    guard = Guard()
    bench = Bench(options.folder, guard)
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    table: list[Row] = []
    for part in (first_audio, stepping, rendering, alike, together, growth):
        try:
            table += part(bench)
        except Exception:  # noqa: BLE001 - whatever it is, the other figures are worth having
            print(f"{part.__name__} failed:", traceback.format_exc(), sep="\n")
        report(table, guard, options.json)  # after each: what comes may not end


if __name__ == "__main__":
    main()
