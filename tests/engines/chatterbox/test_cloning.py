"""The same clip gives the voice that upstream's `prepare_conditionals` makes of it."""

import importlib
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.kits.clips import audio_file, voice_like
from worker.engines.chatterbox.cloning import Cloner
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.multilingual.checkpoint import ARCHITECTURE as MULTILINGUAL
from worker.engines.chatterbox.turbo.checkpoint import ARCHITECTURE as TURBO
from worker.errors import VoiceUnusableError
from worker.voices.clips import read_clip

TOLERANCE = 1e-6  # of the embeddings and the mel; measured: 1e-7. Tokens are equal
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def models(oracle: ModuleType) -> SimpleNamespace:
    """Upstream's models for cloning, full size as they only come, and what `prepare_conditionals` asks."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(5)
        upstream = importlib.import_module("bench.upstream")
        turbo = importlib.import_module("chatterbox.tts_turbo").ChatterboxTurboTTS
        parts = {"s3gen": upstream.s3gen("tiny", cloning=True), "ve": upstream.voice_encoder()}
    asked = SimpleNamespace(
        **parts,
        device="cpu",
        t3=SimpleNamespace(hp=SimpleNamespace(speech_cond_prompt_len=375)),
        ENC_COND_LEN=turbo.ENC_COND_LEN,
        DEC_COND_LEN=turbo.DEC_COND_LEN,
        norm_loudness=lambda *given: turbo.norm_loudness(None, *given),
    )
    asked.prepare = lambda file: turbo.prepare_conditionals(asked, file)
    several = importlib.import_module("chatterbox.mtl_tts").ChatterboxMultilingualTTS
    other = SimpleNamespace(
        **parts,
        device="cpu",
        t3=SimpleNamespace(hp=SimpleNamespace(speech_cond_prompt_len=150)),
        ENC_COND_LEN=several.ENC_COND_LEN,
        DEC_COND_LEN=several.DEC_COND_LEN,
    )
    other.prepare = lambda file: several.prepare_conditionals(other, file)
    asked.multilingual = other
    return asked


@pytest.fixture(scope="module")
def checkpoint(models: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights that cloning reads, as released."""
    folder = tmp_path_factory.mktemp("cloning")
    weights = {name: tensor.clone() for name, tensor in models.s3gen.state_dict().items()}
    save_file(weights, folder / "s3gen_meanflow.safetensors")
    save_file(models.ve.state_dict(), folder / "ve.safetensors")
    return folder


@pytest.fixture(scope="module")
def cloner(checkpoint: Path) -> Cloner:
    return TURBO.cloner(checkpoint, CPU)


def noisy(seconds: float, rate: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Speech-like sound in noise: what random models tell apart."""
    rng = np.random.default_rng(int(seconds * 10))
    pcm = voice_like(seconds, rate=rate)
    return np.asarray(pcm + 0.02 * rng.standard_normal(len(pcm)), np.float32)


CLIPS = {
    "short, stereo, 44.1 kHz": lambda: audio_file(np.stack([noisy(5.53, 44_100)] * 2, 1), 44_100),
    "longer than any prompt, 24 kHz": lambda: audio_file(noisy(16.2, 24_000), 24_000),
    "FLAC, 16 kHz, quiet": lambda: audio_file(0.1 * noisy(6.2, 16_000), 16_000, form="FLAC"),
}


@pytest.mark.parametrize("kind", CLIPS)
@pytest.mark.filterwarnings("ignore")
def test_a_clip_becomes_what_upstream_makes_of_it(
    kind: str, models: SimpleNamespace, cloner: Cloner, tmp_path: Path
) -> None:
    data = CLIPS[kind]()
    (tmp_path / "clip").write_bytes(data)
    with torch.inference_mode():
        models.prepare(tmp_path / "clip")
    theirs = Conditioning.from_parts(vars(models.conds.t3), models.conds.gen)
    ours = cloner.condition(read_clip(data))
    assert torch.equal(ours.prompt_tokens, theirs.prompt_tokens)
    assert torch.equal(ours.s3_prompt_tokens, theirs.s3_prompt_tokens)
    assert len(set(ours.prompt_tokens[0].tolist())) > 20
    for name in ("speaker_embedding", "s3_prompt_mel", "s3_embedding"):
        assert (getattr(ours, name) - getattr(theirs, name)).abs().max() < TOLERANCE, name


@pytest.mark.filterwarnings("ignore")
def test_a_clip_becomes_what_the_multilingual_upstream_makes_of_it(
    models: SimpleNamespace, tmp_path: Path
) -> None:
    data = CLIPS["longer than any prompt, 24 kHz"]()
    (tmp_path / "clip").write_bytes(data)
    torch.save(models.s3gen.state_dict(), tmp_path / "s3gen.pt")
    torch.save(models.ve.state_dict(), tmp_path / "ve.pt")
    with torch.inference_mode():
        models.multilingual.prepare(tmp_path / "clip")
    conds = models.multilingual.conds
    theirs = Conditioning.from_parts(vars(conds.t3), conds.gen)
    ours = MULTILINGUAL.cloner(tmp_path, CPU).condition(read_clip(data))
    assert ours.prompt_tokens.shape == (1, 150)
    assert torch.equal(ours.prompt_tokens, theirs.prompt_tokens)
    assert torch.equal(ours.s3_prompt_tokens, theirs.s3_prompt_tokens)
    for name in ("speaker_embedding", "s3_prompt_mel", "s3_embedding"):
        assert (getattr(ours, name) - getattr(theirs, name)).abs().max() < TOLERANCE, name


def test_without_its_models_nothing_is_learned_and_the_reason_is_fit_for_a_client(tmp_path: Path) -> None:
    with pytest.raises(VoiceUnusableError, match="the models for it are not there"):
        MULTILINGUAL.cloner(tmp_path, CPU)


def test_a_baked_checkpoint_clones_as_the_released_one(
    checkpoint: Path, cloner: Cloner, tmp_path: Path
) -> None:
    weights = load_file(checkpoint / "s3gen_meanflow.safetensors")
    kept = {k: v for k, v in weights.items() if k.startswith(("tokenizer.", "speaker_encoder."))}
    encoder = load_file(checkpoint / "ve.safetensors")
    save_file(
        kept | {f"ve.{name}": tensor for name, tensor in encoder.items()}, tmp_path / "cloning.safetensors"
    )
    clip = read_clip(audio_file(noisy(5.2, 24_000)))
    ours, theirs = TURBO.cloner(tmp_path, CPU).condition(clip), cloner.condition(clip)
    assert torch.equal(ours.prompt_tokens, theirs.prompt_tokens)
    assert (ours.s3_embedding - theirs.s3_embedding).abs().max() < TOLERANCE
    assert (ours.speaker_embedding - theirs.speaker_embedding).abs().max() < TOLERANCE


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(VoiceUnusableError, match="its checkpoint is of another model"):
        Cloner({"ve.proj.weight": torch.zeros(2, 2)}, CPU, TURBO.prompt)


def test_nothing_heavy_is_imported_before_a_voice_is_learned_and_no_more_than_needed_then() -> None:
    script = (
        "import sys, torch; from worker.engines.chatterbox.cloning import upstream\n"
        "heavy = {'librosa', 'torchaudio', 'pyloudnorm', 'scipy', 'soundfile', 's3tokenizer'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "for path in ('s3gen/xvector.py', 's3tokenizer/s3tokenizer.py', 'voice_encoder/__init__.py'):\n"
        "    upstream(path)\n"
        "print(sorted({'transformers', 'diffusers', 'perth', 'chatterbox'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
