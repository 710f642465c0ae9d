"""Chatterbox-Turbo, or Nano, as a step machine: one call is a prefill, a few decode steps, or one S3Gen call.

What the most urgent utterance needs is done first. Utterances that a listener waits for are decoded
before all others; the rest are decoded together. T3 and S3Gen take turns on all cores of a CPU: apart on
two of them they are not faster (docs/explanation/benchmarks.md). On a GPU, decoding overlaps with S3Gen.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from types import MappingProxyType

import torch
from torch import Tensor

from worker.engines import Fault, Range, Take, Utterance
from worker.engines.chatterbox.ending import MOST_TOKENS, TokenLimits
from worker.engines.chatterbox.engine import ChatterboxEngine
from worker.engines.chatterbox.out_of_memory import lacks_memory, one_line
from worker.engines.chatterbox.turbo.captures import GraphCapture
from worker.engines.chatterbox.turbo.checkpoint import TurboModels
from worker.engines.chatterbox.turbo.decoder import Decoding, EagerDecoder
from worker.engines.chatterbox.turbo.graph_decoder import GraphedDecoder
from worker.engines.chatterbox.turbo.rendering import BatchSize, Rendering, TurboUtterance
from worker.engines.chatterbox.turbo.state import cache_bytes
from worker.engines.chatterbox.turbo.t3 import T3
from worker.engines.chatterbox.turbo.text import prepared, tagged
from worker.engines.chatterbox.turbo.voice import TurboVoice
from worker.engines.takes.judge import most_tokens

__all__ = ["TurboEngine", "bytes_of_slots"]

log = logging.getLogger("worker")
STEPS = 8  # decode steps in one call, all rows together
# Of one speech: its next segment comes later, the more are decoded beside it.
AHEAD = {"cpu": 4, "cuda": 16}
BATCH = {"cpu": 1, "cuda": 8}  # utterances in one call of S3Gen: on a CPU more are not faster
MOST_TEXT = 512  # text tokens of one utterance
MOST_OWN = MOST_TEXT + MOST_TOKENS + 1  # positions of an utterance, beside its voice's
MOST_PROMPT = 376  # positions of a voice: its speaker, and 15 s of speech tokens


class TurboEngine(ChatterboxEngine[TurboVoice, TurboUtterance]):
    """Speak with Turbo or Nano; the same utterance gives the same samples, alone or beside others.

    So on a CPU to the last bit; on a GPU in half precision a neighbour may change the last bits of a row.
    """

    languages = frozenset({"en"})
    lacking: Mapping[str, str] = MappingProxyType({})
    options: Mapping[str, Range] = {
        "temperature": Range(0.05, 2.0),
        "top_p": Range(0.01, 1.0),
        "top_k": Range(1, 1000, whole=True),
        "repetition_penalty": Range(1.0, 2.0),
    }
    tags = True
    most_text = MOST_TEXT
    active_class = TurboUtterance

    def __init__(
        self,
        models: TurboModels,
        *,
        slots: int = 4,
        prompt_seconds: float | None = None,
        flow_steps: int = 2,
        capture: GraphCapture | None = None,
        side_stream: Callable[[], AbstractContextManager[object]] = nullcontext,
        batch: int | None = None,
    ) -> None:
        """Speak with loaded models.

        Args:
            models: on one device.
            slots: utterances inside at once.
            prompt_seconds: of the voice's recording that S3Gen is given; None for all of it (10 s).
            flow_steps: of S3Gen's flow.
            capture: of a GPU's decode steps, after the first speech.
            side_stream: what a GPU renders is launched in it, so that decoding goes on meanwhile.
            batch: utterances in one call of S3Gen, at most; None for as many as gain from it on the device.
        """
        super().__init__(models, slots, prompt_seconds, flow_steps)
        self.ahead = min(slots, AHEAD[self.device])
        self._decoder = decoder(models.t3, slots, capture)
        self._graphed = self._decoder if isinstance(self._decoder, GraphedDecoder) else None
        self._side_stream = side_stream
        self._has_spoken = False
        self._batch = BatchSize(batch or BATCH[self.device])

    def rest(self) -> bool:
        """Prepare one shape more: of the decode step on a GPU, of the vocoder on either; False when all are.

        Nothing is prepared before the first speech: it would have to wait.
        """
        if not self._has_spoken:
            return False
        try:
            return (self._graphed is not None and self._graphed.record()) or self._models.s3gen.rest()
        except (RuntimeError, MemoryError) as error:
            if not lacks_memory(error):
                raise
            log.info("no memory to prepare for later speech (%s)", one_line(error))
            return False

    def status(self) -> dict[str, int | str]:
        """Return how the decode step is recorded, and how many utterances become waveforms together."""
        recording = {} if self._graphed is None else self._graphed.recordings.status()
        batch = self._batch
        return {**recording, **({"rows": batch.now, "rows_at_most": batch.most} if batch.most > 1 else {})}

    def drop(self, utterance: int) -> None:
        """Forget an utterance."""
        active = self._active.pop(utterance, None)
        if active is not None and active.decoding is not None:
            self._decoder.end(active.decoding)

    def _text_tokens(self, utterance: Utterance) -> list[int]:
        text, _ = tagged(utterance.text)
        inside = {"begins_inside": utterance.begins_inside, "ends_inside": utterance.ends_inside}
        ids: list[int] = self._models.tokenizer.encode(prepared(text, **inside)).ids
        return ids

    def _advance(self, active: list[TurboUtterance]) -> list[Take | Fault]:
        """Begin the most urgent utterance, decode, or go on with its waveform."""
        decoded = [each for each in active if each.is_decoded]
        opening = [each for each in active if each.utterance.opens and not each.is_decoded]
        others = opening or [each for each in active if not each.is_decoded]
        waiting = next((each for each in others if each.decoding is None), None)
        # a graphed step costs the same, however many rows are active: so nobody is left out
        decoding = [each for each in (active if self._graphed else others) if each.decodes]
        begins = waiting if self._decoder.has_room else None
        if decoded and (decoded[0] is active[0] or not (begins or decoding)):
            return self._render(decoded, decoding)
        if begins is not None:
            return self._begin(begins)
        return self._decode(decoding) if decoding else []

    def _begin(self, active: TurboUtterance) -> list[Take | Fault]:
        """Prefill one utterance; what its voice needs is computed now if nothing kept it."""
        utterance = active.utterance
        pace = self._models.manifest.tokens_per_character
        limits = TokenLimits.of(utterance.text, most_tokens(utterance.text), pace)
        try:
            prefix = active.voice.prefix(self._models.t3)
            active.decoding = self._decoder.begin(
                prefix, active.text, active.generator, limits, utterance.sampling
            )
        except torch.OutOfMemoryError:
            return [self._out_of_memory(active)]
        return []

    def _decode(self, rows: list[TurboUtterance]) -> list[Take | Fault]:
        """Decode a few tokens of these; on a lack of memory the youngest is dropped and the rest go on.

        A worker that never rests records its steps here.
        """
        decoding = decodings(rows)
        if self._has_spoken and self._graphed is not None:
            self._graphed.record_next(decoding, STEPS)
        try:
            self._decoder.decode(decoding, STEPS)
        except torch.OutOfMemoryError:
            youngest = max((each for each in rows if each.decodes), key=lambda each: each.utterance.id)
            return [self._out_of_memory(youngest)]
        return []

    def _render(self, decoded: list[TurboUtterance], decoding: list[TurboUtterance]) -> list[Take | Fault]:
        """Go on with the waveform of the most urgent; after the last step, return the takes of its batch."""
        rendering = decoded[0].rendering
        try:
            with self._decoding_beside(decoding):
                rendering = rendering or Rendering.of(
                    self._models.s3gen, decoded[: self._batch.now], self._prompt_seconds, self._flow_steps
                )
                waves = rendering.advance()
        except torch.OutOfMemoryError:
            return self._smaller_batch(rendering) if rendering else [self._out_of_memory(decoded[0])]
        if waves is None:
            return []
        self._has_spoken = True
        self._batch.fitted()
        pairs = zip(rendering.rows, waves, strict=True)
        return [self._take(row, wave) for row, wave in pairs if self._is_active(row)]

    @contextmanager
    def _decoding_beside(self, rows: list[TurboUtterance]) -> Iterator[None]:
        """Overlap up to `STEPS` decode steps of these rows with the S3Gen call in the `with` body.

        On CUDA only, and only if the step's graph is captured: the launches of steps that are not would delay
        S3Gen's. Neither waits for the other: what is rendered was finished before the first token of its row
        came to the host, and nothing but the host reads a waveform.
        """
        graphed, launched = self._graphed, None
        if rows and graphed is not None and graphed.is_recorded(decodings(rows), STEPS):
            with suppress(torch.OutOfMemoryError):  # their own turn will deal with it
                launched = graphed.launch(decodings(rows), STEPS)
        try:
            with self._side_stream():
                yield
        finally:
            if graphed is not None and launched is not None:
                graphed.collect(launched)

    def _take(self, active: TurboUtterance, wave: Tensor) -> Take:
        assert active.decoding is not None, "no tokens"  # noqa: S101 - our own fault alone
        self.drop(active.utterance.id)
        _, unknown = tagged(active.utterance.text)
        warnings = tuple(f"{tag} is not a sound that this model makes: it was left out" for tag in unknown)
        return Take(active.utterance.id, wave.numpy(), warnings, stopped=active.decoding.stopped)

    def _smaller_batch(self, rendering: Rendering) -> list[Take | Fault]:
        """Render fewer utterances together for a while; drop a single one for which there is no memory."""
        if len(rendering.rows) == 1:
            return [self._out_of_memory(rendering.rows[0])]
        rendering.undo()
        self._batch.did_not_fit(len(rendering.rows))
        torch.cuda.empty_cache()
        return []

    def _is_active(self, row: TurboUtterance) -> bool:
        return self._active.get(row.utterance.id) is row


def decodings(rows: Sequence[TurboUtterance]) -> list[Decoding]:
    """Return what is decoded of these."""
    return [each.decoding for each in rows if each.decoding is not None]


def decoder(t3: T3, slots: int, capture: GraphCapture | None) -> EagerDecoder | GraphedDecoder:
    """Return what decodes on the model's device: exactly the active rows on a CPU, fixed shapes on a GPU."""
    if t3.device.type == "cpu" and capture is None:
        return EagerDecoder(t3, slots, MOST_OWN)
    return GraphedDecoder(t3, slots, MOST_PROMPT + MOST_OWN + STEPS, capture)


def bytes_of_slots(t3: T3, slots: int) -> int:
    """Return the bytes of keys and values that so many slots hold on the model's device, at most."""
    if t3.device.type == "cpu":
        return cache_bytes(t3, slots, MOST_OWN, torch.float32)
    return cache_bytes(t3, slots, MOST_PROMPT + MOST_OWN + STEPS, t3.dtype)
