"""S3Gen and the watermark: ours beside upstream's in one run, and how far each fast way moves the result.

`python -m bench.chatterbox.s3gen [--json FILE] [--quick] [--device cuda]`
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench import upstream
from bench.checkpoints import build_once
from bench.table import Guard, Row, Timer, parser, report
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.s3gen import S3Gen, S3Job
from worker.engines.chatterbox.s3gen.model import Draws
from worker.engines.chatterbox.watermark import Watermark

__all__ = ["rows"]

TOKENS = 80
LARGE = 2048  # rows and columns of the product that tells what the machine can do
SHORT_PROMPT = 3.0  # seconds
SEED = 7
GOAL_BF16, GOAL_SHORT = 1.4, 2.6  # times upstream's speed


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run our S3Gen."""

    name: str
    dtype: torch.dtype
    prompt_seconds: float | None = None
    steps: int = 2
    goal: float | None = None


WAYS = (
    Way("ours, float32", torch.float32),
    Way("ours, bf16", torch.bfloat16, goal=GOAL_BF16),
    Way("ours, bf16, one step", torch.bfloat16, steps=1),
    Way("ours, bf16, prompt of 3 s", torch.bfloat16, SHORT_PROMPT, goal=GOAL_SHORT),
    Way("ours, bf16, prompt of 3 s, one step", torch.bfloat16, SHORT_PROMPT, 1),
)


class Bench:
    """Upstream's model and ours, of the same weights, with the same voice, tokens and noise."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        weights = load_file(folder / "s3gen_meanflow.safetensors")
        self.device = device
        self.upstream = upstream.s3gen("full").to(device)
        self.upstream.load_state_dict(weights)
        self.voice: Any = torch.load(folder / "conds.pt", weights_only=True, map_location=device)
        self.conditioning = Conditioning.from_upstream(folder / "conds.pt")
        dtypes = {way.dtype for way in WAYS}
        self.models = {dtype: S3Gen.load(weights, device=device, dtype=dtype) for dtype in dtypes}
        self.exact = self.models[torch.float32]
        self.tokens = torch.randint(0, 6561, (TOKENS,), generator=torch.Generator().manual_seed(SEED))
        prompt = 2 * self.conditioning.s3_prompt_tokens.shape[1]
        spoken, before = upstream.flow_noise(SEED, 2 * TOKENS, prompt)
        phase, noise = upstream.source_noise(SEED, 960 * TOKENS)
        self.draws = Draws(*(drawn.to(device) for drawn in (spoken, phase, noise, before)))

    def job(self, way: Way) -> tuple[S3Gen, S3Job, Draws]:
        """Return the model, the job and the draws of a way; a short prompt takes the end of the noise."""
        model = self.models[way.dtype]
        voice = model.voice(self.conditioning, way.prompt_seconds)
        draws = self.draws
        cut = Draws(draws.spoken, draws.phase, draws.source, draws.prompt[-len(voice.mel) :])
        return model, S3Job(self.tokens, voice, torch.Generator(), way.steps), cut

    def speak(self, way: Way) -> Callable[[], object]:
        """Return what is timed of ours: tokens to a waveform on the CPU."""
        model, job, draws = self.job(way)
        return lambda: model.render([job], [draws])

    def speak_upstream(self) -> object:
        """Do the same with upstream's, its progress bar left off."""
        with upstream.quiet():
            wave, _ = self.upstream.inference(self.tokens.to(self.device), ref_dict=dict(self.voice["gen"]))
        return wave.cpu()

    def mel(self, way: Way) -> Tensor:
        """Return our mel spectrogram in a way."""
        model, job, draws = self.job(way)
        with torch.inference_mode():
            return model.flow([model.row(job, draws)], way.steps)[0].cpu()


def speeds(bench: Bench, guard: Guard, wanted: int) -> list[Row]:
    """Time all ways and upstream in turns."""
    things: dict[str, Callable[[], object]] = {"upstream": bench.speak_upstream}
    things |= {way.name: bench.speak(way) for way in WAYS}
    timer = Timer(guard)
    timer.rounds(things, wanted)
    name = f"S3Gen, {TOKENS} tokens"
    compared = [timer.row(f"{name}, {way.name}", way.name, "upstream", way.goal) for way in WAYS]
    return [timer.row(f"{name}, upstream", "upstream"), *compared]


