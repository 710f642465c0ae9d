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
from chatterbox.models.t3.llama_configs import GPT2_MEDIUM_CONFIG, LLAMA_CONFIGS
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

TINY_GPT2 = "GPT2_tiny"
SPEAKER_SIZE = 256  # VoiceEncoder's embedding
XVECTOR_SIZE = 192  # CAMPPlus's
SPEECH_IDS = 6561


@dataclass(frozen=True, slots=True)
class Shape:
    """What differs between the sizes outside of the layers."""

    text_ids: int  # rows of T3's table of text tokens
    t3_prompt: int  # speech tokens of the voice in T3's prefix
    s3_prompt: int  # speech tokens of the voice in S3Gen


SIZES: dict[Size, Shape] = {
    "tiny": Shape(text_ids=400, t3_prompt=375, s3_prompt=20),
    "full": Shape(text_ids=50_276, t3_prompt=375, s3_prompt=250),
}


def t3(size: Size) -> Any:
    """Return Turbo's T3; tiny: two layers of 128 channels."""
    width = {"n_embd": 128, "hidden_size": 128, "n_head": 2, "n_layer": 2, "n_positions": 2048, "n_ctx": 2048}
    text_ids = SIZES[size].text_ids
    LLAMA_CONFIGS[TINY_GPT2] = {**GPT2_MEDIUM_CONFIG, **width, "vocab_size": text_ids}
    options = T3Config(text_tokens_dict_size=text_ids)
    options.llama_config_name = TINY_GPT2 if size == "tiny" else "GPT2_medium"
    options.speech_tokens_dict_size = SPEECH_IDS + 2
    options.input_pos_emb = None
    options.speech_cond_prompt_len = SIZES[size].t3_prompt
    options.use_perceiver_resampler = False
    options.emotion_adv = False
    return T3(options).eval()


class TinyS3(S3Token2Wav):  # type: ignore[misc]  # the package is untyped
    """Upstream's S3Gen around small parts: its constructor knows the full size only."""

    def __init__(self, *, cloning: bool) -> None:
        torch.nn.Module.__init__(self)
        self.meanflow = True
        self.resamplers: dict[str, Any] = {}
        self.estimator_dtype = "fp32"
        self.flow = tiny_flow()
        self.mel2wav = tiny_vocoder()
        # `device` of upstream's class asks the tokenizer
        self.tokenizer = S3Tokenizer("speech_tokenizer_v2_25hz") if cloning else torch.nn.Linear(1, 1)
        if cloning:
            self.speaker_encoder = CAMPPlus(memory_efficient=False)
            self.mel_extractor = mel_spectrogram
        fade = torch.zeros(960)
        fade[480:] = (torch.cos(torch.linspace(torch.pi, 0, 480)) + 1) / 2
        self.register_buffer("trim_fade", fade, persistent=False)


def tiny_flow() -> Any:
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
        meanflow=True,
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


def s3gen(size: Size, *, cloning: bool = False) -> Any:
    """Return the meanflow S3Gen; tiny: with the (full-size) models for cloning only if asked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of diffusers, about itself
        model = TinyS3(cloning=cloning) if size == "tiny" else S3Gen(meanflow=True)
    return model.eval()


def voice_encoder() -> Any:
    """Return the voice encoder; it has one size."""
    return VoiceEncoder().eval()


def conditionals(size: Size, generator: torch.Generator) -> Voice:
    """Return a random voice as upstream's `conds.pt` holds it."""
    shape = SIZES[size]

    def ids(count: int) -> torch.Tensor:
        return torch.randint(0, SPEECH_IDS, (1, count), generator=generator)

    return {
        "t3": {
            "speaker_emb": torch.randn(1, SPEAKER_SIZE, generator=generator),
            "clap_emb": None,
            "cond_prompt_speech_tokens": ids(shape.t3_prompt),
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
