"""How soon a text is heard: Turbo and Nano in turns, with openings of 25, 40 and 80 letters.

`python -m bench.chatterbox.openings [--quick] [--json FILE] [--precision P] [--characters N]`. A text by
an engine on full-size random weights, with watermark and levels, without HTTP and MP3. A processor without
VNNI computes int8 by AVX2: what it says is then not fit to be heard, and what it takes is timed. Without bf16
either, S3Gen is so slow that only `--precision fp32 --characters 200` ends within minutes.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from bench.chatterbox.speaking import STORY
from bench.checkpoints import build_once
from bench.table import Guard, Row, median, parser, report
from segmenter import Sizes, plan
from worker.engines import Engine, Take, Utterance
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.nano.entry import NANO
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.engines.chatterbox.weights.bake import bake
from worker.engines.choose import load
from worker.settings import Settings

__all__ = ["main"]

OPENINGS = (25, 40, 80)
SHORT_PROMPT_S = 3.0
Heard = tuple[float, float, float]  # seconds to the first audio, the longest wait, the real-time factor
FIGURES = ("first audio", "longest wait of the listener", "real-time factor")
# of Turbo's in the same round: first audio and real-time factor, by the prompt
GOALS = {None: {0: 0.72, 2: 0.74}, SHORT_PROMPT_S: {0: 0.62, 2: 0.71}}


@contextmanager
def any_processor() -> Iterator[None]:
    """Let int8 be chosen on a processor without VNNI."""
    with patch.object(torch.cpu, "_is_vnni_supported", lambda: True):
        yield


def baked(model: Model, precision: str) -> Path:
    """Return the model's full-size random checkpoint, made once; in a lower precision than its own, baked."""
    released = build_once("full", model=model)
    if precision == "fp32":
        return released
    folder = released.with_name(f"{released.name}-{precision}")
    if not folder.is_dir():
        bake(released, folder, precision)
    return folder


def engine(model: Model, folder: Path, precision: Any, prompt: float | None) -> Engine:
    """Load an engine as the worker does."""
    settings = Settings(
        engine=model.name, model_dir=folder, device="cpu", precision=precision, prompt_seconds=prompt
    )
    return load(model.name, settings).engine


def heard(speaker: Engine, text: str, opening: int) -> Heard:
    """Speak the text, several segments ahead, and return what a listener who plays at once has of it."""
    segments = plan(text, "en", replace(Sizes.fast(), opening=opening))
    began, given = time.perf_counter(), 0
    made: dict[int, tuple[float, float]] = {}  # when a segment came, and how long it is, in seconds
    while len(made) < len(segments):
        while given < len(segments) and given - len(made) < speaker.ahead:
            speaker.admit(Utterance(given, segments[given].text, opens=given == 0))
            given += 1
        for result in speaker.advance([number for number in range(given) if number not in made]):
            assert isinstance(result, Take), result  # noqa: S101 - a benchmark of speech that fails is none
            made[result.utterance] = (time.perf_counter() - began, len(result.pcm) / speaker.sample_rate)
    first, played, wait = made[0][0], 0.0, 0.0
    for number, segment in enumerate(segments):
        wait = max(wait, made[number][0] - first - played)
        played += made[number][1] + segment.pause_ms / 1000
    return first, wait, max(done for done, _ in made.values()) / sum(seconds for _, seconds in made.values())


def main() -> None:
    """Measure and report."""
    asked = parser("chatterbox.openings", __doc__ or "")
    asked.add_argument("--precision", choices=("int8", "bf16", "fp32"), default="int8")
    asked.add_argument("--characters", type=int, default=len(STORY))
    options = asked.parse_args()
    guard, precision, text = Guard(), options.precision, STORY[: options.characters]
    times: dict[tuple[Model, float | None, int], list[Heard]] = {}
    with any_processor():
        folders = {model: baked(model, precision) for model in (TURBO, NANO)}
        speakers = {
            (model, prompt): engine(model, folder, precision, prompt)
            for model, folder in folders.items()
            for prompt in (None, SHORT_PROMPT_S)
        }
        for speaker in speakers.values():
            speaker.admit(Utterance(0, "A boat."))
            while not speaker.advance([0]):
                pass
            while speaker.rest():  # type: ignore[attr-defined]  # of engines that prepare
                pass
        for _ in range(1 if options.quick else 2):
            for (model, prompt), speaker in speakers.items():
                for opening in OPENINGS if prompt is None else OPENINGS[:1]:
                    guard()
                    times.setdefault((model, prompt, opening), []).append(heard(speaker, text, opening))
    report(list(rows(times, precision)), guard, options.json)


def rows(times: dict[tuple[Model, float | None, int], list[Heard]], precision: str) -> Iterator[Row]:
    """Yield a row for each figure; Nano's beside Turbo's of the same round."""
    for (model, prompt, opening), found in times.items():
        given = "" if prompt is None else f", prompt of {prompt:g} s"
        turbos = times[TURBO, prompt, opening]
        for figure, name in enumerate(FIGURES):
            values = [each[figure] for each in found]
            title = f"{model.short}, {precision}{given}, opening of {opening}: {name}"
            unit = "" if figure == 2 else "s"
            if model is TURBO or figure == 1:
                yield Row(title, median(values), unit, spread=f"(n={len(values)})")
                continue
            ratio = median([mine / turbo[figure] for mine, turbo in zip(values, turbos, strict=True)])
            goal = GOALS[prompt].get(figure) if opening == OPENINGS[0] else None
            yield Row(
                f"{title}, of Turbo's",
                ratio,
                "",
                goal,
                spread=f"({median(values):.2f} {unit}, n={len(values)})",
            )


if __name__ == "__main__":
    main()
