"""The multilingual model against upstream's own classes: the same weights, the same draws."""

import contextlib
import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.kits.precisions import INT8
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.ending import TokenLimits
from worker.engines.chatterbox.multilingual.checkpoint import load
from worker.engines.chatterbox.multilingual.decoder import DecodingInput, GuidedDecoding
from worker.engines.chatterbox.multilingual.engine import without_last_token
from worker.engines.chatterbox.multilingual.llama import START_TEXT, STOP_TEXT, Llama, check_shapes
from worker.engines.chatterbox.multilingual.sampling import OPTIONS, sample
from worker.engines.chatterbox.multilingual.text import prepared
from worker.engines.chatterbox.s3gen import S3Gen, S3Job
from worker.engines.chatterbox.s3gen.model import Draws
from worker.engines.chatterbox.sampling import draw
from worker.engines.chatterbox.t3 import STOP
from worker.engines.chatterbox.tensors import maker
from worker.errors import StartError

pytestmark = pytest.mark.filterwarnings("ignore")  # of upstream's package, about what it calls
CPU = torch.device("cpu")
SEED = 5
TEXT = [720, 5, 9, 100, 44, 23, 9, 3, 7, 8]
Voice = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module", autouse=True)
def _no_analyzer() -> Iterator[None]:
    """Make the released package as upstream's repository is since v3, without an analyzer of alignment."""
    with pytest.MonkeyPatch.context() as changes:
        config = importlib.import_module("chatterbox.models.t3.modules.t3_config").T3Config
        changes.setattr(config, "is_multilingual", property(lambda _: False))
        yield


@pytest.fixture(scope="module")
def theirs(oracle: ModuleType) -> Any:
    return oracle.tiny_llama()


@pytest.fixture(scope="module")
def tensors(theirs: Any) -> dict[str, Tensor]:
    return dict(theirs.state_dict())


@pytest.fixture(scope="module")
def voice(oracle: ModuleType) -> Voice:
    found: Voice = oracle.tiny_voice(0, 150)
    return found


def ours(tensors: dict[str, Tensor], precision: str = "fp32") -> Llama:
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return Llama(tensors, maker(tensors, precision, CPU), dtype)


def conditioning(voice: Voice) -> Conditioning:
    return Conditioning.from_parts(voice["t3"], voice["gen"])


def their_tokens(
    theirs: Any, voice: Voice, count: int, options: dict[str, float]
) -> tuple[list[int], list[Tensor]]:
    """Upstream's tokens under SEED, and the logits [rows, vocabulary] that it chose each by."""
    from chatterbox.models.t3.inference import t3_hf_backend  # noqa: PLC0415 - the oracle is imported late
    from chatterbox.models.t3.modules.cond_enc import T3Cond  # noqa: PLC0415 - likewise

    given = {name: value for name, value in (dict(OPTIONS) | options).items() if name != "exaggeration"}
    emotion = options.get("exaggeration", 0.5) * torch.ones(1, 1, 1)
    condition = T3Cond(**(voice["t3"] | {"emotion_adv": emotion, "cond_prompt_speech_emb": None}))
    logits: list[Tensor] = []
    real = t3_hf_backend.T3HuggingfaceBackend.forward

    def listened(*arguments: Any, **named: Any) -> Any:
        out = real(*arguments, **named)
        logits.append(out.logits[:, -1].clone())
        return out

    t3_hf_backend.T3HuggingfaceBackend.forward = listened
    try:
        torch.manual_seed(SEED)
        with contextlib.redirect_stderr(io.StringIO()):
            rows = torch.tensor([[START_TEXT, *TEXT, STOP_TEXT]] * 2)
            found = theirs.inference(t3_cond=condition, text_tokens=rows, max_new_tokens=count, **given)
    finally:
        t3_hf_backend.T3HuggingfaceBackend.forward = real
    return found[0].tolist(), logits


def our_tokens(
    llama: Llama, voice: Voice, count: int, options: dict[str, float]
) -> tuple[list[int], list[Tensor]]:
    ask = DecodingInput(llama.embed_voice(conditioning(voice)), TEXT, TokenLimits(count), sampling=options)
    decoding = GuidedDecoding(llama, ask, torch.Generator().manual_seed(SEED))
    logits = [decoding.logits]
    while not decoding.ended:
        decoding.decode_step()
        logits.append(decoding.logits)
    return decoding.tokens, logits


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"exaggeration": 1.4, "cfg_weight": 0.9, "temperature": 1.3},
        {"min_p": 0.0, "top_p": 0.7, "repetition_penalty": 2.0},
        {"cfg_weight": 0.0, "temperature": 1.0},
    ],
    ids=lambda options: ",".join(options) or "defaults",
)
def test_tokens_are_upstreams_and_their_logits_within_rounding(
    options: dict[str, float], theirs: Any, tensors: dict[str, Tensor], voice: Voice
) -> None:
    wanted, their_logits = their_tokens(theirs, voice, 60, options)
    found, our_logits = our_tokens(ours(tensors), voice, 60, options)
    assert found == wanted
    assert len(set(found)) > 20
    plain = our_tokens(ours(tensors), voice, 1, {})[1][0]
    is_heard = float((our_logits[0] - plain[: len(our_logits[0])]).abs().max()) > 1e-3
    assert is_heard == ("exaggeration" in options)
    apart = [float((a - b[: len(a)]).abs().max()) for a, b in zip(our_logits, their_logits, strict=False)]
    assert max(apart) < 2e-5


