"""The preview engine: hibari-tts, a small neural English voice that ships inside its wheel.

Apache-2.0, numpy and onnxruntime only, about a hundred times real time on one core. It lets
everything be tried without a GPU or weights; it never stands in for Chatterbox in production.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from segmenter.atoms import TAG
from worker.engines import Fault, Pcm, Range, Take, Utterance
from worker.errors import StartError

__all__ = ["PreviewEngine"]

SILENCE = np.zeros(2_400, np.float32)  # 100 ms, for an utterance without a word


@dataclass(slots=True)
class PreviewUtterance:
    """An utterance inside: its phonemes, sentence by sentence, and what is spoken of them."""

    utterance: Utterance
    sentences: list[str]
    rng: np.random.Generator
    spoken: list[Pcm] = field(default_factory=list)


class PreviewEngine:
    """Speak English with hibari's built-in voice; one step speaks one sentence."""

    name = "preview"
    device = "cpu"
    sample_rate = 24_000
    ahead = 1
    languages = frozenset({"en"})
    lacking: Mapping[str, str] = MappingProxyType({})
    voices: tuple[str, ...] = ("default",)
    options: Mapping[str, Range] = {}
    tags = False
    clones = False

    def __init__(self, slots: int = 8) -> None:
        """Load the voice.

        Raises:
            StartError: hibari-tts is not installed, or its model does not load.
        """
        self.slots = slots
        self._active: dict[int, PreviewUtterance] = {}
        self._voice = load_voice()

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more; tags are left out, as the voice has no sounds but words."""
        phonemes = self._voice.phonemize(TAG.sub(" ", utterance.text))
        rng = np.random.default_rng(utterance.seed)
        self._active[utterance.id] = PreviewUtterance(utterance, list(phonemes), rng)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Speak one sentence of the most urgent utterance."""
        key = order[0]
        active = self._active[key]
        if active.sentences:
            ids = self._voice.ids(active.sentences.pop(0))
            active.spoken.append(self._voice.from_ids(ids, active.utterance.speed, active.rng))
        if active.sentences:
            return []
        del self._active[key]
        pcm = np.concatenate(active.spoken) if active.spoken else SILENCE
        return [Take(key, np.clip(pcm, -1.0, 1.0).astype(np.float32, copy=False))]

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        self._active.pop(utterance, None)


def load_voice() -> Any:
    """Return hibari's voice with everything read that the first sentence needs."""
    try:
        from hibari import Hibari  # noqa: PLC0415 - half a second, and only where it speaks
    except ImportError as error:
        raise StartError("TTS_ENGINE=preview needs hibari-tts: pip install hibari-tts") from error
    voice = Hibari()
    voice("Ready.", seed=0)  # reads the lexicon and warms the session up
    return voice
