"""A checkpoint, mapped and checked: T3, S3Gen, tokenizer and the default voice, ready to speak.

Nothing is built to be overwritten and nothing is copied that is used as it is stored: pages of the
files are read when they are first touched.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor

from worker.engines.chatterbox.cloning import Cloner, PromptFormat, load_cloner
from worker.engines.chatterbox.files import Manifest, first_there
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.s3gen import S3Gen
from worker.engines.chatterbox.t3 import HEAD, Make
from worker.engines.chatterbox.tensors import (
    CLONING,
    activations,
    default_voice,
    maker,
    map_tensors,
    pick_precision,
    vocoder_dtype,
)
from worker.engines.chatterbox.voice import PreparedVoice

__all__ = ["Architecture", "LoadedModels"]

T3Kind = TypeVar("T3Kind")
TokenizerKind = TypeVar("TokenizerKind")
VoiceKind = TypeVar("VoiceKind", bound=PreparedVoice)


@dataclass(frozen=True, slots=True)
class LoadedModels(Generic[T3Kind, TokenizerKind, VoiceKind]):
    """All that speaking needs, on one device."""

    architecture: "Architecture[T3Kind, TokenizerKind, VoiceKind]"
    folder: Path  # what only learning voices or single languages need is read from it later
    t3: T3Kind
    s3gen: S3Gen
    tokenizer: TokenizerKind
    voice: VoiceKind  # the default one
    manifest: Manifest
    precision: str


@dataclass(frozen=True, slots=True)
class Architecture(Generic[T3Kind, TokenizerKind, VoiceKind]):
    """What one of Chatterbox's models is made of.

    Attributes:
        model: its files.
        unused: beginnings of the names of T3's tensors that are never read when speaking.
        products: ends of the names of T3's matrix products, but for the head.
        transposed: whether their released weights are stored as [in, out].
        check_shapes: raise StartError if tensors are not this T3's.
        t3: make T3 of its tensors, of what makes its products, in a dtype on a device.
        tokenizer: read it from a checkpoint's folder.
        voice: the class of its voices.
        prompt: how much of a clip T3 is given.
    """

    model: Model
    unused: tuple[str, ...]
    products: tuple[str, ...]
    transposed: bool
    check_shapes: Callable[[Mapping[str, Tensor]], None]
    t3: Callable[[Mapping[str, Tensor], Make, torch.dtype, torch.device], T3Kind]
    tokenizer: Callable[[Path], TokenizerKind]
    voice: type[VoiceKind]
    prompt: PromptFormat

    def load(
        self, folder: Path, device: torch.device, precision: str = "auto", vocoder: str = "auto"
    ) -> LoadedModels[T3Kind, TokenizerKind, VoiceKind]:
        """Load a checkpoint; `precision` and `vocoder` as in `worker.settings`.

        Raises:
            StartError: A file is missing, damaged, of another model or of another precision; the
                message is one line that says what to do.
        """
        manifest = Manifest.read(folder)
        precision = pick_precision(precision, manifest, device)
        tensors = self.t3_tensors(folder)
        transposed = self.transposed and manifest.precision is None
        make = maker(tensors, precision, device, transposed=transposed)
        t3 = self.t3(tensors, make, activations(precision), device)
        s3_dtype = torch.float32 if precision == "fp32" else torch.bfloat16
        vocoder_type = vocoder_dtype(vocoder, precision, device)
        s3gen = S3Gen.load(
            self.s3_tensors(folder, CLONING), device=device, dtype=s3_dtype, vocoder_dtype=vocoder_type
        )
        voice = default_voice(folder, partial(self.voice.of, precision=precision))
        return LoadedModels(self, folder, t3, s3gen, self.tokenizer(folder), voice, manifest, precision)

    def t3_tensors(self, folder: Path) -> dict[str, Tensor]:
        """Return T3's tensors of a checkpoint, mapped and checked; raises StartError."""
        tensors = map_tensors(folder / self.model.t3_file, self.unused)
        self.check_shapes(tensors)
        return tensors

    def s3_tensors(self, folder: Path, without: tuple[str, ...] = ()) -> dict[str, Tensor]:
        """Return S3Gen's tensors, as baked or as released; raises StartError."""
        return map_tensors(folder / first_there(folder, self.model.s3_files), without)

    def cloning_tensors(self, folder: Path) -> dict[str, Tensor]:
        """Return the tensors of the released files that learning a voice reads; raises StartError."""
        encoder = map_tensors(folder / self.model.voice_encoder)
        return self.s3_tensors(folder) | {f"ve.{name}": tensor for name, tensor in encoder.items()}

    def cloner(self, folder: Path, device: torch.device) -> Cloner:
        """Load the models for learning voices, as baked or as released; raises VoiceUnusableError."""
        return load_cloner(folder, device, self.prompt, self.cloning_tensors)

    def is_product(self, name: str) -> bool:
        """Return whether a tensor of T3 is the weight of a matrix product in every step."""
        return name == f"{HEAD}.weight" or name.removesuffix(".weight").endswith(self.products)
