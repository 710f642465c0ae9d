"""S3Gen equals upstream's, alone and in a batch, and refuses what upstream would garble."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.s3gen import S3Gen, S3Job, S3Voice, folded
from worker.engines.chatterbox.s3gen.flow import result_of
from worker.engines.chatterbox.s3gen.layers import Padding, attend_fused, attend_head_by_head
from worker.engines.chatterbox.s3gen.model import Draws
from worker.engines.takes.judge import Reading, verdict
from worker.errors import StartError, VoiceUnusableError

CPU = torch.device("cpu")
PROVEN_AGAINST = "0.1.7"
Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]


class Pair:
    """Upstream's tiny S3Gen and ours with the same weights and the same voice."""

    def __init__(self, oracle: ModuleType) -> None:
        self.oracle = oracle
        self.upstream = oracle.tiny_s3gen()
        self.weights: dict[str, Tensor] = self.upstream.state_dict()
        self.raw_voice: dict[str, Any] = oracle.tiny_voice()
        self.conditioning = Conditioning.from_parts(self.raw_voice["t3"], self.raw_voice["gen"])
        self.ours = S3Gen.load(self.weights, device=CPU)
        self.voice = self.ours.voice(self.conditioning)

    def draws(self, tokens: Tensor, seed: int) -> Draws:
        spoken, prompt = self.oracle.flow_noise(seed, 2 * len(tokens), len(self.voice.mel))
        phase, noise = self.oracle.source_noise(seed, 960 * len(tokens))
        return Draws(spoken, phase, noise, prompt)


@pytest.fixture(scope="module")
def pair(oracle: ModuleType) -> Pair:
    return Pair(oracle)


def speech(count: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 6561, (count,), generator=torch.Generator().manual_seed(seed))


def job(tokens: Tensor, voice: S3Voice, seed: int = 0, steps: int = 2) -> S3Job:
    return S3Job(tokens, voice, torch.Generator().manual_seed(seed), steps)


def mels(
    model: S3Gen, voices: Sequence[S3Voice], rows: Sequence[tuple[Tensor, Draws]], steps: int = 2
) -> list[Tensor]:
    jobs = [job(tokens, voice) for (tokens, _), voice in zip(rows, voices, strict=True)]
    spoken = [model.row(one, draws) for one, (_, draws) in zip(jobs, rows, strict=True)]
    with torch.inference_mode():
        return model.flow(spoken, steps)


def apart(one: Tensor, other: Tensor) -> float:
    assert one.shape == other.shape
    return float((one - other).abs().max())


def snr_db(signal: Tensor, other: Tensor) -> float:
    return float(10 * torch.log10(signal.square().sum() / (signal - other).square().sum()))


def test_upstream_is_the_version_that_parity_was_proven_against() -> None:
    installed = version("chatterbox-tts")
    assert installed == PROVEN_AGAINST, (
        f"chatterbox-tts is {installed}; read what changed in models/s3gen since {PROVEN_AGAINST}, "
        "run the parity tests of this file and bench.chatterbox, then raise PROVEN_AGAINST"
    )


@pytest.mark.parametrize("count", [1, 2, 30, 71])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_mel_is_upstreams(pair: Pair, count: int, steps: int) -> None:
    tokens = speech(count)
    theirs = pair.oracle.mel_of(pair.upstream, tokens, pair.raw_voice, seed=7, steps=steps)
    ours = mels(pair.ours, [pair.voice], [(tokens, pair.draws(tokens, 7))], steps)[0]
    assert apart(ours, theirs) <= 5e-5


@pytest.mark.parametrize("count", [1, 2, 30, 71, 100, 150])  # 96 are a window of the vocoder
def test_the_waveform_of_a_mel_is_upstreams(pair: Pair, count: int) -> None:
    mel = 2 * torch.randn(2 * count, 80, generator=torch.Generator().manual_seed(count))
    theirs, signal = pair.oracle.wave_of(pair.upstream, mel, seed=9)
    draws = pair.draws(speech(count), 9)
    assert (pair.ours.vocoder.source.pitch(mel) > 10).any()  # else the harmonics would go untested
    assert apart(pair.ours.vocoder.source(mel, draws.phase, draws.source), signal) <= 1e-6
    assert apart(pair.ours.vocode([mel], [draws])[0], theirs) <= 5e-6


