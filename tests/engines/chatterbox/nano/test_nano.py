"""Chatterbox-Nano against upstream's own classes: its T3 at its real size, and a text to its waveform.

The released package has no entry for GPT-2 small; `bench.upstream` puts one into its table, as upstream's
repository does.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.kits.precisions import PRECISIONS
from worker.engines import Take, Utterance
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.ending import TokenLimits
from worker.engines.chatterbox.nano.entry import NANO
from worker.engines.chatterbox.s3gen import S3Job
from worker.engines.chatterbox.s3gen.model import Draws
from worker.engines.chatterbox.start import start
from worker.engines.chatterbox.t3 import SILENCE, START
from worker.engines.chatterbox.tensors import maker
from worker.engines.chatterbox.turbo.checkpoint import load
from worker.engines.chatterbox.turbo.decoder import EagerDecoder
from worker.engines.chatterbox.turbo.slots import Prefix, Slots
from worker.engines.chatterbox.turbo.t3 import T3, check_shapes
from worker.engines.chatterbox.weights.bake import bake
from worker.engines.choose import load as load_engine
from worker.settings import Settings

CPU = torch.device("cpu")
SEED = 5
TEXT = [7, 300, 12, 45, 45, 9, 120]
Voice = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def voice(oracle: ModuleType) -> Voice:
    found: Voice = oracle.tiny_voice()
    return found


def condition(voice: Voice) -> Any:
    from chatterbox.models.t3.modules.cond_enc import T3Cond  # noqa: PLC0415 - the oracle is imported late

    return T3Cond(**voice["t3"])


def their_tokens(theirs: Any, voice: Voice, text: list[int], count: int) -> list[int]:
    torch.manual_seed(SEED)
    found = theirs.inference_turbo(
        t3_cond=condition(voice), text_tokens=torch.tensor([text]), max_gen_len=count - 1
    )
    return [int(token) for token in found[0]]


def our_tokens(t3: T3, prefix: Prefix, text: list[int], count: int) -> list[int]:
    decoder = EagerDecoder(t3, 1, 200)
    generator = torch.Generator().manual_seed(SEED)
    row = decoder.begin(prefix, text, generator, TokenLimits(count, runs_on=True), {})
    decoder.decode([row], count - 1)
    return row.tokens


def test_logits_and_tokens_of_its_own_size_are_upstreams(oracle: ModuleType, voice: Voice) -> None:
    theirs = oracle.nano_t3()
    tensors: dict[str, Tensor] = theirs.state_dict()
    check_shapes(tensors)
    t3 = T3(tensors, maker(tensors, "fp32", CPU, transposed=True), torch.float32)
    assert (t3.layers, 64 * t3.heads) == NANO.t3_size
    prefix = Prefix.of(t3, Conditioning.from_parts(voice["t3"], voice["gen"]))
    said = their_tokens(theirs, voice, TEXT, 30)
    assert our_tokens(t3, prefix, TEXT, 30) == said
    assert len(set(said)) > 10
    embeds, _ = theirs.prepare_input_embeds(
        t3_cond=condition(voice),
        text_tokens=torch.tensor([TEXT]),
        speech_tokens=torch.tensor([[START, *said[:-1]]]),
    )
    wanted = theirs.speech_head(theirs.tfmr(inputs_embeds=embeds)[0])[0, -len(said) :]
    slots = Slots(t3, 1, 200)
    found = [slots.begin(0, prefix, torch.tensor(TEXT))]
    found += [slots.step([0], torch.tensor([token])) for token in said[:-1]]
    assert (torch.cat(found) - wanted).abs().max() < 2e-5


def test_a_text_becomes_upstreams_tokens_mel_and_waveform(oracle: ModuleType, tiny_nano: Path) -> None:
    upstream, count = oracle.upstream, 40
    theirs, s3gen = upstream.t3("tiny", "nano"), upstream.s3gen("tiny")
    theirs.load_state_dict(load_file(tiny_nano / NANO.t3_file))
    s3gen.load_state_dict(load_file(tiny_nano / NANO.s3_files[-1]), strict=False)
    raw: Voice = torch.load(tiny_nano / "conds.pt", weights_only=True)
    models = load(tiny_nano, CPU, "fp32", NANO)
    text = models.tokenizer.encode("The keeper waited.").ids
    said = their_tokens(theirs, raw, text, count)
    assert our_tokens(models.t3, models.voice.prefix(models.t3), text, count) == said
    tokens = torch.tensor([*(token for token in said if token < START), SILENCE, SILENCE, SILENCE])
    mel = oracle.mel_of(s3gen, tokens, raw, seed=7)
    wave, _ = oracle.wave_of(s3gen, mel, seed=7)
    made = models.voice.s3(models.s3gen, None)
    spoken, prompt = oracle.flow_noise(7, 2 * len(tokens), len(made.mel))
    phase, noise = oracle.source_noise(7, 960 * len(tokens))
    draws = Draws(spoken, phase, noise, prompt)
    row = models.s3gen.row(S3Job(tokens, made, torch.Generator()), draws)
    assert (models.s3gen.flow([row], 2)[0] - mel).abs().max() <= 5e-5
    found = models.s3gen.render([S3Job(tokens, made, torch.Generator())], [draws])[0]
    wave[:960] *= s3gen.trim_fade
    assert wave.abs().max() > 0.01
    assert (found - wave).abs().max() <= 1e-3


@pytest.mark.parametrize("precision", PRECISIONS)
def test_baked_or_as_released_it_speaks_under_its_own_name_and_learns_under_it(
    precision: str, tiny_nano: Path, tmp_path: Path
) -> None:
    bake(tiny_nano, tmp_path / "baked", precision, report=lambda _: None)
    for folder in (tiny_nano, tmp_path / "baked"):
        options = Settings(engine="chatterbox-nano", model_dir=folder, device="cpu", precision="auto")
        loaded = load_engine("chatterbox-nano", options)
        assert loaded.engine.name == "chatterbox-nano"
        assert loaded.engine.languages == {"en"}
        loaded.engine.admit(Utterance(1, "A boat came."))
        while not (done := loaded.engine.advance([1])):
            pass
        assert isinstance(done[0], Take)
        assert float(np.abs(done[0].pcm).max()) > 0.01
    started = start(tmp_path / "baked", device="cpu", model=NANO)
    assert started.engine.recipe.startswith("nano-")  # type: ignore[attr-defined]  # of engines that learn
