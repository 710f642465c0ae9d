"""What a voice is to the models: the tensors that upstream computes from a reference clip."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import torch
from safetensors.torch import load, save
from torch import Tensor

__all__ = ["Conditioning"]


@dataclass(frozen=True, slots=True)
class Conditioning:
    """One voice, as `prepare_conditionals` of upstream's tts_turbo.py makes it; on the CPU.

    The ids stay integers: upstream casts them to the model's dtype, which changes most of them in
    half precision.
    """

    speaker_embedding: Tensor  # [1, 256] float32, T3's
    prompt_tokens: Tensor  # [1, 375] int64, the speech tokens of up to 15 s, T3's
    s3_prompt_tokens: Tensor  # [1, P] int64, the speech tokens of up to 10 s, S3Gen's
    s3_prompt_mel: Tensor  # [1, 2 * P, 80] float32, of the same audio
    s3_embedding: Tensor  # [1, 192] float32, CAMPPlus's x-vector

    @classmethod
    def from_upstream(cls, file: Path) -> Self:
        """Read upstream's `conds.pt`; a pickle that holds anything but tensors is refused."""
        found = torch.load(file, map_location="cpu", weights_only=True)
        return cls.from_parts(found["t3"], found["gen"])

    @classmethod
    def from_parts(cls, t3: Mapping[str, Tensor], gen: Mapping[str, Tensor]) -> Self:
        """Take the tensors of upstream's `T3Cond` and of its dictionary for S3Gen."""
        tokens = gen["prompt_token"].long()
        return cls(
            speaker_embedding=t3["speaker_emb"].float().view(1, -1),
            prompt_tokens=t3["cond_prompt_speech_tokens"].long().view(1, -1),
            s3_prompt_tokens=tokens.view(1, -1),
            s3_prompt_mel=gen["prompt_feat"].float(),
            s3_embedding=gen["embedding"].float().view(1, -1),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a safetensors file of `tensors`; raises `SafetensorError` or `KeyError` on other data."""
        return cls.of(load(data))

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Take tensors by the names of the fields; raises `KeyError` where one is missing."""
        return cls(**{field.name: tensors[field.name] for field in fields(cls)})

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by name."""
        return {field.name: getattr(self, field.name).contiguous() for field in fields(self)}

    def to_bytes(self) -> bytes:
        """Return the tensors as a safetensors file."""
        return save(self.tensors())
