"""Chatterbox-Turbo as a step machine: one call is a prefill, a few decode steps, or one S3Gen call.

What the most urgent utterance needs is done first. Utterances that somebody waits for are decoded
before all others; the rest are decoded together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch

from worker.engines import Block, Fault, Pcm, Range, Utterance
from worker.engines.chatterbox.checkpoint import Models
from worker.engines.chatterbox.decoder import Decoder, Decoding
from worker.engines.chatterbox.fixed import FixedDecoder, Recorder
from worker.engines.chatterbox.s3gen import SPEECH_IDS, S3Job
from worker.engines.chatterbox.t3 import T3
from worker.engines.chatterbox.text import prepared
from worker.engines.chatterbox.voice import Voice
from worker.errors import EngineFailed, InvalidInput, OutOfMemory

__all__ = ["ChatterboxEngine"]

STEPS = 8  # decode steps in one call, all rows together
SILENCE = 4299  # the speech token of silence; upstream ends every utterance with three
MOST_TOKENS = 1_000  # 40 s: the model is unsteady long before
MOST_TEXT = 512  # text tokens of one utterance
MOST_PROMPT = 376  # positions of a voice: its speaker, and 15 s of speech tokens
RANGES: Mapping[str, Range] = {
    "temperature": Range(0.05, 2.0),
    "top_p": Range(0.01, 1.0),
    "top_k": Range(1, 1000, whole=True),
    "repetition_penalty": Range(1.0, 2.0),
}


@dataclass(slots=True, eq=False)
class Inside:
    """An utterance inside: waiting for a slot, being decoded, or ready for S3Gen."""

    utterance: Utterance
    voice: Voice
    text: list[int]
    generator: torch.Generator
    decoding: Decoding | None = None

    @property
    def waits(self) -> bool:
        """Whether it has no slot yet."""
        return self.decoding is None

    @property
    def decodes(self) -> bool:
        """Whether there are tokens to decode."""
        return self.decoding is not None and not self.decoding.ended


class ChatterboxEngine:
    """Speak with Chatterbox-Turbo; the same utterance gives the same samples, alone or beside others."""

    name = "chatterbox-turbo"
    sample_rate = 24_000
    languages = frozenset({"en"})
    lacking: Mapping[str, str] = MappingProxyType({})
    options = RANGES
    tags = True
    clones = False

    def __init__(
        self,
        models: Models,
        *,
        slots: int = 4,
        prompt_seconds: float | None = None,
        flow_steps: int = 2,
        recorder: Recorder | None = None,
    ) -> None:
        """Speak with loaded models.

        Args:
            models: on one device.
            slots: utterances inside at once.
            prompt_seconds: of the voice's recording that S3Gen hears; None for all of it (10 s).
            flow_steps: of S3Gen's flow.
            recorder: of a GPU's decode steps, which are recorded in `rest`.
        """
        self.device = models.t3.device.type
        self.slots = slots
        self.ahead = slots
        self.voices: tuple[str, ...] = ("default",)
        self._models = models
        self._prompt_seconds = prompt_seconds
        self._flow_steps = flow_steps
        self._decoder = decoder(models.t3, slots, recorder)
        self._voices = {"default": models.voice}
        self._inside: dict[int, Inside] = {}
        self._faults: list[Block | Fault] = []
        self._has_spoken = False

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more."""
        text = self._models.tokenizer.encode(prepared(utterance.text)).ids
        voice = self._voices.get(utterance.voice)
        if voice is None:
            self._refuse(utterance, EngineFailed("the voice is not ready"))
        elif not 1 <= len(text) <= MOST_TEXT or max(text) >= self._models.t3.text_vocabulary:
            self._refuse(utterance, InvalidInput("text has a segment that the model cannot read"))
        else:
            generator = torch.Generator().manual_seed(utterance.seed)
            self._inside[utterance.id] = Inside(utterance, voice, text, generator)

    def advance(self, order: Sequence[int]) -> list[Block | Fault]:
        """Do what the most urgent utterance needs: begin it, decode, or make its waveform."""
        if self._faults:
            faults, self._faults = self._faults, []
            return faults
        inside = [self._inside[key] for key in order if key in self._inside]
        opening = [each for each in inside if each.utterance.opens and (each.waits or each.decodes)]
        candidates = opening or inside
        beginning = next((each for each in candidates if each.waits), None)
        if inside and not inside[0].waits and not inside[0].decodes:
            return self._vocode(inside[0])
        if beginning is not None and self._decoder.has_room:
            return self._begin(beginning)
        decoding = [each for each in candidates if each.decodes]
        if decoding:
            return self._decode(decoding)
        ready = next((each for each in inside if not each.waits), None)
        return [] if ready is None else self._vocode(ready)

    def rest(self) -> bool:
        """Record one shape more of the decode step, once something was spoken; False when all are.

        Nothing is recorded before the first speech: it would have to wait.
        """
        return self._has_spoken and isinstance(self._decoder, FixedDecoder) and self._decoder.record()

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        inside = self._inside.pop(utterance, None)
        if inside is not None and inside.decoding is not None:
            self._decoder.end(inside.decoding)

    def _refuse(self, utterance: Utterance, error: Exception) -> None:
        self._faults.append(Fault(utterance.id, error))

    def _begin(self, inside: Inside) -> list[Block | Fault]:
        """Prefill one utterance; what its voice needs is computed now if nothing kept it."""
        utterance, manifest = inside.utterance, self._models.manifest
        pace = manifest.tokens_per_character
        most = min(MOST_TOKENS, 40 + 4 * len(utterance.text))
        if pace is not None:
            most = max(1, min(MOST_TOKENS, round(pace * len(utterance.text))))
        try:
            inside.decoding = self._decoder.begin(
                inside.voice.prefix(self._models.t3),
                inside.text,
                inside.generator,
                most=most,
                runs_on=pace is not None,
                sampling=utterance.sampling,
            )
        except torch.OutOfMemoryError:
            return [self._out_of_memory(inside)]
        return []

    def _decode(self, rows: list[Inside]) -> list[Block | Fault]:
        """Decode a few tokens of these; on a lack of memory the youngest goes and the rest go on."""
        try:
            self._decoder.decode([each.decoding for each in rows if each.decoding is not None], STEPS)
        except torch.OutOfMemoryError:
            youngest = max((each for each in rows if each.decodes), key=lambda each: each.utterance.id)
            return [self._out_of_memory(youngest)]
        return []

    def _vocode(self, inside: Inside) -> list[Block | Fault]:
        """Make the waveform of an utterance whose tokens are all there; it leaves."""
        decoding = inside.decoding
        assert decoding is not None, "no tokens"  # noqa: S101 - our own fault alone
        spoken = [token for token in decoding.tokens if token < SPEECH_IDS]
        job = S3Job(
            torch.tensor([*spoken, SILENCE, SILENCE, SILENCE]),
            inside.voice.s3(self._models.s3gen, self._prompt_seconds),
            inside.generator,
            self._flow_steps,
        )
        try:
            pcm: Pcm = self._models.s3gen.speak([job])[0].numpy()
        except torch.OutOfMemoryError:
            return [self._out_of_memory(inside)]
        self.drop(inside.utterance.id)
        self._has_spoken = True
        return [Block(inside.utterance.id, pcm, tokens=len(spoken), stopped=decoding.stopped)]

    def _out_of_memory(self, inside: Inside) -> Fault:
        self.drop(inside.utterance.id)
        if self.device == "cuda":
            torch.cuda.empty_cache()
        return Fault(inside.utterance.id, OutOfMemory("the device has no memory left for this speech"))


def decoder(t3: T3, slots: int, recorder: Recorder | None) -> Decoder | FixedDecoder:
    """Return what decodes on the model's device: exactly what is there on a CPU, fixed shapes on a GPU."""
    own = MOST_TEXT + MOST_TOKENS + 1
    if t3.device.type == "cpu" and recorder is None:
        return Decoder(t3, slots, own)
    return FixedDecoder(t3, slots, MOST_PROMPT + own + STEPS, recorder)