def roof(bench: Bench, guard: Guard, ours: Row) -> Row:
    """Return how long the arithmetic of the bf16 way takes at the rate of one large product of matrices."""
    with FlopCounterMode(display=False) as counter:
        bench.speak(WAYS[1])()
    square = torch.randn(LARGE, LARGE, device=bench.device).bfloat16()

    def multiply() -> None:
        (square @ square).sum().item()

    timer = Timer(guard)
    timer.rounds({"product": multiply}, 9)
    flops = counter.get_total_flops()
    rate = 2 * LARGE**3 / min(timer.times_s["product"])
    spread = f"({flops / 1e9:.0f} GFLOP at {rate / 1e9:.0f} GFLOP/s)"
    return Row(
        "S3Gen, bf16: its products alone", flops / rate * 1000, "ms", None, "ours, bf16", ours.value, spread
    )


def deviations(bench: Bench) -> list[Row]:
    """Compare every way's mel with our exact one, that with upstream's, and the waveforms of one mel."""
    theirs = upstream.mel_of(bench.upstream, bench.tokens.to(bench.device), bench.voice, SEED).cpu()
    exact = bench.mel(WAYS[0])
    found = [Row("mel, float32: largest difference from upstream", apart(exact, theirs), "", 5e-5)]
    wave, _ = upstream.wave_of(bench.upstream, theirs.to(bench.device), SEED)
    waves = {dtype: vocode(model, bench, theirs) for dtype, model in bench.models.items()}
    ours, rough = waves[torch.float32], waves[torch.bfloat16]
    found.append(Row("waveform of one mel, float32: largest difference", apart(ours, wave.cpu()), "", 5e-6))
    found.append(Row("waveform of one mel, bf16: noise to signal", -snr_db(ours, rough), "dB", -35.0))
    for way in WAYS[1:]:
        moved = float((bench.mel(way) - exact).norm() / exact.norm())
        plain = way.steps == WAYS[0].steps and way.prompt_seconds is None
        found.append(Row(f"mel, {way.name}: relative difference", moved, "", 3e-2 if plain else None))
    return found


def vocode(model: S3Gen, bench: Bench, mel: Tensor) -> Tensor:
    """Return a model's waveform of a mel, from the source signal of the exact model."""
    moved = mel.to(bench.device)
    with torch.inference_mode():
        signal = bench.exact.vocoder.source(moved, bench.draws.phase, bench.draws.source)
        return model.vocoder([moved], [signal])[0].cpu()


def marking(guard: Guard) -> list[Row]:
    """Time the watermark alone: it needs no upstream to be timed against."""
    watermark = Watermark.load()
    pcm = np.random.default_rng(0).normal(0, 0.1, 4 * 24_000).astype(np.float32)
    timer = Timer(guard)
    timer.rounds({"watermark": lambda: watermark.apply(pcm)}, 9)
    return [timer.row("watermark, 4 s of speech", "watermark")]


def apart(one: Tensor, other: Tensor) -> float:
    """Return the largest difference."""
    return float((one - other).abs().max())


def snr_db(signal: Tensor, other: Tensor) -> float:
    """Return the signal-to-noise ratio of another version of a signal."""
    return float(10 * torch.log10(signal.square().sum() / (signal - other).square().sum()))


def rows(folder: Path, guard: Guard, device: torch.device, *, quick: bool) -> list[Row]:
    """Return the benchmark's rows for a full-size checkpoint."""
    bench = Bench(folder, device)
    timed = speeds(bench, guard, wanted=5 if quick else 9)
    return [*timed, roof(bench, guard, timed[2]), *marking(guard), *deviations(bench)]


def main() -> None:
    """Run it."""
    asked = parser("chatterbox.s3gen", __doc__ or "")
    asked.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = asked.parse_args()
    guard = Guard()
    folder = build_once("full")
    report(rows(folder, guard, torch.device(options.device), quick=options.quick), guard, options.json)


if __name__ == "__main__":
    main()
