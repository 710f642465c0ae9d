"""What Chatterbox's engines do once: take utterances in, learn voices, report what failed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from worker.engines import Clip, Fault, Take, Utterance
from worker.engines.chatterbox.checkpoint import LoadedModels
from worker.engines.chatterbox.cloning import Cloner
from worker.engines.chatterbox.ending import SpeechTokens
from worker.engines.chatterbox.learned import check_labels, labels, recipe
from worker.engines.chatterbox.s3gen import SPEECH_IDS, S3Gen, S3Job
from worker.engines.chatterbox.t3 import SILENCE
from worker.engines.chatterbox.voice import PreparedVoice
from worker.errors import EngineFailedError, InvalidInputError, OutOfMemoryError

__all__ = ["ActiveUtterance", "ChatterboxEngine"]

VoiceKind = TypeVar("VoiceKind", bound=PreparedVoice)
Active = TypeVar("Active", bound="ActiveUtterance[Any, Any]")
Decoded = TypeVar("Decoded", bound=SpeechTokens)


@dataclass(slots=True, eq=False)
class ActiveUtterance(Generic[VoiceKind, Decoded]):
    """An utterance inside: to be read, being decoded, or becoming a waveform."""

    utterance: Utterance
    voice: VoiceKind
    text: list[int]  # text tokens
    generator: torch.Generator
    decoding: Decoded | None = None

    def job(
        self, s3gen: S3Gen, prompt_seconds: float | None, flow_steps: int, ending: Sequence[int] = ()
    ) -> S3Job:
        """Return what S3Gen has to do for the decoded tokens, followed by those of an `ending`."""
        decoded = [] if self.decoding is None else self.decoding.spoken
        tokens = [token for token in (*decoded, *ending) if token < SPEECH_IDS] or [SILENCE]
        voice = self.voice.s3(s3gen, prompt_seconds)
        return S3Job(torch.tensor(tokens), voice, self.generator, flow_steps)


class ChatterboxEngine(ABC, Generic[VoiceKind, Active]):
    """Utterances and voices of an engine; how one is decoded and rendered is the model's own."""

    sample_rate = 24_000
    clones = True
    most_text: ClassVar[int]  # text tokens of one utterance
    active_class: type[Active]

    def __init__(
        self,
        models: LoadedModels[Any, Any, VoiceKind],
        slots: int,
        prompt_seconds: float | None,
        flow_steps: int,
    ) -> None:
        self.name: str = models.architecture.model.name
        self.device: str = models.t3.device.type
        self.slots = slots
        self.voices: tuple[str, ...] = ("default",)
        self.recipe = recipe(models.architecture.model.short, models.manifest, models.precision)
        self._models = models
        self._prompt_seconds = prompt_seconds
        self._flow_steps = flow_steps
        self._voices = {"default": models.voice}
        self._cloner: Cloner | None = None
        self._active: dict[int, Active] = {}
        self._faults: list[Take | Fault] = []

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more."""
        try:
            self._active[utterance.id] = self._read(utterance)
        except (InvalidInputError, EngineFailedError) as error:
            self._faults.append(Fault(utterance.id, error))

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Do what the most urgent utterance needs."""
        if self._faults:
            faults, self._faults = self._faults, []
            return faults
        active = [self._active[key] for key in order if key in self._active]
        return self._advance(active) if active else []

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        self._active.pop(utterance, None)

    def learn(self, voice: str, clip: Clip) -> bytes:
        """Make the voice of a clip ready; return the safetensors file that recalls it.

        Raises:
            VoiceUnusableError: The models for it are not there, or no voice can be learned from the clip.
        """
        models = self._models
        if self._cloner is None:
            self._cloner = models.architecture.cloner(models.folder, models.t3.device)
        learned = self._ready(voice, self._cloner.condition(clip).tensors())
        return learned.to_bytes(models.precision, labels(clip.sha256, self.recipe))

    def recall(self, voice: str, data: bytes) -> None:
        """Make a voice ready from its file.

        Raises:
            ValueError: The data are damaged, or of another clip, weights or precision.
        """
        check_labels(data, voice, self.recipe)
        try:
            self._ready(voice, load(data))
        except (SafetensorError, KeyError) as error:
            raise ValueError(f"damaged: {type(error).__name__}") from error

    def forget(self, voice: str) -> None:
        """Free a learned voice; those inside that speak with it keep it to their end."""
        self._voices.pop(voice, None)

    def _read(self, utterance: Utterance) -> Active:
        """Return an utterance with its text tokens; raises what becomes its fault."""
        voice = self._voices.get(utterance.voice)
        if voice is None:
            raise EngineFailedError("the voice is not ready")
        text = self._text_tokens(utterance)
        if not 1 <= len(text) <= self.most_text or max(text) >= self._models.t3.text_vocabulary:
            raise InvalidInputError("text has a segment that the model cannot read")
        return self.active_class(utterance, voice, text, torch.Generator().manual_seed(utterance.seed))

    def _ready(self, key: str, tensors: dict[str, torch.Tensor]) -> VoiceKind:
        """Keep the voice of a file's tensors, with what is computed once."""
        voice = self._models.architecture.voice.of(tensors, self._models.precision)
        with torch.inference_mode():
            voice.prefix(self._models.t3)
        self._voices[key] = voice
        return voice

    def _out_of_memory(self, active: Active) -> Fault:
        """Drop an utterance for which there is no memory; return its fault."""
        self.drop(active.utterance.id)
        if self.device == "cuda":
            torch.cuda.empty_cache()
        return Fault(active.utterance.id, OutOfMemoryError("the device has no memory left for this speech"))

    @abstractmethod
    def _text_tokens(self, utterance: Utterance) -> list[int]:
        """Return an utterance's text tokens; raises what becomes its fault."""

    @abstractmethod
    def _advance(self, active: list[Active]) -> list[Take | Fault]:
        """Do one bounded step of those inside, the most urgent first."""