def test_whole_speech_fades_in_as_upstreams(pair: Pair) -> None:
    tokens = speech(30)
    draws = pair.draws(tokens, 7)
    mel = mels(pair.ours, [pair.voice], [(tokens, draws)])[0]
    theirs, _ = pair.oracle.wave_of(pair.upstream, mel, seed=7)
    theirs[:960] *= pair.upstream.trim_fade
    assert apart(pair.ours.render([job(tokens, pair.voice)], [draws])[0], theirs) <= 5e-6


def test_each_row_of_a_ragged_batch_is_itself_alone(pair: Pair) -> None:
    voices = [pair.voice, pair.ours.voice(pair.conditioning, prompt_seconds=0.4), pair.voice, pair.voice]
    rows = []
    for voice, count in zip(voices, (80, 30, 1, 55), strict=True):
        tokens = speech(count, count)
        draws = pair.draws(tokens, count)
        rows.append((tokens, Draws(draws.spoken, draws.phase, draws.source, draws.prompt[-len(voice.mel) :])))
    together = mels(pair.ours, voices, rows)
    alone = [mels(pair.ours, [voice], [row])[0] for voice, row in zip(voices, rows, strict=True)]
    assert max(map(apart, together, alone)) <= 5e-5
    draws_of = [draws for _, draws in rows]
    waves = pair.ours.vocode(alone, draws_of)
    solo = [pair.ours.vocode([mel], [draws])[0] for mel, draws in zip(alone, draws_of, strict=True)]
    assert max(map(apart, waves, solo)) <= 5e-6


def test_the_same_utterance_gives_the_same_samples_alone_beside_others_and_again(pair: Pair) -> None:
    alone = pair.ours.render([job(speech(20), pair.voice, seed=5)])[0]
    same = pair.ours.stepwise([job(speech(20), pair.voice, seed=5)])
    next(same)
    other = pair.ours.render([job(speech(20), pair.voice, seed=6)])[0]
    assert not torch.equal(other, alone)
    assert torch.equal(result_of(same)[0], alone)


def test_speech_is_float32_on_the_cpu_960_samples_a_token_and_begins_silent(pair: Pair) -> None:
    wave = pair.ours.render([job(speech(12), pair.voice)])[0]
    assert (wave.dtype, wave.device, wave.shape) == (torch.float32, CPU, (12 * 960,))
    assert not wave[:480].any()
    assert wave[960:].any()


def test_a_thousand_tokens_are_forty_seconds(pair: Pair) -> None:
    wave = pair.ours.render([job(speech(1000), pair.voice)])[0]
    assert wave.shape == (960_000,)
    assert wave.isfinite().all()
    assert wave.abs().max() <= 0.99


def test_a_folded_checkpoint_speaks_the_same(pair: Pair) -> None:
    plain = folded(pair.weights)
    assert not [name for name in plain if "parametrizations" in name]
    model = S3Gen.load(plain, device=CPU)
    one, other = (m.render([job(speech(9), m.voice(pair.conditioning))])[0] for m in (model, pair.ours))
    assert torch.equal(one, other)


def test_a_short_prompt_is_the_end_of_the_whole_one(pair: Pair) -> None:
    short = pair.ours.voice(pair.conditioning, prompt_seconds=0.2)
    assert torch.equal(short.tokens, pair.voice.tokens[-5:])
    assert torch.equal(short.mel, pair.voice.mel[-10:])
    longer = pair.ours.voice(pair.conditioning, prompt_seconds=60)
    assert torch.equal(longer.tokens, pair.voice.tokens)


def test_a_prompt_whose_mel_and_tokens_differ_in_length_is_cut_to_what_both_have(pair: Pair) -> None:
    mel = pair.conditioning.s3_prompt_mel
    for frames, tokens in ((33, 16), (40, 20)):
        voice = pair.ours.voice(replace(pair.conditioning, s3_prompt_mel=mel[:, :frames]))
        assert (len(voice.tokens), len(voice.mel)) == (tokens, 2 * tokens)
        assert pair.ours.render([job(speech(4), voice)])[0].shape == (4 * 960,)


@pytest.mark.parametrize("tokens", [torch.zeros(1, 0, dtype=torch.int64), torch.full((1, 20), 6561)])
def test_a_voice_without_a_readable_prompt_is_refused(pair: Pair, tokens: Tensor) -> None:
    with pytest.raises(VoiceUnusableError):
        pair.ours.voice(replace(pair.conditioning, s3_prompt_tokens=tokens))


def test_ids_stay_integers_in_half_precision(pair: Pair) -> None:
    model = S3Gen.load(pair.weights, device=CPU, dtype=torch.bfloat16)
    voice = model.voice(pair.conditioning)
    assert torch.equal(voice.tokens, pair.conditioning.s3_prompt_tokens[0])


