"""From a clip to a voice: upstream's own models for it, and its order of steps.

The classes come from the files of the chatterbox package, each loaded alone: importing the package
itself brings transformers, diffusers and a watermark that learning a voice has no use for, and
takes more than twice as long. Nothing of this is imported before the first voice is learned.
"""

import importlib.util
import math
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from worker.engines import CLIP_RATE, Clip, Pcm
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.files import CLONING_FILE
from worker.engines.resample import resampled
from worker.errors import StartError, VoiceUnusableError

__all__ = ["Cloner", "PromptFormat", "load_cloner"]

LOUDNESS = -27.0  # LUFS; what upstream brings a clip to
S3_RATE = 16_000  # Hz; of the speech tokenizer's and both speaker encoders' input
S3_SECONDS = 10  # of the clip, in S3Gen
PACKAGE = "chatterbox"


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How much of a clip T3 is given, and whether the clip is brought to a common loudness first."""

    seconds: int
    tokens: int  # speech tokens that they become
    levelled: bool


class Cloner:
    """The models that turn a clip into a voice; half a gigabyte, on one device, in float32."""

    def __init__(self, weights: Mapping[str, Tensor], device: torch.device, prompt: PromptFormat) -> None:
        """Build the models of `weights`: `tokenizer.*`, `speaker_encoder.*` and `ve.*`."""
        parts = {name: weights_below(weights, name) for name in ("tokenizer", "speaker_encoder", "ve")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the package and of what it imports, about themselves
            self._mel = upstream("s3gen/utils/mel.py").mel_spectrogram
            tokenizer = upstream("s3tokenizer/s3tokenizer.py").S3Tokenizer("speech_tokenizer_v2_25hz")
            speaker = upstream("s3gen/xvector.py").CAMPPlus(memory_efficient=False)
            encoder = upstream("voice_encoder/__init__.py").VoiceEncoder()
        self._device = device
        self._prompt = prompt
        self._tokenizer = with_weights(tokenizer, parts["tokenizer"], device)
        self._speaker = with_weights(speaker, parts["speaker_encoder"], device)
        self._encoder = with_weights(encoder, parts["ve"], device)

    @torch.inference_mode()
    def condition(self, clip: Clip) -> Conditioning:
        """Return what upstream's `prepare_conditionals` makes of the clip, on the CPU.

        Raises:
            VoiceUnusableError: No voice can be learned from it.
        """
        levelled = at_loudness(clip.pcm) if self._prompt.levelled else clip.pcm
        narrow = resampled(levelled, CLIP_RATE, S3_RATE)
        tokens, mel, embedding = self._for_s3gen(levelled[: S3_SECONDS * CLIP_RATE])
        opening = torch.from_numpy(narrow[: self._prompt.seconds * S3_RATE])
        prompt, _ = self._tokenizer([opening], max_len=self._prompt.tokens)
        speaker = torch.from_numpy(self._encoder.embeds_from_wavs([narrow], sample_rate=S3_RATE))
        made = Conditioning(
            speaker_embedding=speaker.mean(dim=0, keepdim=True).float().cpu(),
            prompt_tokens=prompt.long().view(1, -1).cpu(),
            s3_prompt_tokens=tokens.long().cpu(),
            s3_prompt_mel=mel.float().cpu(),
            s3_embedding=embedding.float().cpu(),
        )
        if not all(part.isfinite().all() for part in (made.speaker_embedding, made.s3_embedding)):
            raise VoiceUnusableError("the clip holds no speech that a voice can be learned from")
        return made

    def _for_s3gen(self, pcm: Pcm) -> tuple[Tensor, Tensor, Tensor]:
        """Return S3Gen's prompt tokens [1, P], mel [1, 2 P, 80] and x-vector [1, 192]."""
        from torchaudio.transforms import Resample  # noqa: PLC0415 - as the models

        wide = torch.from_numpy(pcm)[None].to(self._device)
        mel = self._mel(wide).transpose(1, 2)
        narrow = Resample(CLIP_RATE, S3_RATE).to(self._device)(wide)
        embedding = self._speaker.inference(narrow)
        tokens, _ = self._tokenizer(narrow)
        return tokens[:, : mel.shape[1] // 2], mel, embedding


def load_cloner(
    folder: Path,
    device: torch.device,
    prompt: PromptFormat,
    released: Callable[[Path], Mapping[str, Tensor]],
) -> Cloner:
    """Load the models for learning from a checkpoint's folder, as baked, or else by `released`.

    Raises:
        VoiceUnusableError: They are not there, or are other ones.
    """
    baked = folder / CLONING_FILE
    try:
        return Cloner(load_file(baked) if baked.is_file() else released(folder), device, prompt)
    except (OSError, SafetensorError, ImportError, StartError) as error:
        raise VoiceUnusableError(
            "this worker cannot learn voices: the models for it are not there"
        ) from error


def upstream(path: str) -> ModuleType:
    """Return one of the package's modules, loaded from its file under a name of our own.

    Raises:
        VoiceUnusableError: The package is not installed.
    """
    name = "chatterpod_" + path.replace("/", "_").removesuffix(".py")
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise VoiceUnusableError("this worker cannot learn voices: chatterbox-tts is not installed")
    file = Path(package.submodule_search_locations[0]) / "models" / path
    inside = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=inside)
    assert spec is not None, "a .py file has a loader"  # noqa: S101 - our own fault alone
    assert spec.loader is not None, "a .py file has a loader"  # noqa: S101 - likewise
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that its own relative imports find it
    spec.loader.exec_module(module)
    return module


def weights_below(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the weights under `name.`, without it."""
    return {
        key.removeprefix(f"{name}."): value for key, value in weights.items() if key.startswith(f"{name}.")
    }


def with_weights(model: Any, weights: Mapping[str, Tensor], device: torch.device) -> Any:
    """Return the model with its weights, ready to be used."""
    constant = getattr(model, "ignore_state_dict_missing", ())
    missing, unexpected = model.load_state_dict(weights, strict=False, assign=True)
    wrong = [name for name in (*missing, *unexpected) if name not in constant]
    if wrong:
        raise VoiceUnusableError("this worker cannot learn voices: its checkpoint is of another model")
    return model.float().to(device).eval()


def at_loudness(pcm: Pcm) -> Pcm:
    """Return the clip at -27 LUFS, by the meter that upstream uses."""
    import pyloudnorm  # noqa: PLC0415 - as the models

    gain = 10.0 ** ((LOUDNESS - pyloudnorm.Meter(CLIP_RATE).integrated_loudness(pcm)) / 20.0)
    if not (math.isfinite(gain) and gain > 0.0):
        return pcm
    return np.asarray(pcm * np.float64(gain), np.float32)
