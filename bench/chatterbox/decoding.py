"""T3 in steps, one row and eight, beside upstream's model one row at a time."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from bench.chatterbox.theirs import Theirs
from bench.table import Guard, Row, Timer
from worker.engines.chatterbox.sampling import SamplingOptions, draw, sample_in_one
from worker.engines.chatterbox.turbo.checkpoint import TurboModels, load
from worker.engines.chatterbox.turbo.slots import Slots

__all__ = ["rows"]

TEXT = 60  # text tokens before the speech
STEPS = 8
SAMPLES = 50
COUNTS = {"fp32": (1,), "bf16": (1, 8), "int8": (1, 8)}  # rows at once
# times upstream's one row
GOALS = {"bf16, 1 row": 2.0, "int8, 1 row": 4.0, "bf16, 8 rows": 5.0, "int8, 8 rows": 11.0}


def stepping(models: TurboModels, count: int) -> Callable[[], object]:
    """Return what is timed of ours: eight steps of `count` rows, at the same positions each time."""
    with torch.inference_mode():
        prefix = models.voice.prefix(models.t3)
    text = torch.arange(TEXT) + 40
    slots = Slots(models.t3, count, TEXT + STEPS + 2)
    last = torch.arange(count) + 100

    @torch.inference_mode()
    def run() -> None:
        for _ in range(STEPS):
            slots.step(range(count), last)
        slots._lengths = [TEXT + 1] * count  # noqa: SLF001 - the same steps again

    with torch.inference_mode():
        for slot in range(count):
            slots.begin(slot, prefix, text)
    return run


def multiplying(models: TurboModels) -> Callable[[], object]:
    """Return the roof of a step of one row: its products alone, which read every weight once."""
    width, dtype = 64 * models.t3.heads, models.t3.dtype
    narrow, wide = torch.randn(1, width).to(dtype), torch.randn(1, 4 * width).to(dtype)
    contracts = models.t3.products[3::4]

    @torch.inference_mode()
    def run() -> None:
        for _ in range(STEPS):
            for product in models.t3.products:
                product(wide if product in contracts else narrow)

    return run


def stepping_theirs(model: Any) -> Callable[[], object]:
    """Return what is timed of upstream's: eight steps of one row, its cache growing as in its loop."""
    t3 = model.model.t3
    with torch.inference_mode():
        embeds, _ = t3.prepare_input_embeds(
            t3_cond=model.model.conds.t3,
            text_tokens=torch.arange(TEXT)[None] + 40,
            speech_tokens=torch.full((1, 1), 6561),
        )

    @torch.inference_mode()
    def begin() -> Any:
        return t3.tfmr(inputs_embeds=embeds, use_cache=True).past_key_values

    kept = begin()

    @torch.inference_mode()
    def run() -> None:
        for _ in range(STEPS):
            row = t3.speech_emb(torch.full((1, 1), 100))
            t3.speech_head(t3.tfmr(inputs_embeds=row, past_key_values=kept, use_cache=True)[0])
        kept.crop(embeds.shape[1])

    return run


def parity(folders: Mapping[str, Path], theirs: Theirs) -> list[Row]:
    """Return how far our logits are from upstream's, full size, teacher-forced over 20 tokens."""
    t3, said, text = theirs.model.t3, list(range(100, 120)), torch.arange(TEXT) + 40
    with torch.inference_mode():
        embeds, _ = t3.prepare_input_embeds(
            t3_cond=theirs.model.conds.t3,
            text_tokens=text[None],
            speech_tokens=torch.tensor([[6561, *said[:-1]]]),
        )
        wanted = t3.speech_head(t3.tfmr(inputs_embeds=embeds)[0])[0, -len(said) :]
        table = []
        for precision, folder in folders.items():
            models = load(folder, torch.device("cpu"), precision)
            slots = Slots(models.t3, 1, TEXT + len(said) + 2)
            found = [slots.begin(0, models.voice.prefix(models.t3), text)]
            found += [slots.step([0], torch.tensor([token])) for token in said[:-1]]
            near, exact = torch.cat(found).log_softmax(-1), wanted.log_softmax(-1)
            apart = float((torch.cat(found) - wanted).abs().max())
            divergence = float((exact.exp() * (exact - near)).sum(-1).mean())
            goal = 2e-5 if precision == "fp32" else None
            name = f"T3's logits, {precision}: largest difference from upstream"
            table.append(Row(name, apart, "", goal, spread=f"(KL {divergence:.1e})"))
    return table


def sampling() -> Mapping[str, Callable[[], object]]:
    """Return our sampling of one row and upstream's processors on the same logits."""
    generator = torch.Generator().manual_seed(0)
    logits: Any = torch.randn(1, 6563, generator=generator) * 3
    said: Any = torch.randint(0, 6561, (1, 60), generator=generator)
    seen = torch.zeros(1, 6563, dtype=torch.bool).scatter_(1, said, value=True)
    options = SamplingOptions.of({})
    processors = LogitsProcessorList(
        [
            TemperatureLogitsWarper(0.8),
            TopKLogitsWarper(1000),
            TopPLogitsWarper(0.95),
            RepetitionPenaltyLogitsProcessor(1.2),
        ]
    )

    @torch.inference_mode()
    def ours() -> None:
        for _ in range(SAMPLES):
            sample_in_one(logits, seen, options, draw(6563, generator)[None])

    @torch.inference_mode()
    def theirs() -> None:
        for _ in range(SAMPLES):
            torch.multinomial(torch.softmax(processors(said, logits), -1), 1, generator=generator)

    return {"sampling": ours, "upstream's processors": theirs}


def rows(folders: Mapping[str, Path], model: Theirs, guard: Guard, wanted: int) -> list[Row]:
    """Return the rows: the time of a token in steps of one row and of eight, and the sampling of one."""
    things: dict[str, Callable[[], object]] = {"upstream": stepping_theirs(model)}
    parts = {"upstream": STEPS}
    for precision, folder in folders.items():
        models = load(folder, torch.device("cpu"), precision)
        for count in COUNTS[precision]:
            name = f"{precision}, {count} row{'s' * (count > 1)}"
            things[name], parts[name] = stepping(models, count), STEPS * count
        if precision != "fp32":
            name = f"{precision}, one row, its products alone"
            things[name], parts[name] = multiplying(models), STEPS
    timer = Timer(guard)
    timer.rounds(things, wanted, parts)
    table = [timer.row("T3, a token, upstream, one row", "upstream")]
    table += [timer.row(f"T3, a token, {name}", name, "upstream", GOALS.get(name)) for name in [*things][1:]]
    quick, ways = Timer(guard), sampling()
    quick.rounds(ways, 9, dict.fromkeys(ways, SAMPLES))
    sampled = replace(quick.row("sampling, one row", "sampling", "upstream's processors"), goal=0.15)
    return [*table, *parity(folders, model), sampled]