def test_bf16_stays_near(pair: Pair) -> None:
    model = S3Gen.load(pair.weights, device=CPU, dtype=torch.bfloat16)
    tokens = speech(60)
    draws = pair.draws(tokens, 3)
    exact = mels(pair.ours, [pair.voice], [(tokens, draws)])[0]
    rough = mels(model, [model.voice(pair.conditioning)], [(tokens, draws)])[0]
    assert float((rough - exact).norm() / exact.norm()) <= 3e-2
    signal = pair.ours.vocoder.source(exact, draws.phase, draws.source)
    assert snr_db(pair.ours.vocoder([exact], [signal])[0], model.vocoder([exact], [signal])[0]) >= 35
    # the pitch itself is not rounded: the same mel gives the same source
    assert apart(model.vocoder.source(exact, draws.phase, draws.source), signal) <= 1e-6


@pytest.mark.parametrize("way", [attend_fused, attend_head_by_head])
@pytest.mark.parametrize("lengths", [[50], [50, 31]])
def test_attention_in_half_precision_stays_near_both_ways(way: Attend, lengths: list[int]) -> None:
    generator = torch.Generator().manual_seed(3)
    shape = (len(lengths), 4, 50, 64)
    query, key, value = (torch.randn(shape, generator=generator).bfloat16() for _ in range(3))
    padding = Padding.of(lengths, CPU, torch.float32)
    bias = None if padding is None else padding.bias
    exact = attend_fused(query.float(), key.float(), value.float(), bias)
    rough = way(query, key, value, None if bias is None else bias.bfloat16())
    assert 0 < float((rough - exact).norm() / exact.norm()) <= 2e-2


@pytest.mark.parametrize(
    ("tokens", "steps", "message"),
    [
        (torch.tensor([3, 6561]), 2, "range over 3 … 6561, expected 0 … 6560"),
        (torch.tensor([-1, 3]), 2, "range over -1 … 3"),
        (torch.tensor([], dtype=torch.int64), 2, "expected \\[1 or more\\] int64"),
        (torch.tensor([[1, 2]]), 2, "tokens are \\[1, 2\\]"),
        (torch.tensor([1.0, 2.0]), 2, "float32, expected"),
        (torch.tensor([1, 2]), 0, "steps is 0, expected 1 … 10"),
    ],
)
def test_what_the_model_has_no_meaning_for_is_refused_before_any_is_spoken(
    pair: Pair, tokens: Tensor, steps: int, message: str
) -> None:
    good = job(speech(3), pair.voice)
    before = good.generator.get_state()
    with pytest.raises(ValueError, match=message):
        pair.ours.render([good, job(tokens, pair.voice, steps=steps)])
    assert torch.equal(good.generator.get_state(), before)


def test_a_checkpoint_without_a_tensor_is_refused_by_the_tensors_name(pair: Pair) -> None:
    name = "flow.encoder.encoders.0.norm_mha.weight"
    weights = {key: value for key, value in pair.weights.items() if key != name}
    with pytest.raises(StartError, match=name):
        S3Gen.load(weights, device=CPU)


def test_a_checkpoint_of_whole_numbers_is_refused(pair: Pair) -> None:
    name = "flow.encoder_proj.weight"
    with pytest.raises(StartError, match=f"{name} as torch.int8"):
        S3Gen.load({**pair.weights, name: pair.weights[name].to(torch.int8)}, device=CPU)


def test_plain_synthesis_imports_none_of_upstreams_packages() -> None:
    heavy = ("chatterbox", "perth", "librosa", "scipy", "torchaudio", "diffusers", "einops", "omegaconf",
             "transformers", "sklearn", "numba")  # fmt: skip
    code = "import sys, worker.engines.chatterbox.s3gen; print([n for n in sys.argv[1:] if n in sys.modules])"
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, cwd=root, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("loudness", "times"), [(4.0, 1), (1.0, 0)])
def test_the_judge_hears_what_the_vocoders_own_clamp_cuts(loudness: float, times: int, pair: Pair) -> None:
    vocoder = pair.ours.vocoder
    spectrum = torch.randn(vocoder.window_size + 2, 1_000, generator=torch.Generator().manual_seed(0))
    spectrum[: vocoder.window_size // 2 + 1] = -20.0
    spectrum[1] = loudness  # the logarithm of the magnitude at 1.5 kHz; what is left are phases
    wave = vocoder.synthesise(spectrum)
    assert verdict(Reading("Nobody waved.", wave.numpy())).problems.count("clipped") == times
