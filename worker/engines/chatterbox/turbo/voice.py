"""A voice of Turbo's: its prefix costs a second on a CPU, so it is computed once and kept in its file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from safetensors.torch import save
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.turbo.slots import Prefix
from worker.engines.chatterbox.turbo.t3 import T3
from worker.engines.chatterbox.voice import PreparedVoice

__all__ = ["TurboVoice"]

PREFIX = "prefix_kv"


@dataclass(slots=True, eq=False)
class TurboVoice(PreparedVoice):
    """One voice, with the keys and values of its prefix."""

    stored: Tensor | None = None  # keys and values from the voice's file
    _prefix: Prefix | None = field(default=None, init=False)

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], precision: str) -> Self:
        """Take the tensors of a voice's file; a prefix of another precision is computed anew.

        Raises:
            KeyError: They are something else.
        """
        return cls(Conditioning.of(tensors), tensors.get(f"{PREFIX}.{precision}"))

    def to_bytes(self, precision: str, labels: dict[str, str] | None = None) -> bytes:
        """Return the voice as a safetensors file with these labels, and its prefix if that was computed."""
        kv = self.stored if self._prefix is None else self._prefix.kv
        prefix = {} if kv is None else {f"{PREFIX}.{precision}": kv.cpu().contiguous()}
        return save(self.conditioning.tensors() | prefix, labels)

    def prefix(self, t3: T3) -> Prefix:
        """Return the voice's keys and values, computed on first use if its file had none."""
        if self._prefix is None:
            kv = self.stored
            self._prefix = Prefix.of(t3, self.conditioning) if kv is None else Prefix(kv.to(t3.device))
            self.stored = None
        return self._prefix
