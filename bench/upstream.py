"""Upstream's own models with random weights: full size, or as small as its classes allow.

Importing this module imports the chatterbox package (several seconds).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from chatterbox.models.s3gen import S3Gen, flow_matching
from chatterbox.models.s3gen.configs import CFM_PARAMS
from chatterbox.models.s3gen.decoder import ConditionalDecoder
from chatterbox.models.s3gen.f0_predictor import ConvRNNF0Predictor
from chatterbox.models.s3gen.flow import CausalMaskedDiffWithXvec
from chatterbox.models.s3gen.flow_matching import CausalConditionalCFM
from chatterbox.models.s3gen.hifigan import HiFTGenerator
from chatterbox.models.s3gen.s3gen import S3Token2Wav
from chatterbox.models.s3gen.transformer.upsample_encoder import UpsampleConformerEncoder
from chatterbox.models.s3gen.utils.mel import mel_spectrogram
from chatterbox.models.s3gen.xvector import CAMPPlus
from chatterbox.models.s3tokenizer import S3Tokenizer
from chatterbox.models.t3 import T3
from chatterbox.models.t3.llama_configs import GPT2_MEDIUM_CONFIG, LLAMA_520M_CONFIG_DICT, LLAMA_CONFIGS
from chatterbox.models.t3.modules.perceiver import Perceiver
from chatterbox.models.t3.modules.t3_config import T3Config
from chatterbox.models.voice_encoder import VoiceEncoder
from torch import Tensor

__all__ = [
    "SIZES",
    "Shape",
    "Size",
    "Voice",
    "conditionals",
    "flow_noise",
    "llama",
    "mel_of",
    "quiet",
    "s3gen",
    "source_noise",
    "t3",
    "voice_encoder",
    "wave_of",
]

Size = Literal["tiny", "full"]
Voice = dict[str, dict[str, Any]]  # as `conds.pt` holds it

NANO_GPT2 = "GPT2_small"  # as upstream's repository names it; the released package has no entry for it
TINY_LLAMA = "Llama_tiny"
SPEAKER_SIZE = 256  # VoiceEncoder's embedding
XVECTOR_SIZE = 192  # CAMPPlus's
SPEECH_IDS = 6561


@dataclass(frozen=True, slots=True)
class Shape:
    """What differs between the sizes outside of the layers."""

    text_ids: int  # rows of Turbo's table of text tokens
    t3_prompt: int  # speech tokens of the voice in T3's prefix
    s3_prompt: int  # speech tokens of the voice in S3Gen


SIZES: dict[Size, Shape] = {
    "tiny": Shape(text_ids=400, t3_prompt=375, s3_prompt=20),
    "full": Shape(text_ids=50_276, t3_prompt=375, s3_prompt=250),
}


def gpt2(width: int, layers: int, **others: int) -> dict[str, Any]:
    """Return the entry of `LLAMA_CONFIGS` for a GPT-2 of another size; its heads are 64 wide."""
    size = {"n_embd": width, "hidden_size": width, "n_head": width // 64, "n_layer": layers}
    return {**GPT2_MEDIUM_CONFIG, **size, **others}


def t3(size: Size, model: str = "turbo", *, text_ids: int | None = None) -> Any:
    """Return Turbo's T3 or Nano's, with as many text tokens as are asked for; tiny: two layers."""
    text_ids = text_ids or SIZES[size].text_ids
    tiny = {"n_positions": 2048, "n_ctx": 2048, "vocab_size": text_ids}
    LLAMA_CONFIGS["turbo tiny"] = gpt2(128, 2, **tiny)
    LLAMA_CONFIGS["nano tiny"] = gpt2(192, 2, **tiny)
    LLAMA_CONFIGS[NANO_GPT2] = gpt2(768, 12, vocab_size=text_ids)
    options = T3Config(text_tokens_dict_size=text_ids)
    full = NANO_GPT2 if model == "nano" else "GPT2_medium"
    options.llama_config_name = f"{model} tiny" if size == "tiny" else full
    options.speech_tokens_dict_size = SPEECH_IDS + 2
    options.input_pos_emb = None
    options.speech_cond_prompt_len = SIZES[size].t3_prompt
    options.use_perceiver_resampler = False
    options.emotion_adv = False
    return T3(options).eval()


def llama(size: Size) -> Any:
    """Return the multilingual T3; tiny: 64 channels, and the layers and heads that its alignment watches.

    Tokens that stand for no sound are never drawn: upstream's `generate` breaks on them, and random weights
    would say them.
    """
    width = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 14}
    LLAMA_CONFIGS[TINY_LLAMA] = LLAMA_520M_CONFIG_DICT | width
    options = T3Config.multilingual()
    options.llama_config_name = TINY_LLAMA if size == "tiny" else "Llama_520M"
    model = T3(options)
    if size == "tiny":
        model.cond_enc.perceiver = Perceiver(pre_attention_query_size=64, embedding_dim=64)
    with torch.no_grad():
        for layer in model.tfmr.layers if size == "tiny" else ():
            layer.self_attn.q_proj.weight.mul_(16)  # so that some positions are looked at more than others,
            layer.self_attn.o_proj.weight.mul_(16)  # and what is found there counts,
        model.speech_head.weight.mul_(8 if size == "tiny" else 1)  # more than the draws do
        silence_others(model)
    return model.eval()


def silence_others(model: Any) -> None:
    """Keep the first channel at one wherever speech is, and let it vote against what is not speech."""
    for layer in model.tfmr.layers:
        layer.self_attn.o_proj.weight[0] = 0.0
        layer.mlp.down_proj.weight[0] = 0.0
    model.speech_emb.weight[:, 0] = 0.0
    model.speech_pos_emb.emb.weight[:, 0] = 1.0
    model.speech_head.weight[:, 0] = 0.0
    model.speech_head.weight[SPEECH_IDS:] = 0.0
    model.speech_head.weight[SPEECH_IDS:, 0] = -100.0


class TinyS3(S3Token2Wav):  # type: ignore[misc]  # the package is untyped
    """Upstream's S3Gen around small parts: its constructor knows the full size only."""

    def __init__(self, *, cloning: bool, meanflow: bool = True) -> None:
        torch.nn.Module.__init__(self)
        self.meanflow = meanflow
        self.resamplers: dict[str, Any] = {}
        self.estimator_dtype = "fp32"
        self.flow = tiny_flow(meanflow=meanflow)
        self.mel2wav = tiny_vocoder()
        # `device` of upstream's class asks the tokenizer
        self.tokenizer = S3Tokenizer("speech_tokenizer_v2_25hz") if cloning else torch.nn.Linear(1, 1)
        if cloning:
            self.speaker_encoder = CAMPPlus(memory_efficient=False)
            self.mel_extractor = mel_spectrogram
        fade = torch.zeros(960)
        fade[480:] = (torch.cos(torch.linspace(torch.pi, 0, 480)) + 1) / 2
        self.register_buffer("trim_fade", fade, persistent=False)


