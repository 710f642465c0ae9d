"""Chatterbox Multilingual as a step machine: one call is a reading, a few decode steps, or one flow step.

The most urgent utterance goes on, the others wait: no state is shared, and nothing is gained beside it.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from worker.engines import Clip, Fault, Range, Take, Utterance
from worker.engines.chatterbox.cloning import Cloner
from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.learned import check_labels, labels, recipe
from worker.engines.chatterbox.multilingual.checkpoint import MultilingualModels
from worker.engines.chatterbox.multilingual.cloning import load_cloner
from worker.engines.chatterbox.multilingual.decoder import DecodingInput, GuidedDecoding
from worker.engines.chatterbox.multilingual.text import LANGUAGES, lacking, prepared
from worker.engines.chatterbox.s3gen import SPEECH_IDS, S3Job, S3Voice
from worker.engines.chatterbox.shortage import uniform
from worker.engines.chatterbox.t3 import SILENCE
from worker.engines.takes.judge import plausible_tokens
from worker.errors import EngineFailedError, InvalidInputError, OutOfMemoryError, UnsupportedLanguageError

__all__ = ["MultilingualEngine"]

STEPS = 4  # decode steps in one call
MOST_TOKENS = 1_000  # 40 s, where upstream cuts and says nothing
MOST_TEXT = 1_024  # text tokens of one utterance; a Chinese character is up to six
RANGES: Mapping[str, Range] = {
    "temperature": Range(0.05, 2.0),
    "top_p": Range(0.01, 1.0),
    "min_p": Range(0.0, 1.0),
    "repetition_penalty": Range(1.0, 3.0),
    "exaggeration": Range(0.0, 2.0),
    "cfg_weight": Range(0.0, 1.0),
}


@dataclass(slots=True, eq=False)
class MultilingualVoice:
    """One voice, and what is computed from it once."""

    conditioning: Conditioning
    rows: Tensor | None = None  # T3's
    s3: S3Voice | None = None


@dataclass(slots=True, eq=False)
class MultilingualUtterance:
    """An utterance inside: to be read, being decoded, or becoming a waveform."""

    utterance: Utterance
    voice: MultilingualVoice
    text: list[int]
    generator: torch.Generator
    decoding: GuidedDecoding | None = None
    waveform: Generator[None, None, list[Tensor]] | None = None


class MultilingualEngine:
    """Speak 23 languages; the same utterance gives the same samples, alone or beside others."""

    name = "chatterbox-multilingual"
    sample_rate = 24_000
    ahead = 1
    options = RANGES
    tags = False
    clones = True

    def __init__(
        self,
        models: MultilingualModels,
        folder: Path,
        *,
        slots: int = 1,
        prompt_seconds: float | None = None,
        flow_steps: int = 10,
    ) -> None:
        """Speak with loaded models.

        Args:
            models: on one device.
            folder: theirs; what only learning voices or single languages need is read from it later.
            slots: utterances inside at once.
            prompt_seconds: of the voice's recording that S3Gen hears; None for all of it (10 s).
            flow_steps: of S3Gen's flow.
        """
        self.device = models.llama.device.type
        self.slots = slots
        self.lacking: Mapping[str, str] = lacking(folder)
        self.languages = LANGUAGES - set(self.lacking)
        self.voices: tuple[str, ...] = ("default",)
        self.recipe = recipe("multilingual", models.manifest, models.precision)
        self._models = models
        self._folder = folder
        self._prompt_seconds = prompt_seconds
        self._flow_steps = flow_steps
        self._voices = {"default": MultilingualVoice(models.voice)}
        self._cloner: Cloner | None = None
        self._inside: dict[int, MultilingualUtterance] = {}
        self._faults: list[Take | Fault] = []

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more."""
        try:
            self._inside[utterance.id] = self._taken(utterance)
        except (InvalidInputError, EngineFailedError) as error:
            self._faults.append(Fault(utterance.id, error))

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Do what the most urgent utterance needs."""
        if self._faults:
            faults, self._faults = self._faults, []
            return faults
        inside = next((self._inside[key] for key in order if key in self._inside), None)
        if inside is None:
            return []
        try:
            return self._advanced(inside)
        except torch.OutOfMemoryError:
            self.drop(inside.utterance.id)
            torch.cuda.empty_cache()
            error = OutOfMemoryError("the device has no memory left for this speech")
            return [Fault(inside.utterance.id, error)]

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        self._inside.pop(utterance, None)

    def learn(self, voice: str, clip: Clip) -> bytes:
        """Make the voice of a clip ready; return its conditioning as a safetensors file.

        Raises:
            VoiceUnusableError: The models are not there, or make nothing of the clip.
        """
        if self._cloner is None:
            self._cloner = load_cloner(self._folder, self._models.llama.device)
        conditioning = self._cloner.condition(clip)
        self._voices[voice] = MultilingualVoice(conditioning)
        return save(conditioning.tensors(), labels(clip.sha256, self.recipe))

    def recall(self, voice: str, data: bytes) -> None:
        """Make a voice ready from its file.

        Raises:
            ValueError: The data are damaged, or of another clip, weights or precision.
        """
        check_labels(data, voice, self.recipe)
        try:
            self._voices[voice] = MultilingualVoice(Conditioning.of(load(data)))
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"damaged: {type(error).__name__}") from error

    def forget(self, voice: str) -> None:
        """Free a learned voice; those inside that speak with it keep it to their end."""
        self._voices.pop(voice, None)

    def _taken(self, utterance: Utterance) -> MultilingualUtterance:
        """Return an utterance, its text read; raises what becomes its fault."""
        if utterance.language not in self.languages:
            raise UnsupportedLanguageError(
                f"language is {utterance.language[:20]!r}, which is not spoken here"
            )
        voice = self._voices.get(utterance.voice)
        if voice is None:
            raise EngineFailedError("the voice is not ready")
        plain = prepared(utterance.text)
        text = self._models.reader.tokens(plain, utterance.language) if plain else []
        if not 1 <= len(text) <= MOST_TEXT or max(text) >= self._models.llama.text_vocabulary:
            raise InvalidInputError("text has a segment that the model cannot read")
        return MultilingualUtterance(utterance, voice, text, torch.Generator().manual_seed(utterance.seed))

    @uniform()
    def _advanced(self, inside: MultilingualUtterance) -> list[Take | Fault]:
        if inside.decoding is None:
            inside.decoding = self._begun(inside)
        elif not inside.decoding.ended:
            for _ in range(STEPS):
                if not inside.decoding.ended:
                    inside.decoding.step()
        else:
            return self._vocoded(inside, inside.decoding)
        return []

    def _begun(self, inside: MultilingualUtterance) -> GuidedDecoding:
        """Read one utterance; what its voice needs is computed now if nothing kept it."""
        utterance, voice, models = inside.utterance, inside.voice, self._models
        if voice.rows is None:
            with torch.inference_mode():
                voice.rows = models.llama.embed_voice(voice.conditioning)
        pace = models.manifest.tokens_per_character
        fewest, most = plausible_tokens(utterance.text)
        if pace is not None:
            most = round(pace * len(utterance.text))
        most = max(1, min(MOST_TOKENS, most))
        ask = DecodingInput(voice.rows, inside.text, most, pace is not None, utterance.sampling, fewest)
        return GuidedDecoding(models.llama, ask, inside.generator)

    def _vocoded(self, inside: MultilingualUtterance, decoding: GuidedDecoding) -> list[Take | Fault]:
        """Take a step towards the waveform; with the last one, the utterance leaves."""
        spoken = [token for token in decoding.spoken if token < SPEECH_IDS] or [SILENCE]
        if inside.waveform is None:
            inside.waveform = self._models.s3gen.stepwise([self._job(inside, spoken)])
        try:
            next(inside.waveform)
        except StopIteration as end:
            self.drop(inside.utterance.id)
            wave: Tensor = end.value[0]
            return [Take(inside.utterance.id, wave.numpy(), stopped=decoding.stopped)]
        return []

    def _job(self, inside: MultilingualUtterance, spoken: list[int]) -> S3Job:
        voice = inside.voice
        if voice.s3 is None:
            voice.s3 = self._models.s3gen.voice(voice.conditioning, self._prompt_seconds)
        return S3Job(torch.tensor(spoken), voice.s3, inside.generator, self._flow_steps)
