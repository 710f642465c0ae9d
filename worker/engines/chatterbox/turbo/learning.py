"""Chatterbox-Turbo that learns voices: from a clip once, then from the file that this gave."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from worker.engines import Clip
from worker.engines.chatterbox.cloning import Cloner
from worker.engines.chatterbox.learned import check_labels, labels, recipe
from worker.engines.chatterbox.turbo.checkpoint import TurboModels
from worker.engines.chatterbox.turbo.cloning import load_cloner
from worker.engines.chatterbox.turbo.engine import TurboEngine
from worker.engines.chatterbox.turbo.voice import TurboVoice

__all__ = ["LearningEngine"]


class LearningEngine(TurboEngine):
    """Speaks as `TurboEngine`, and with voices that are learned between two steps."""

    clones = True

    def __init__(self, models: TurboModels, folder: Path, **options: Any) -> None:
        """Speak with loaded models; those for learning are loaded from `folder` by the first `learn`."""
        super().__init__(models, **options)
        self.recipe = recipe("turbo", models.manifest, models.precision)
        self._folder = folder
        self._cloner: Cloner | None = None

    def learn(self, voice: str, clip: Clip) -> bytes:
        """Make the voice of a clip ready; return its conditioning and prefix as a safetensors file.

        Raises:
            VoiceUnusableError: The models are not there, or make nothing of the clip.
        """
        learned = TurboVoice(self._models_for_learning().condition(clip))
        with torch.inference_mode():
            learned.prefix(self._models.t3)
        self._voices[voice] = learned
        return learned.to_bytes(self._models.precision, labels(clip.sha256, self.recipe))

    def recall(self, voice: str, data: bytes) -> None:
        """Make a voice ready from its file.

        Raises:
            ValueError: The data are damaged, or of another clip, weights or precision.
        """
        check_labels(data, voice, self.recipe)
        try:
            recalled = TurboVoice.from_bytes(data, self._models.precision)
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"damaged: {type(error).__name__}") from error
        with torch.inference_mode():
            recalled.prefix(self._models.t3)
        self._voices[voice] = recalled

    def forget(self, voice: str) -> None:
        """Free a learned voice; those inside that speak with it keep it to their end."""
        self._voices.pop(voice, None)

    def _models_for_learning(self) -> Cloner:
        if self._cloner is None:
            self._cloner = load_cloner(self._folder, self._models.t3.device)
        return self._cloner