def tiny_flow(*, meanflow: bool) -> Any:
    """Return the flow with one block where upstream has six, twelve and four; 512 channels are fixed."""
    encoder = UpsampleConformerEncoder(
        input_size=512,
        output_size=512,
        attention_heads=8,
        linear_units=64,
        num_blocks=1,
        input_layer="linear",
        pos_enc_layer_type="rel_pos_espnet",
        selfattention_layer_type="rel_selfattn",
        use_cnn_module=False,
        macaron_style=False,
    )
    estimator = ConditionalDecoder(
        in_channels=320,
        out_channels=80,
        channels=[64],
        attention_head_dim=64,  # as in the full size: weights do not tell the number of heads
        n_blocks=1,
        num_mid_blocks=1,
        num_heads=2,
        meanflow=meanflow,
    )
    decoder = CausalConditionalCFM(spk_emb_dim=80, cfm_params=CFM_PARAMS, estimator=estimator)
    return CausalMaskedDiffWithXvec(encoder=encoder, decoder=decoder)


def tiny_vocoder() -> Any:
    """Return HiFT with 64 channels where upstream has 512."""
    return HiFTGenerator(
        base_channels=64,
        sampling_rate=24_000,
        upsample_rates=[8, 5, 3],
        upsample_kernel_sizes=[16, 11, 7],
        source_resblock_kernel_sizes=[7, 7, 11],
        source_resblock_dilation_sizes=[[1, 3, 5]] * 3,
        f0_predictor=ConvRNNF0Predictor(cond_channels=32),
    )


