"""Every goal of Chatterbox-Turbo on a GPU, in one run; needs torch and the random checkpoint, no network.

`python -m bench.chatterbox.gpu FOLDER [--json FILE]`; FOLDER is a checkpoint baked in bf16.
"""

import time
from collections.abc import Callable
from pathlib import Path

import torch

from bench.table import Guard, Row, median, parser, report
from worker.engines import Block, Utterance
from worker.engines.chatterbox.checkpoint import load
from worker.engines.chatterbox.engine import ChatterboxEngine
from worker.engines.chatterbox.graph import record_graph
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["main"]

OPENING = "A ferry left for the islands at ten, as it did on every day."  # 60 characters
LONG = " ".join([OPENING] * 4)
TOGETHER, JOBS = 32, 500
CARD = torch.device("cuda")


def spoken(engine: ChatterboxEngine, texts: list[str], mark: Watermark) -> float:
    """Speak texts together; return the seconds of audio."""
    for number, text in enumerate(texts):
        engine.admit(Utterance(number, text, opens=len(texts) == 1))
    order, samples = list(range(len(texts))), 0
    while order:
        for result in engine.advance(order):
            assert isinstance(result, Block), result  # noqa: S101 - a benchmark of speech that fails is none
            samples += len(mark.apply(result.pcm))
            order.remove(result.utterance)
    return samples / engine.sample_rate


def timed(do: Callable[[], object], times: int) -> float:
    """Return the median seconds of a thing, the device waited for."""
    took = []
    for _ in range(times):
        torch.cuda.synchronize()
        began = time.perf_counter()
        do()
        torch.cuda.synchronize()
        took.append(time.perf_counter() - began)
    return median(took)


def stepping(engine: ChatterboxEngine) -> float:
    """Return the seconds of one decode step at one row, recorded or not, sampling included."""
    engine.admit(Utterance(0, LONG))
    engine.advance([0])
    found = timed(lambda: engine.advance([0]), 20) / 8
    engine.drop(0)
    return found


def rows(folder: Path, guard: Guard) -> list[Row]:
    """Return the rows; each goal is for an H100."""
    models, mark = load(folder, CARD, "bf16"), Watermark.load(None, CARD)
    engine = ChatterboxEngine(models, slots=16, recorder=record_graph)
    spoken(engine, [OPENING], mark)  # warm
    eager = stepping(engine)
    began = time.perf_counter()
    while engine.rest():
        pass
    recording = time.perf_counter() - began
    guard()
    table = [Row("T3, ms a step at one row, step by step", eager * 1000, "ms")]
    step = stepping(engine)
    table.append(Row("T3, ms a step at one row, recorded", step * 1000, "ms", 1000 / 900))
    table.append(Row("recording all reaches", recording, "s"))
    first = timed(lambda: spoken(engine, [OPENING], mark), 9)
    table.append(Row("60 characters to audio, watermark included", first * 1000, "ms", 250))
    wide = ChatterboxEngine(models, slots=TOGETHER, recorder=record_graph)
    spoken(wide, [OPENING], mark)
    while wide.rest():
        pass
    seconds = spoken(wide, [LONG] * TOGETHER, mark)
    took = timed(lambda: spoken(wide, [LONG] * TOGETHER, mark), 3)
    table.append(Row(f"{TOGETHER} segments at once: real-time factor", took / seconds, "", 1 / 100))
    return [*table, growth(engine, mark)]


def growth(engine: ChatterboxEngine, mark: Watermark) -> Row:
    """Return what 500 jobs add to the memory that torch holds on the card."""
    before = torch.cuda.memory_reserved()
    for _ in range(JOBS):
        spoken(engine, [OPENING[:30]], mark)
    grown = (torch.cuda.memory_reserved() - before) / 2**20
    return Row(f"memory that {JOBS} jobs add", grown, "MB", 1)


def main() -> None:
    """Run it."""
    asked = parser("chatterbox.gpu", __doc__ or "")
    asked.add_argument("folder", type=Path)
    options = asked.parse_args()
    guard = Guard()
    guard()
    report(rows(options.folder, guard), guard, options.json)


if __name__ == "__main__":
    main()