def test_decoding_ends_where_the_same_few_tokens_go_on_unless_it_runs_on(
    tensors: dict[str, Tensor], voice: Voice
) -> None:
    llama = ours(tensors)
    for runs_on in (False, True):
        ask = DecodingInput(llama.embed_voice(conditioning(voice)), TEXT, TokenLimits(300, 20, runs_on))
        decoding = GuidedDecoding(llama, ask, torch.Generator().manual_seed(SEED))
        decoding.tokens = [*range(20), *[7, 8, 8] * 16]
        assert not decoding.ended
        decoding.tokens += [7, 8]
        assert decoding.ended is not runs_on
        assert decoding.stopped is runs_on
        assert len(decoding.spoken) == (70 if runs_on else 35)


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 1.0, "min_p": 0.0}, {"top_p": 0.6, "min_p": 0.2}, {"repetition_penalty": 1.0}],
)
def test_sampling_draws_what_upstreams_processors_draw(options: dict[str, float]) -> None:
    from transformers.generation.logits_process import (  # noqa: PLC0415 - slow
        MinPLogitsWarper,
        RepetitionPenaltyLogitsProcessor,
        TopPLogitsWarper,
    )

    given = {**OPTIONS, **options}
    generator = torch.Generator().manual_seed(1)
    for seed in range(100):
        logits: Any = torch.randn(1, 8194, generator=generator) * 3
        said: Any = torch.randint(0, 6561, (1, 30), generator=generator)
        processed = RepetitionPenaltyLogitsProcessor(given["repetition_penalty"])(said, logits.clone())
        processed = processed / given["temperature"]
        processed = TopPLogitsWarper(given["top_p"])(said, MinPLogitsWarper(given["min_p"])(said, processed))
        torch.manual_seed(seed)
        wanted = int(torch.multinomial(torch.softmax(processed, -1), 1))
        seen = torch.zeros(8194, dtype=torch.bool).scatter_(0, said[0], value=True)
        drawn = draw(8194, torch.Generator().manual_seed(seed))
        assert sample(logits[0], seen, given, drawn) == wanted


@pytest.mark.parametrize(
    ("precision", "divergence"), [("bf16", 5e-3), pytest.param("int8", 5e-3, marks=INT8)]
)
def test_lower_precisions_stay_near_the_distribution(
    precision: str, divergence: float, tensors: dict[str, Tensor], voice: Voice
) -> None:
    ask = [DecodingInput(ours(tensors).embed_voice(conditioning(voice)), TEXT, TokenLimits(1))]
    exact, near = (
        GuidedDecoding(ours(tensors, name), ask[0], torch.Generator().manual_seed(SEED)).logits
        for name in ("fp32", precision)
    )
    p, q = exact.log_softmax(-1), near.log_softmax(-1)
    assert 0 < float((p.exp() * (p - q)).sum(-1).mean()) < divergence


def test_weights_of_another_model_are_named(tensors: dict[str, Tensor]) -> None:
    lacking = {name: tensor for name, tensor in tensors.items() if name != "text_pos_emb.emb.weight"}
    with pytest.raises(StartError, match=r"lack text_pos_emb\.emb\.weight"):
        check_shapes(lacking)
    with pytest.raises(StartError, match=r"speech_head\.weight as \[10, 64\], expected \[8194, 64\]"):
        check_shapes(tensors | {"speech_head.weight": torch.zeros(10, 64)})


class GuidedPair:
    """Upstream's tiny S3Gen of ten guided steps and ours, with the same weights and voice."""

    def __init__(self, oracle: ModuleType, voice: Voice) -> None:
        self.upstream = oracle.tiny_s3gen(meanflow=False)
        self.ours = S3Gen.load(self.upstream.state_dict(), device=CPU)
        self.voice = self.ours.voice(conditioning(voice))

    def draws(self, tokens: int, generator: torch.Generator) -> Draws:
        return draws(len(self.voice.mel), tokens, generator)


def draws(before: int, tokens: int, generator: torch.Generator) -> Draws:
    """Make upstream's draws in upstream's order: the flow's whole noise, then the source's."""
    flow = torch.randn(1, 80, before + 2 * tokens, generator=generator)[0].T
    phase = torch.rand(1, 9, 1, generator=generator)[0] * (torch.pi - -torch.pi) + -torch.pi
    phase[0] = 0
    source = torch.randn(1, 9, 960 * tokens, generator=generator)[0]
    return Draws(flow[before:], phase, source, flow[:before])


