"""Chatterbox-Turbo as a step machine: one call is a prefill, a few decode steps, or one S3Gen call.

What the most urgent utterance needs is done first. Utterances that somebody waits for are decoded
before all others; the rest are decoded together. T3 and S3Gen take turns on all cores of a CPU: apart on
two of them they are not quicker (docs/explanation/benchmarks.md). On a GPU, decoding goes on beside S3Gen.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import MappingProxyType

import torch
from torch import Tensor

from worker.engines import Fault, Range, Take, Utterance
from worker.engines.chatterbox.shortage import lacks_memory, one_line
from worker.engines.chatterbox.turbo.checkpoint import TurboModels
from worker.engines.chatterbox.turbo.decoder import Decoder, Decoding
from worker.engines.chatterbox.turbo.graphed import GraphedDecoder, bytes_kept
from worker.engines.chatterbox.turbo.recordings import GraphCapture
from worker.engines.chatterbox.turbo.rendering import Rendering, Rows, TurboUtterance
from worker.engines.chatterbox.turbo.t3 import T3
from worker.engines.chatterbox.turbo.text import prepared
from worker.engines.takes.judge import most_tokens, plausible_tokens
from worker.errors import EngineFailedError, InvalidInputError, OutOfMemoryError

__all__ = ["TurboEngine", "bytes_of_slots"]

log = logging.getLogger("worker")
STEPS = 8  # decode steps in one call, all rows together
# Of one speech: its next segment comes later, the more are decoded beside it.
AHEAD = {"cpu": 4, "cuda": 16}
ROWS = {"cpu": 1, "cuda": 8}  # of one call of S3Gen: on a CPU more are not faster
MOST_TOKENS = 1_000  # 40 s: the model is unsteady long before
MOST_TEXT = 512  # text tokens of one utterance
MOST_OWN = MOST_TEXT + MOST_TOKENS + 1  # positions of an utterance, beside its voice's
MOST_PROMPT = 376  # positions of a voice: its speaker, and 15 s of speech tokens
RANGES: Mapping[str, Range] = {
    "temperature": Range(0.05, 2.0),
    "top_p": Range(0.01, 1.0),
    "top_k": Range(1, 1000, whole=True),
    "repetition_penalty": Range(1.0, 2.0),
}


class TurboEngine:
    """Speak with Chatterbox-Turbo; the same utterance gives the same samples, alone or beside others.

    So on a CPU to the last bit; on a GPU in half precision a neighbour may move the last bits of a row.
    """

    name = "chatterbox-turbo"
    sample_rate = 24_000
    languages = frozenset({"en"})
    lacking: Mapping[str, str] = MappingProxyType({})
    options = RANGES
    tags = True
    clones = False

    def __init__(
        self,
        models: TurboModels,
        *,
        slots: int = 4,
        prompt_seconds: float | None = None,
        flow_steps: int = 2,
        recorder: GraphCapture | None = None,
        aside: Callable[[], AbstractContextManager[object]] = nullcontext,
        rows: int | None = None,
    ) -> None:
        """Speak with loaded models.

        Args:
            models: on one device.
            slots: utterances inside at once.
            prompt_seconds: of the voice's recording that S3Gen hears; None for all of it (10 s).
            flow_steps: of S3Gen's flow.
            recorder: of a GPU's decode steps, after the first speech.
            aside: holds what a GPU renders, so that decoding goes on meanwhile.
            rows: of one call of S3Gen, at most; None for as many as gain from it on the device.
        """
        self.device = models.t3.device.type
        self.slots = slots
        self.ahead = min(slots, AHEAD[self.device])
        self.voices: tuple[str, ...] = ("default",)
        self._models = models
        self._prompt_seconds = prompt_seconds
        self._flow_steps = flow_steps
        self._decoder = decoder(models.t3, slots, recorder)
        self._fixed = self._decoder if isinstance(self._decoder, GraphedDecoder) else None
        self._aside = aside
        self._voices = {"default": models.voice}
        self._inside: dict[int, TurboUtterance] = {}
        self._faults: list[Take | Fault] = []
        self._has_spoken = False
        self._rows = Rows(rows or ROWS[self.device])

    def admit(self, utterance: Utterance) -> None:
        """Take one utterance more."""
        text = self._models.tokenizer.encode(prepared(utterance.text)).ids
        voice = self._voices.get(utterance.voice)
        if voice is None:
            self._refuse(utterance, EngineFailedError("the voice is not ready"))
        elif not 1 <= len(text) <= MOST_TEXT or max(text) >= self._models.t3.text_vocabulary:
            self._refuse(utterance, InvalidInputError("text has a segment that the model cannot read"))
        else:
            generator = torch.Generator().manual_seed(utterance.seed)
            self._inside[utterance.id] = TurboUtterance(utterance, voice, text, generator)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        """Do what the most urgent utterance needs: begin it, decode, or go on with its waveform."""
        if self._faults:
            faults, self._faults = self._faults, []
            return faults
        inside = [self._inside[key] for key in order if key in self._inside]
        speaking = [each for each in inside if each.speaks]
        opening = [each for each in inside if each.utterance.opens and not each.speaks]
        others = opening or [each for each in inside if not each.speaks]
        beginning = next((each for each in others if each.waits), None) if self._decoder.has_room else None
        # in fixed shapes those whom nobody waits for cost nothing
        decoding = [each for each in (inside if self._fixed else others) if each.decodes]
        if speaking and (speaking[0] is inside[0] or not (beginning or decoding)):
            return self._render(speaking, decoding)
        if beginning is not None:
            return self._begin(beginning)
        return self._decode(decoding) if decoding else []

    def rest(self) -> bool:
        """Prepare one shape more: of the decode step on a GPU, of the vocoder on either; False when all are.

        Nothing is prepared before the first speech: it would have to wait.
        """
        if not self._has_spoken:
            return False
        try:
            return (self._fixed is not None and self._fixed.record()) or self._models.s3gen.rest()
        except (RuntimeError, MemoryError) as error:
            if not lacks_memory(error):
                raise
            log.info("no memory to prepare for later speech (%s)", one_line(error))
            return False

    def status(self) -> dict[str, int | str]:
        """Return how the decode step is recorded, and how many utterances become waveforms together."""
        recording = {} if self._fixed is None else self._fixed.recordings.status()
        rows = self._rows
        return {**recording, **({"rows": rows.now, "rows_at_most": rows.most} if rows.most > 1 else {})}

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        inside = self._inside.pop(utterance, None)
        if inside is not None and inside.decoding is not None:
            self._decoder.end(inside.decoding)

    def _refuse(self, utterance: Utterance, error: Exception) -> None:
        self._faults.append(Fault(utterance.id, error))

    def _begin(self, inside: TurboUtterance) -> list[Take | Fault]:
        """Prefill one utterance; what its voice needs is computed now if nothing kept it."""
        utterance, manifest = inside.utterance, self._models.manifest
        pace = manifest.tokens_per_character
        most = min(MOST_TOKENS, most_tokens(utterance.text))
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
                fewest=plausible_tokens(utterance.text)[0],
            )
        except torch.OutOfMemoryError:
            return [self._out_of_memory(inside)]
        return []

    def _decode(self, rows: list[TurboUtterance]) -> list[Take | Fault]:
        """Decode a few tokens of these; on a lack of memory the youngest goes and the rest go on.

        A worker that never rests records its steps here.
        """
        going = decodings(rows)
        if self._has_spoken and self._fixed is not None:
            self._fixed.record_next(going, STEPS)
        try:
            self._decoder.decode(going, STEPS)
        except torch.OutOfMemoryError:
            youngest = max((each for each in rows if each.decodes), key=lambda each: each.utterance.id)
            return [self._out_of_memory(youngest)]
        return []

    def _render(self, speaking: list[TurboUtterance], decoding: list[TurboUtterance]) -> list[Take | Fault]:
        """Go on with the waveform of the most urgent; after the last step, whoever is in it leaves."""
        rendering = speaking[0].rendering
        try:
            with self._decoding_beside(decoding):
                rendering = rendering or Rendering.of(
                    self._models.s3gen, speaking[: self._rows.now], self._prompt_seconds, self._flow_steps
                )
                waves = rendering.advance()
        except torch.OutOfMemoryError:
            return self._fewer_rows(rendering) if rendering else [self._out_of_memory(speaking[0])]
        if waves is None:
            return []
        self._has_spoken = True
        self._rows.fitted()
        pairs = zip(rendering.rows, waves, strict=True)
        return [self._leaves(row, wave) for row, wave in pairs if self._is_inside(row)]

    @contextmanager
    def _decoding_beside(self, rows: list[TurboUtterance]) -> Iterator[None]:
        """Decode a few tokens of these while what is inside runs; on a CPU nothing: it has no cores to spare.

        Nor where steps are not recorded: their launches would keep the host from those of the waveform.

        The two need no wait for each other: what is rendered was finished before the first token of its
        row came to the host, and nothing but the host reads a waveform.
        """
        fixed, going = self._fixed, None
        if rows and fixed is not None and fixed.is_recorded(decodings(rows), STEPS):
            with suppress(torch.OutOfMemoryError):  # their own turn will deal with it
                going = fixed.launch(decodings(rows), STEPS)
        try:
            with self._aside():
                yield
        finally:
            if fixed is not None and going is not None:
                fixed.collect(going)

    def _leaves(self, inside: TurboUtterance, wave: Tensor) -> Take:
        assert inside.decoding is not None, "no tokens"  # noqa: S101 - our own fault alone
        self.drop(inside.utterance.id)
        return Take(inside.utterance.id, wave.numpy(), stopped=inside.decoding.stopped)

    def _fewer_rows(self, rendering: Rendering) -> list[Take | Fault]:
        """Render fewer rows together for a while; a single one that finds no memory goes."""
        if len(rendering.rows) == 1:
            return [self._out_of_memory(rendering.rows[0])]
        rendering.undo()
        self._rows.did_not_fit(len(rendering.rows))
        torch.cuda.empty_cache()
        return []

    def _is_inside(self, inside: TurboUtterance) -> bool:
        return self._inside.get(inside.utterance.id) is inside

    def _out_of_memory(self, inside: TurboUtterance) -> Fault:
        self.drop(inside.utterance.id)
        if self.device == "cuda":
            torch.cuda.empty_cache()
        return Fault(inside.utterance.id, OutOfMemoryError("the device has no memory left for this speech"))


def decodings(rows: Sequence[TurboUtterance]) -> list[Decoding]:
    """Return what is decoded of these."""
    return [each.decoding for each in rows if each.decoding is not None]


def decoder(t3: T3, slots: int, recorder: GraphCapture | None) -> Decoder | GraphedDecoder:
    """Return what decodes on the model's device: exactly what is there on a CPU, fixed shapes on a GPU."""
    if t3.device.type == "cpu" and recorder is None:
        return Decoder(t3, slots, MOST_OWN)
    return GraphedDecoder(t3, slots, MOST_PROMPT + MOST_OWN + STEPS, recorder)


def bytes_of_slots(t3: T3, slots: int) -> int:
    """Return the bytes of keys and values that so many slots hold on the model's device, at most."""
    if t3.device.type == "cpu":
        return bytes_kept(t3.layers, t3.heads, slots, MOST_OWN, torch.float32.itemsize)
    return bytes_kept(t3.layers, t3.heads, slots, MOST_PROMPT + MOST_OWN + STEPS, t3.dtype.itemsize)
