"""Chatterbox Multilingual as a step machine: one call is a prefill, a few decode steps, or one flow step.

The most urgent utterance goes on, the others wait: no state is shared, and nothing is gained by decoding
them together.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.engines import Fault, Range, Take, Utterance
from worker.engines.chatterbox.ending import TokenLimits
from worker.engines.chatterbox.engine import ActiveUtterance, ChatterboxEngine
from worker.engines.chatterbox.multilingual.checkpoint import MultilingualModels
from worker.engines.chatterbox.multilingual.decoder import DecodingInput, GuidedDecoding
from worker.engines.chatterbox.multilingual.text import LANGUAGES, lacking, prepared
from worker.engines.chatterbox.multilingual.voice import MultilingualVoice
from worker.engines.chatterbox.out_of_memory import uniform
from worker.engines.takes.judge import plausible_tokens
from worker.errors import UnsupportedLanguageError

__all__ = ["MultilingualEngine", "without_last_token"]

STEPS = 4  # decode steps in one call
TOKEN = 960  # samples of a speech token


@dataclass(slots=True, eq=False)
class MultilingualUtterance(ActiveUtterance[MultilingualVoice, GuidedDecoding]):
    """An utterance inside: to be read, being decoded, or becoming a waveform."""

    rendering: Generator[None, None, list[Tensor]] | None = None


class MultilingualEngine(ChatterboxEngine[MultilingualVoice, MultilingualUtterance]):
    """Speak 23 languages; the same utterance gives the same samples, alone or beside others."""

    ahead = 1
    options: Mapping[str, Range] = {
        "temperature": Range(0.05, 2.0),
        "top_p": Range(0.01, 1.0),
        "min_p": Range(0.0, 1.0),
        "repetition_penalty": Range(1.0, 3.0),
        "exaggeration": Range(0.0, 2.0),
        "cfg_weight": Range(0.0, 1.0),
    }
    tags = False
    most_text = 1_024  # a Chinese character is up to six tokens
    active_class = MultilingualUtterance

    def __init__(
        self,
        models: MultilingualModels,
        *,
        slots: int = 1,
        prompt_seconds: float | None = None,
        flow_steps: int = 10,
    ) -> None:
        """Speak with loaded models.

        Args:
            models: on one device.
            slots: utterances inside at once.
            prompt_seconds: of the voice's recording that S3Gen is given; None for all of it (10 s).
            flow_steps: of S3Gen's flow.
        """
        super().__init__(models, slots, prompt_seconds, flow_steps)
        self.lacking: Mapping[str, str] = lacking(models.folder)
        self.languages = LANGUAGES - set(self.lacking)

    def _text_tokens(self, utterance: Utterance) -> list[int]:
        if utterance.language not in self.languages:
            raise UnsupportedLanguageError(
                f"language is {utterance.language[:20]!r}, which is not spoken here"
            )
        inside = {"begins_inside": utterance.begins_inside, "ends_inside": utterance.ends_inside}
        text = prepared(utterance.text, **inside)
        return self._models.tokenizer.encode(text, utterance.language) if text else []

    def _advance(self, active: list[MultilingualUtterance]) -> list[Take | Fault]:
        try:
            return self._advance_one(active[0])
        except torch.OutOfMemoryError:
            return [self._out_of_memory(active[0])]

    @uniform()
    def _advance_one(self, active: MultilingualUtterance) -> list[Take | Fault]:
        if active.decoding is None:
            active.decoding = self._begin(active)
        elif not active.decoding.ended:
            for _ in range(STEPS):
                if not active.decoding.ended:
                    active.decoding.decode_step()
        else:
            return self._render(active, stopped=active.decoding.stopped)
        return []

    def _begin(self, active: MultilingualUtterance) -> GuidedDecoding:
        """Prefill one utterance; what its voice needs is computed now if nothing kept it."""
        utterance, models = active.utterance, self._models
        with torch.inference_mode():
            prefix = active.voice.prefix(models.t3)
        pace = models.manifest.tokens_per_character
        limits = TokenLimits.of(utterance.text, plausible_tokens(utterance.text)[1], pace)
        ask = DecodingInput(prefix, active.text, limits, utterance.sampling)
        return GuidedDecoding(models.t3, ask, active.generator)

    def _render(self, active: MultilingualUtterance, *, stopped: bool) -> list[Take | Fault]:
        """Take a step towards the waveform; after the last one, return the take."""
        s3gen = self._models.s3gen
        if active.rendering is None:
            active.rendering = s3gen.stepwise([active.job(s3gen, self._prompt_seconds, self._flow_steps)])
        try:
            next(active.rendering)
        except StopIteration as end:
            self.drop(active.utterance.id)
            wave = without_last_token(end.value[0])
            return [Take(active.utterance.id, wave.numpy(), stopped=stopped)]
        return []


def without_last_token(wave: Tensor) -> Tensor:
    """Return a waveform but for the samples of its last token, unless that is the only one.

    It is made just before the end, and what it becomes is noise (upstream's mtl_tts.py cuts it off, too).
    """
    return wave[: max(TOKEN, len(wave) - TOKEN)]
