"""Decoding in fixed shapes, for a GPU: a step is captured once and replayed as one launch.

A step multiplies rows of all slots, idle ones too, so that its products are the same whatever is inside. It
attends to the first few slots if the active ones are among them: the idle ones' keys and values would be
more to read than the weights.

All that a step reads and writes is a `DecodeState`; a voice's prefix is copied into its slot. Tokens are
read back every few steps; what was decoded past an end is thrown away, and the utterance's generator is
put back to where it would be.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engines.chatterbox.out_of_memory import uniform
from worker.engines.chatterbox.sampling import draw, sample
from worker.engines.chatterbox.turbo.captures import GraphCapture, Recordings, StepShape
from worker.engines.chatterbox.turbo.decoder import Decoder, Decoding
from worker.engines.chatterbox.turbo.slots import Prefix
from worker.engines.chatterbox.turbo.state import DecodeState, aligned
from worker.engines.chatterbox.turbo.t3 import T3, Attend

__all__ = ["GraphedDecoder", "LaunchedSteps"]

STRIDE = 256  # positions by which the context of a step grows


class LaunchedSteps(NamedTuple):
    """Steps that were launched."""

    rows: list[Decoding]
    generator_states: list[Tensor]  # before them
    tokens: Tensor  # int64 [steps, slots], perhaps still being made


class GraphedDecoder(Decoder):
    """Slots of at most `positions` positions each, prefix included, and the sampling in each."""

    def __init__(self, t3: T3, slots: int, positions: int, capture: GraphCapture | None = None) -> None:
        """Allocate all that decoding will need but a step's own passing values."""
        super().__init__(t3, slots)
        self.positions = aligned(positions)
        self._state = DecodeState.allocated(t3, slots, self.positions)
        self._slots = torch.arange(slots, device=t3.device)
        self.recordings = Recordings(capture, self._shapes())

    def decode(self, rows: Sequence[Decoding], steps: int) -> None:
        """Decode up to so many tokens more of each row; none of them may have ended."""
        self.collect(self.launch(rows, steps))

    @torch.inference_mode()
    def launch(self, rows: Sequence[Decoding], steps: int) -> LaunchedSteps:
        """Begin what `decode` does, without a wait for the device; nothing else may be done before `collect`.

        Raises:
            torch.OutOfMemoryError: Nothing was begun; those that stay may try again.
        """
        generator_states = [row.generator.get_state() for row in rows]
        saved = self._state.saved()
        try:
            return LaunchedSteps(list(rows), generator_states, self._launch(rows, steps))
        except torch.OutOfMemoryError:
            self._state.restore(saved)
            for row, before in zip(rows, generator_states, strict=True):
                row.generator.set_state(before)
            raise

    def collect(self, launched: LaunchedSteps) -> None:
        """Wait for what was launched, and append each row's tokens."""
        steps: list[list[int]] = launched.tokens.tolist()  # the one wait for the device
        for row, before in zip(launched.rows, launched.generator_states, strict=True):
            self._state.lengths[row.slot] += len(steps)
            self._append(row, [tokens[row.slot] for tokens in steps], before)

    def record(self) -> bool:
        """Record one shape more; return whether there may be more to record now.

        What cannot be recorded is done step by step.
        """
        shape = self.recordings.next()
        return shape is not None and self._record(shape) and self.recordings.next() is not None

    def record_next(self, rows: Sequence[Decoding], steps: int) -> None:
        """Record so many steps more of these rows, if they are not."""
        self._record(self._shape(rows, steps))

    def is_recorded(self, rows: Sequence[Decoding], steps: int) -> bool:
        """Return whether so many steps more of these rows are cheap for the host: all of them recorded."""
        return self.recordings.get(self._shape(rows, steps)) is not None

    @torch.inference_mode()
    def _record(self, shape: StepShape) -> bool:
        if not self.recordings.is_due(shape):
            return False
        self._state.active.zero_()  # so that the steps of a recording leave every slot as it is
        return self.recordings.record(shape, partial(self._decode_step, shape))

    @uniform()
    def _launch(self, rows: Sequence[Decoding], steps: int) -> Tensor:
        """Launch so many steps; return the tokens after each, int64 [steps, slots]."""
        state, shape = self._state, self._shape(rows, steps)
        step = self.recordings.get(shape) or partial(self._decode_step, shape)
        tokens = state.tokens.new_empty(steps, len(state.tokens))
        active = torch.zeros(len(state.tokens), dtype=torch.bool, pin_memory=state.active.is_cuda)
        active[[row.slot for row in rows]] = True
        state.active.copy_(active, non_blocking=True)
        # fresh memory each time: the copies of the last may still be on their way
        noise = torch.ones(steps, *state.noise.shape, pin_memory=state.noise.is_cuda)
        for drawn, sampled in zip(noise, tokens, strict=True):
            for row in rows:
                drawn[row.slot].exponential_(1, generator=row.generator)
            state.noise.copy_(drawn, non_blocking=True)
            step()
            sampled.copy_(state.tokens)
        return tokens

    def _decode_step(self, shape: StepShape) -> None:
        """Do one step of all slots; nothing here may wait for the device.

        An idle slot stays as it is: its token is taken again, and its new keys and values are overwritten
        when it goes on. So nothing is lost where it is not attended to.
        """
        t3, state = self._t3, self._state
        rows = t3.embed_speech(state.tokens, state.positions)
        logits = t3.logits(t3.forward(rows, self._attend(shape)))
        sampled = sample(logits, state.seen, state.options, state.noise)[:, 0]
        tokens = torch.where(state.active, sampled, state.tokens)
        state.seen.scatter_(1, tokens[:, None], value=True)
        state.tokens.copy_(tokens)
        state.positions.add_(state.active).clamp_(max=self.positions - 1)

    def _attend(self, shape: StepShape) -> Attend:
        slots, context = shape
        kv_cache, positions = self._state.kv_cache, self._state.positions
        hidden = (torch.arange(context, device=positions.device) > positions[:slots, None])[:, None, None]
        bias = torch.zeros(hidden.shape, dtype=kv_cache.dtype, device=hidden.device)
        bias.masked_fill_(hidden, -torch.inf)
        idle = len(self._slots) - slots

        def attend(layer: int, q: Tensor, kv: Tensor) -> Tensor:
            cache = kv_cache[layer]
            cache[:, self._slots, :, positions] = kv
            keys, values = cache[:, :slots, :, :context]
            found = F.scaled_dot_product_attention(q[:slots].unsqueeze(2), keys, values, attn_mask=bias)
            found = found.squeeze(2)
            return F.pad(found, (0, 0, 0, 0, 0, idle)) if idle else found

        return attend

    def _prefill(self, slot: int, prefix: Prefix, text: Tensor) -> Tensor:
        rows = self._t3.embed_text(text, prefix.length)
        self._state.kv_cache[:, :, slot, :, : prefix.length] = prefix.kv
        hidden = self._t3.forward(rows, self._attend_text(slot, prefix.length, len(rows)))
        return self._t3.logits(hidden[-1:])

    def _attend_text(self, slot: int, before: int, count: int) -> Attend:
        end, kv_cache = before + count, self._state.kv_cache
        mask = torch.ones(count, end, dtype=torch.bool, device=kv_cache.device).tril(before)

        def attend(layer: int, q: Tensor, kv: Tensor) -> Tensor:
            own = kv_cache[layer, :, slot, :, :end]
            own[:, :, before:] = kv.permute(1, 2, 0, 3)
            keys, values = own.unsqueeze(1)
            found = F.scaled_dot_product_attention(q.transpose(0, 1)[None], keys, values, attn_mask=mask)
            return found[0].transpose(0, 1)

        return attend

    def _fill(self, decoding: Decoding, length: int) -> None:
        self._state.fill(decoding.slot, length, decoding.tokens[0], decoding.seen[0], decoding.options)

    def _clear(self, slot: int) -> None:
        self._state.clear(slot)

    def _append(self, row: Decoding, tokens: Sequence[int], before: Tensor) -> None:
        """Append a row's tokens up to its end, and put its generator back to there."""
        for count, token in enumerate(tokens, 1):
            row.tokens.append(token)
            if row.ended and count < len(tokens):
                row.generator.set_state(before)
                for _ in range(count):
                    draw(self._t3.vocabulary, row.generator)
                return

    def _shape(self, rows: Sequence[Decoding], steps: int) -> StepShape:
        """Return what so many steps more of these rows attend to."""
        last = max(row.slot for row in rows)
        context = max(self._state.lengths[row.slot] for row in rows) + steps
        slots = next(width for width in self._widths() if width > last)
        return StepShape(slots, min(self.positions, -(-context // STRIDE) * STRIDE))

    def _shapes(self) -> list[StepShape]:
        # the shortest context comes last: a voice of 10 s fills more
        contexts = [*range(2 * STRIDE, self.positions, STRIDE), self.positions, STRIDE]
        return [StepShape(slots, context) for slots in self._widths() for context in contexts]

    def _widths(self) -> list[int]:
        # each at most twice as wide as is needed
        slots = len(self._state.lengths)
        return [*(1 << power for power in range((slots - 1).bit_length())), slots]
