"""A voice as the engine keeps it: its conditioning, and what is computed from it once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from safetensors.torch import load, save
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.s3gen import S3Gen, S3Voice
from worker.engines.chatterbox.turbo.slots import Prefix
from worker.engines.chatterbox.turbo.t3 import T3

__all__ = ["TurboVoice"]

PREFIX = "prefix_kv"


@dataclass(slots=True, eq=False)
class TurboVoice:
    """One voice; the prefix costs a second on a CPU, so that it is computed once and kept in its file."""

    conditioning: Conditioning
    kv: Tensor | None = None  # the prefix's, where it was kept
    _prefix: Prefix | None = field(default=None, init=False)
    _s3: S3Voice | None = field(default=None, init=False)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], precision: str) -> "TurboVoice":
        """Take the tensors of a voice's file; a prefix of another precision is computed anew.

        Raises:
            KeyError: They are something else.
        """
        return cls(Conditioning.of(tensors), tensors.get(f"{PREFIX}.{precision}"))

    @classmethod
    def from_bytes(cls, data: bytes, precision: str) -> "TurboVoice":
        """Read what `to_bytes` wrote.

        Raises:
            KeyError, safetensors.SafetensorError: The data are something else.
        """
        return cls.of(load(data), precision)

    def to_bytes(self, precision: str, labels: dict[str, str] | None = None) -> bytes:
        """Return the voice as a safetensors file with these labels, and its prefix if that was computed."""
        kv = self.kv if self._prefix is None else self._prefix.kv
        extra = {} if kv is None else {f"{PREFIX}.{precision}": kv.cpu().contiguous()}
        return save(self.conditioning.tensors() | extra, labels)

    def prefix(self, t3: T3) -> Prefix:
        """Return the voice's keys and values, computed on first use where no file had them."""
        if self._prefix is None:
            kv = self.kv
            self._prefix = Prefix.of(t3, self.conditioning) if kv is None else Prefix(kv.to(t3.device))
            self.kv = None
        return self._prefix

    def s3(self, s3gen: S3Gen, prompt_seconds: float | None) -> S3Voice:
        """Return what S3Gen keeps of the voice."""
        if self._s3 is None:
            self._s3 = s3gen.voice(self.conditioning, prompt_seconds)
        return self._s3
