"""A voice of the multilingual model's."""

from dataclasses import dataclass, field

from torch import Tensor

from worker.engines.chatterbox.multilingual.llama import Llama
from worker.engines.chatterbox.voice import PreparedVoice

__all__ = ["MultilingualVoice"]


@dataclass(slots=True, eq=False)
class MultilingualVoice(PreparedVoice):
    """One voice, with T3's rows of it."""

    _prefix: Tensor | None = field(default=None, init=False)

    def prefix(self, t3: Llama) -> Tensor:
        """Return the voice's rows [33, dim], computed on first use."""
        if self._prefix is None:
            self._prefix = t3.embed_voice(self.conditioning)
        return self._prefix