@pytest.fixture(scope="module")
def pair(oracle: ModuleType, voice: Voice) -> GuidedPair:
    return GuidedPair(oracle, voice)


@pytest.mark.parametrize("steps", [1, 4, 10])
def test_the_mel_of_guided_steps_is_upstreams(
    steps: int, pair: GuidedPair, oracle: ModuleType, voice: Voice
) -> None:
    tokens = torch.randint(0, 6561, (30,), generator=torch.Generator().manual_seed(3))
    theirs = oracle.mel_of(pair.upstream, tokens, voice, seed=7, steps=steps)
    drawn = pair.draws(30, torch.Generator().manual_seed(7))
    row = pair.ours.row(S3Job(tokens, pair.voice, torch.Generator(), steps), drawn)
    assert (pair.ours.flow([row], steps)[0] - theirs).abs().max() <= 5e-5


def test_rows_of_a_ragged_batch_of_guided_steps_are_what_they_are_alone(pair: GuidedPair) -> None:
    rows = []
    for count in (40, 12):
        tokens = torch.randint(0, 6561, (count,), generator=torch.Generator().manual_seed(count))
        drawn = pair.draws(count, torch.Generator().manual_seed(count))
        rows.append(pair.ours.row(S3Job(tokens, pair.voice, torch.Generator(), 3), drawn))
    together = pair.ours.flow(rows, 3)
    for row, found in zip(rows, together, strict=True):
        assert (found - pair.ours.flow([row], 3)[0]).abs().max() <= 5e-5


SAYS = {
    "de": "Der Wärter wartete am Hafen.",
    "ja": "東京は雨です。",
    "ar": "كيف حالك اليوم؟",
}


@pytest.mark.parametrize("language", SAYS)
def test_generate_from_a_text_to_its_waveform_is_upstreams(
    language: str, oracle: ModuleType, tiny_multilingual: Path
) -> None:
    count = 50
    theirs = upstreams(tiny_multilingual, count)
    torch.manual_seed(SEED)
    with contextlib.redirect_stderr(io.StringIO()):
        wanted = theirs.generate(
            SAYS[language], language, exaggeration=0.8, cfg_weight=0.3, repetition_penalty=1.2
        )[0]
    models = load(tiny_multilingual, CPU, "fp32")
    generator = torch.Generator().manual_seed(SEED)
    text = models.tokenizer.encode(prepared(SAYS[language]), language)
    sampling = {"exaggeration": 0.8, "cfg_weight": 0.3}
    ask = DecodingInput(models.voice.prefix(models.t3), text, TokenLimits(count), sampling=sampling)
    decoding = GuidedDecoding(models.t3, ask, generator)
    while not decoding.ended:
        decoding.decode_step()
    spoken = torch.tensor([token for token in decoding.tokens if token != STOP])
    voice = models.s3gen.voice(models.voice.conditioning)
    drawn = draws(len(voice.mel), len(spoken), generator)  # on from where the tokens' draws ended
    found = models.s3gen.render([S3Job(spoken, voice, generator, 10)], [drawn])[0]
    assert len(found) == len(wanted) == 960 * len(spoken)
    cut = wanted[: max(1, len(spoken) - 1) * 960]  # as upstream's repository does since v3
    assert len(without_last_token(found)) == len(cut)
    assert wanted.abs().max() > 0.01
    assert (found - wanted).abs().max() < 1e-3


def upstreams(folder: Path, count: int) -> Any:
    """Upstream's own class around the weights of a tiny checkpoint, cut after `count` tokens, unmarked."""
    upstream = importlib.import_module("bench.upstream")
    module = importlib.import_module("chatterbox.mtl_tts")
    tokenizers = importlib.import_module("chatterbox.models.tokenizers.tokenizer")
    made = object.__new__(module.ChatterboxMultilingualTTS)
    made.t3, made.s3gen = upstream.llama("tiny"), upstream.s3gen("tiny", meanflow=False)
    made.t3.load_state_dict(load_file(folder / "t3_mtl23ls_v3.safetensors"))
    made.s3gen.load_state_dict(torch.load(folder / "s3gen.pt", weights_only=True), strict=False)
    with pytest.MonkeyPatch.context() as changes:
        changes.setattr(tokenizers, "ChineseCangjieConverter", lambda _: None)
        made.tokenizer = tokenizers.MTLTokenizer(str(folder / "grapheme_mtl_merged_expanded_v1.json"))
    made.conds = module.Conditionals.load(folder / "conds.pt")
    made.device, made.sr = "cpu", 24_000
    made.watermarker = SimpleNamespace(apply_watermark=lambda wave, sample_rate: wave)
    inference = made.t3.inference
    made.t3.inference = lambda **given: inference(**(given | {"max_new_tokens": count}))
    return made
