"""A voice as an engine keeps it: its conditioning, and what is computed from it once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from safetensors.torch import save
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.s3gen import S3Gen, S3Voice

__all__ = ["PreparedVoice"]


@dataclass(slots=True, eq=False)
class PreparedVoice(ABC):
    """One voice of a model."""

    conditioning: Conditioning
    _s3: S3Voice | None = field(default=None, init=False)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], precision: str) -> Self:  # noqa: ARG003 - a model's own may need it
        """Take the tensors of a voice's file, as they were computed in a precision.

        Raises:
            KeyError: They are something else.
        """
        return cls(Conditioning.of(tensors))

    def to_bytes(self, precision: str, labels: dict[str, str] | None = None) -> bytes:  # noqa: ARG002 - likewise
        """Return the voice as a safetensors file with these labels."""
        return save(self.conditioning.tensors(), labels)

    @abstractmethod
    def prefix(self, t3: Any) -> Any:
        """Return what T3 reads of the voice before the text, computed on first use."""

    def s3(self, s3gen: S3Gen, prompt_seconds: float | None) -> S3Voice:
        """Return what S3Gen reads of the voice, computed on first use."""
        if self._s3 is None:
            self._s3 = s3gen.voice(self.conditioning, prompt_seconds)
        return self._s3