def s3gen(size: Size, *, cloning: bool = False, meanflow: bool = True) -> Any:
    """Return Turbo's S3Gen, or without `meanflow` the multilingual model's.

    A tiny one has the (full-size) models for cloning only if asked.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of diffusers, about itself
        model = TinyS3(cloning=cloning, meanflow=meanflow) if size == "tiny" else S3Gen(meanflow=meanflow)
    return model.eval()


def voice_encoder() -> Any:
    """Return the voice encoder; it has one size."""
    return VoiceEncoder().eval()


def conditionals(size: Size, generator: torch.Generator, t3_prompt: int | None = None) -> Voice:
    """Return a random voice as upstream's `conds.pt` holds it; `t3_prompt` tokens where not Turbo's."""
    shape = SIZES[size]

    def ids(count: int) -> torch.Tensor:
        return torch.randint(0, SPEECH_IDS, (1, count), generator=generator)

    return {
        "t3": {
            "speaker_emb": torch.randn(1, SPEAKER_SIZE, generator=generator),
            "clap_emb": None,
            "cond_prompt_speech_tokens": ids(t3_prompt or shape.t3_prompt),
            "cond_prompt_speech_emb": None,
            "emotion_adv": 0.5 * torch.ones(1, 1, 1),
        },
        "gen": {
            "prompt_token": ids(shape.s3_prompt),
            "prompt_token_len": torch.tensor([shape.s3_prompt]),
            "prompt_feat": torch.randn(1, 2 * shape.s3_prompt, 80, generator=generator),
            "prompt_feat_len": None,
            "embedding": torch.randn(1, XVECTOR_SIZE, generator=generator),
        },
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Keep upstream's flow from printing and drawing progress bars."""
    before = flow_matching.tqdm
    flow_matching.tqdm = lambda steps, **_: steps
    flow_matching.print = lambda *_: None
    try:
        yield
    finally:
        flow_matching.tqdm = before
        del flow_matching.print


def mel_of(model: Any, tokens: Tensor, voice: Voice, seed: int, steps: int = 2) -> Tensor:
    """Return upstream's mel spectrogram [2 * tokens, 80] under `manual_seed(seed)`."""
    with torch.random.fork_rng(devices=[]), quiet(), torch.inference_mode():
        torch.manual_seed(seed)
        # a copy: upstream turns the ids into floats in place
        mel: Tensor = model.flow_inference(
            tokens[None], ref_dict=dict(voice["gen"]), n_cfm_timesteps=steps, finalize=True
        )
    return mel[0].T.clone()


def wave_of(model: Any, mel: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return upstream's waveform [samples] and source signal of a mel, under `manual_seed(seed)`."""
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(seed)
        wave, signal = model.hift_inference(mel.T[None])
    return wave[0].clone(), signal[0, 0].clone()


def flow_noise(seed: int, frames: int, prompt_frames: int) -> tuple[Tensor, Tensor]:
    """Return the noise that `mel_of` draws: for the speech's frames and for the prompt's, [n, 80]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        spoken = torch.randn(1, 80, frames)
        prompt = torch.randn(1, 80, prompt_frames + frames)[..., :prompt_frames]
    return spoken[0].T, prompt[0].T


def source_noise(seed: int, samples: int, harmonics: int = 9) -> tuple[Tensor, Tensor]:
    """Return what `wave_of` draws: phases [harmonics, 1] and noise [harmonics, samples]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        phase = torch.rand(1, harmonics, 1) * (torch.pi - -torch.pi) + -torch.pi  # as its Uniform does
        noise = torch.randn(1, harmonics, samples)
    phase[:, 0] = 0
    return phase[0], noise[0]
