"""T3 against upstream's own class: the same weights, the same draws."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from tests.kits.precisions import INT8
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.ending import TokenLimits
from worker.engines.chatterbox.linear import RowInt8, quantize
from worker.engines.chatterbox.sampling import SamplingOptions, draw, sample, sample_in_one
from worker.engines.chatterbox.t3 import START
from worker.engines.chatterbox.tensors import maker
from worker.engines.chatterbox.turbo.decoder import EagerDecoder
from worker.engines.chatterbox.turbo.slots import Prefix, Slots
from worker.engines.chatterbox.turbo.t3 import T3, check_shapes
from worker.errors import StartError

CPU = torch.device("cpu")
SEED = 5
TEXT = [7, 300, 12, 45, 45, 9, 120]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def theirs(oracle: ModuleType) -> Any:
    return oracle.tiny_t3()


@pytest.fixture(scope="module")
def tensors(theirs: Any) -> dict[str, Tensor]:
    return dict(theirs.state_dict())


@pytest.fixture(scope="module")
def voice(oracle: ModuleType) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = oracle.tiny_voice()
    return found


def ours(tensors: dict[str, Tensor], precision: str = "fp32") -> T3:
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return T3(tensors, maker(tensors, precision, CPU, transposed=True), dtype)


def conditioning(voice: dict[str, dict[str, Any]]) -> Conditioning:
    return Conditioning.from_parts(voice["t3"], voice["gen"])


def their_condition(voice: dict[str, dict[str, Any]]) -> Any:
    from chatterbox.models.t3.modules.cond_enc import T3Cond  # noqa: PLC0415 - the oracle is imported late

    return T3Cond(**voice["t3"])


def their_tokens(theirs: Any, voice: dict[str, dict[str, Any]], text: list[int], count: int) -> list[int]:
    torch.manual_seed(SEED)
    found = theirs.inference_turbo(
        t3_cond=their_condition(voice), text_tokens=torch.tensor([text]), max_gen_len=count - 1
    )
    return [int(token) for token in found[0]]


def their_logits(theirs: Any, voice: dict[str, dict[str, Any]], text: list[int], said: list[int]) -> Tensor:
    """The logits after START and after each token but the last, teacher-forced: [len(said), V]."""
    embeds, _ = theirs.prepare_input_embeds(
        t3_cond=their_condition(voice),
        text_tokens=torch.tensor([text]),
        speech_tokens=torch.tensor([[START, *said[:-1]]]),
    )
    found: Tensor = theirs.speech_head(theirs.tfmr(inputs_embeds=embeds)[0])[0, -len(said) :]
    return found


def our_logits(
    t3: T3, prefix: Prefix, text: list[int], said: list[int], *, fused: bool | None = None
) -> Tensor:
    slots = Slots(t3, 1, 200, fused=fused)
    found = [slots.begin(0, prefix, torch.tensor(text))]
    found += [slots.step([0], torch.tensor([token])) for token in said[:-1]]
    return torch.cat(found)


def decoded(t3: T3, prefix: Prefix, texts: list[list[int]], count: int) -> list[list[int]]:
    """The tokens of several utterances decoded together, each with the same seed."""
    decoder = EagerDecoder(t3, len(texts), 200)
    rows = []
    for text in texts:
        generator = torch.Generator().manual_seed(SEED)
        rows.append(decoder.begin(prefix, text, generator, TokenLimits(count, runs_on=True), {}))
    for _ in range(count - 1):
        decoder.step(rows)
    return [row.tokens for row in rows]


def test_logits_are_upstreams_within_rounding(
    theirs: Any, tensors: dict[str, Tensor], voice: dict[str, dict[str, Any]]
) -> None:
    said = their_tokens(theirs, voice, TEXT, 40)
    t3 = ours(tensors)
    found = our_logits(t3, Prefix.of(t3, conditioning(voice)), TEXT, said)
    assert (found - their_logits(theirs, voice, TEXT, said)).abs().max() < 2e-5


def test_sampled_tokens_are_upstreams(
    theirs: Any, tensors: dict[str, Tensor], voice: dict[str, dict[str, Any]]
) -> None:
    t3 = ours(tensors)
    prefix = Prefix.of(t3, conditioning(voice))
    assert decoded(t3, prefix, [TEXT], 60) == [their_tokens(theirs, voice, TEXT, 60)]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_an_utterance_has_the_same_tokens_alone_and_beside_others(
    precision: str, tensors: dict[str, Tensor], voice: dict[str, dict[str, Any]]
) -> None:
    t3 = ours(tensors, precision)
    prefix = Prefix.of(t3, conditioning(voice))
    texts = [TEXT, TEXT[:2], [*TEXT, *TEXT, 4]]
    alone = [decoded(t3, prefix, [text], 50)[0] for text in texts]
    assert decoded(t3, prefix, texts, 50) == alone


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_logits_are_the_same_alone_and_beside_others_who_come_and_go(
    precision: str, tensors: dict[str, Tensor], voice: dict[str, dict[str, Any]], *, fused: bool
) -> None:
    t3 = ours(tensors, precision)
    prefix, other = Prefix.of(t3, conditioning(voice)), Prefix.of(t3, conditioning(voice))
    said = list(range(100, 120))
    alone = our_logits(t3, prefix, TEXT, said, fused=fused)
    slots = Slots(t3, 4, 200, fused=fused)
    slots.begin(2, other, torch.tensor(TEXT[:3]))
    found = [slots.begin(0, prefix, torch.tensor(TEXT))]
    for step, token in enumerate(said[:-1]):
        if step == 5:
            slots.begin(3, prefix, torch.tensor(TEXT[:4]))
        if step == 12:
            slots.free(2)
        beside = [0] + [2] * (step < 12) + [3] * (step >= 5)
        found.append(slots.step(beside, torch.tensor([token] + [9] * (len(beside) - 1)))[:1])
    assert torch.equal(torch.cat(found), alone)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_what_a_slot_held_before_is_not_heard_beside_a_longer_neighbour(
    precision: str, tensors: dict[str, Tensor], voice: dict[str, dict[str, Any]], *, fused: bool
) -> None:
    t3 = ours(tensors, precision)
    prefix = Prefix.of(t3, conditioning(voice))
    said = list(range(100, 110))
    alone = our_logits(t3, prefix, TEXT[:2], said, fused=fused)
    broken = Prefix(torch.full_like(prefix.kv, torch.nan))
    slots = Slots(t3, 2, 200, fused=fused)
    slots.begin(1, broken, torch.tensor(TEXT * 6))
    slots.free(1)
    slots.begin(0, prefix, torch.tensor(TEXT * 20))
    found = [slots.begin(1, prefix, torch.tensor(TEXT[:2]))]
    found += [slots.step([0, 1], torch.tensor([9, token]))[1:] for token in said[:-1]]
    assert torch.equal(torch.cat(found), alone)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(
    ("precision", "divergence"), [("bf16", 2e-4), pytest.param("int8", 1e-3, marks=INT8)]
)
def test_lower_precisions_stay_near_the_distribution(
    precision: str,
    divergence: float,
    tensors: dict[str, Tensor],
    voice: dict[str, dict[str, Any]],
    *,
    fused: bool,
) -> None:
    said = list(range(40))
    exact, near = ours(tensors), ours(tensors, precision)
    p = our_logits(exact, Prefix.of(exact, conditioning(voice)), TEXT, said).log_softmax(-1)
    q = our_logits(near, Prefix.of(near, conditioning(voice)), TEXT, said, fused=fused).log_softmax(-1)
    assert 0 < float((p.exp() * (p - q)).sum(-1).mean()) < divergence


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 1.0, "top_p": 1.0},
        {"temperature": 0.3, "top_k": 20, "top_p": 0.6, "repetition_penalty": 2.0},
        {"temperature": 1.7, "top_k": 1, "repetition_penalty": 1.0},
    ],
)
def test_sampling_draws_what_upstreams_processors_draw(options: dict[str, float]) -> None:
    given = SamplingOptions.of(options)
    processors = upstreams_processors(options)
    generator = torch.Generator().manual_seed(1)
    for seed in range(200):
        logits = torch.randn(1, 6563, generator=generator) * 3
        said = torch.randint(0, 6561, (1, 30), generator=generator)
        torch.manual_seed(seed)
        wanted = torch.multinomial(torch.softmax(processors(said, logits.clone()), -1), 1)
        seen = torch.zeros(1, 6563, dtype=torch.bool).scatter_(1, said, value=True)
        draws = draw(6563, torch.Generator().manual_seed(seed))
        assert int(sample(logits, seen, given, draws[None])) == int(wanted)
        assert int(sample_in_one(logits, seen, given, draws[None])) == int(wanted)


def upstreams_processors(options: dict[str, float]) -> Any:
    merged = {"temperature": 0.8, "top_k": 1000, "top_p": 0.95, "repetition_penalty": 1.2} | options
    processors = LogitsProcessorList()
    if merged["temperature"] != 1.0:
        processors.append(TemperatureLogitsWarper(merged["temperature"]))
    processors.append(TopKLogitsWarper(int(merged["top_k"])))
    if merged["top_p"] < 1.0:
        processors.append(TopPLogitsWarper(merged["top_p"]))
    if merged["repetition_penalty"] != 1.0:
        processors.append(RepetitionPenaltyLogitsProcessor(merged["repetition_penalty"]))
    return processors


def test_weights_of_another_model_are_named(tensors: dict[str, Tensor]) -> None:
    lacking = {name: tensor for name, tensor in tensors.items() if name != "tfmr.h.1.ln_2.bias"}
    with pytest.raises(StartError, match=r"lack tfmr\.h\.1\.ln_2\.bias"):
        check_shapes(lacking)
    with pytest.raises(StartError, match=r"speech_head\.weight as \[10, 128\], expected \[6563, 128\]"):
        check_shapes(tensors | {"speech_head.weight": torch.zeros(10, 128)})
    with pytest.raises(StartError, match=r"as torch\.int64, expected floats"):
        check_shapes(tensors | {"speech_emb.weight": torch.zeros(6563, 128, dtype=torch.long)})


def test_a_row_of_zeros_times_an_8_bit_weight_is_the_bias() -> None:
    bias = torch.randn(32)
    product = RowInt8(quantize(torch.randn(32, 64)), bias)
    rows = torch.stack([torch.zeros(64), torch.ones(64)])
    assert torch.equal(product(rows)[0], bias)
