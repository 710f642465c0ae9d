"""Decoding in fixed shapes, for a GPU: a step is recorded once and replayed as one launch.

A step multiplies rows of all slots, idle ones too, so that its products are the same whoever is inside. It
attends to the first few slots where those in use are among them: what idle ones keep would be
more to read than the weights.

All that a step reads and writes stays at its place: the keys and values (a voice's prefix is copied
into its slot), the last tokens, the options, the draws. Tokens are looked at every few steps; what
was decoded past an end is thrown away, and the utterance's generator is put back to where it would be.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engines.chatterbox.sampling import SamplingOptions, draw, sample
from worker.engines.chatterbox.shortage import uniform
from worker.engines.chatterbox.t3 import HEAD_SIZE, START
from worker.engines.chatterbox.turbo.decoder import Decoding
from worker.engines.chatterbox.turbo.recordings import GraphCapture, Recordings, StepShape
from worker.engines.chatterbox.turbo.slots import Prefix
from worker.engines.chatterbox.turbo.t3 import T3, Attend

__all__ = ["GraphedDecoder", "LaunchedSteps", "bytes_kept"]

STRIDE = 256  # positions by which the reach of a step grows
ALIGNED = 8  # positions: a mask of any other size is copied in each layer


class LaunchedSteps(NamedTuple):
    """Steps that were launched."""

    rows: list[Decoding]
    befores: list[Tensor]  # the generators' states
    said: Tensor


class GraphedDecoder:
    """Slots of at most `positions` positions each, prefix included, and the sampling in each."""

    def __init__(self, t3: T3, slots: int, positions: int, recorder: GraphCapture | None = None) -> None:
        """Allocate all that decoding will need but a step's own passing values."""
        device = t3.device
        self.positions = positions = aligned(positions)
        self._t3 = t3
        self._free = set(range(slots))
        self._slots = torch.arange(slots, device=device)
        shape = (t3.layers, 2, slots, t3.heads, positions, HEAD_SIZE)
        self._kv = torch.zeros(shape, dtype=t3.dtype, device=device)  # what a mask hides must be a number
        self._tokens = torch.zeros(slots, dtype=torch.long, device=device)
        self._places = torch.zeros(slots, dtype=torch.long, device=device)
        self._going = torch.zeros(slots, dtype=torch.bool, device=device)  # what a step moves on
        self._seen = torch.zeros(slots, t3.vocabulary, dtype=torch.bool, device=device)
        self._options = SamplingOptions.of(*[{}] * slots, device=device)
        self._draws = torch.ones(slots, t3.vocabulary, device=device)
        self._reached = [0] * slots
        self.recordings = Recordings(recorder, self._shapes())

    @property
    def has_room(self) -> bool:
        """Whether a slot is free."""
        return bool(self._free)

    @uniform()
    @torch.inference_mode()
    def begin(
        self,
        prefix: Prefix,
        text: Sequence[int],
        generator: torch.Generator,
        *,
        most: int,
        runs_on: bool,
        sampling: Mapping[str, float],
        fewest: int = 0,
    ) -> Decoding:
        """Put an utterance into a free slot and sample its first token; leave nothing if that fails."""
        t3, slot, before = self._t3, min(self._free), prefix.length
        rows = t3.embed_text(torch.tensor(text, dtype=torch.long, device=t3.device), before)
        self._kv[:, :, slot, :, :before] = prefix.kv
        hidden = t3.forward(rows, self._attend_text(slot, before, len(rows)))
        seen = torch.zeros(1, t3.vocabulary, dtype=torch.bool, device=t3.device)
        seen[0, START] = True  # upstream's first step penalises this token alone
        options = SamplingOptions.of(sampling, device=t3.device)
        draws = draw(t3.vocabulary, generator)[None].to(t3.device)
        first = int(sample(t3.logits(hidden[-1:]), seen, options, draws))
        self._free.remove(slot)
        seen[0, START] = first == START
        seen[0, first] = True
        self._seen[slot] = seen[0]
        self._tokens[slot] = first
        self._places[slot] = self._reached[slot] = before + len(rows)
        for kept, given in zip(self._options, options, strict=True):
            kept[slot] = given[0]
        return Decoding(slot, generator, most, runs_on, options, seen, [first], fewest)

    def decode(self, rows: Sequence[Decoding], steps: int) -> None:
        """Decode up to so many tokens more of each row; none of them may have ended."""
        self.collect(self.launch(rows, steps))

    @torch.inference_mode()
    def launch(self, rows: Sequence[Decoding], steps: int) -> LaunchedSteps:
        """Begin what `decode` does, without a wait for the device; nothing else may be done before `collect`.

        Raises:
            torch.OutOfMemoryError: Nothing was begun; those who stay may try again.
        """
        befores = [row.generator.get_state() for row in rows]
        kept = [(state, state.clone()) for state in (self._tokens, self._places, self._seen)]
        try:
            return LaunchedSteps(list(rows), befores, self._steps(rows, steps))
        except torch.OutOfMemoryError:
            for state, before in kept:
                state.copy_(before)
            for row, before in zip(rows, befores, strict=True):
                row.generator.set_state(before)
            raise

    def collect(self, going: LaunchedSteps) -> None:
        """Wait for what was launched, and keep each row's tokens."""
        said: list[list[int]] = going.said.tolist()  # the one wait for the device
        for row, before in zip(going.rows, going.befores, strict=True):
            self._reached[row.slot] += len(said)
            self._take(row, [tokens[row.slot] for tokens in said], before)

    def end(self, decoding: Decoding) -> None:
        """Free the utterance's slot, and forget what it held: were it no number, a mask would not hide it."""
        slot = decoding.slot
        self._kv[:, :, slot, :, : self._reached[slot] + 1] = 0
        self._reached[slot] = 0
        self._places[slot] = 0
        self._free.add(slot)

    def record(self) -> bool:
        """Record one shape more; return whether there may be more to record now.

        What cannot be recorded is done step by step.
        """
        shape = self.recordings.next()
        return shape is not None and self._record(shape) and self.recordings.next() is not None

    def record_next(self, rows: Sequence[Decoding], steps: int) -> None:
        """Record so many steps more of these rows, if they are not."""
        self._record(self._shape(rows, steps))

    @torch.inference_mode()
    def _record(self, shape: StepShape) -> bool:
        if not self.recordings.is_due(shape):
            return False
        self._going.zero_()  # so that the steps of a recording leave every slot as it is
        return self.recordings.record(shape, partial(self._step, shape))

    @uniform()
    def _steps(self, rows: Sequence[Decoding], steps: int) -> Tensor:
        """Do so many steps; return the tokens after each, int64 [steps, slots], perhaps still being made."""
        shape = self._shape(rows, steps)
        step = self.recordings.get(shape) or partial(self._step, shape)
        said = self._tokens.new_empty(steps, len(self._tokens))
        going = torch.zeros(len(self._tokens), dtype=torch.bool, pin_memory=self._going.is_cuda)
        going[[row.slot for row in rows]] = True
        self._going.copy_(going, non_blocking=True)
        for drawn, made in zip(self._room_for_draws(steps), said, strict=True):
            for row in rows:
                drawn[row.slot].exponential_(1, generator=row.generator)
            self._draws.copy_(drawn, non_blocking=True)
            step()
            made.copy_(self._tokens)
        return said

    def is_recorded(self, rows: Sequence[Decoding], steps: int) -> bool:
        """Whether so many steps more of these rows are cheap for the host: all of them recorded."""
        return self.recordings.get(self._shape(rows, steps)) is not None

    def _shape(self, rows: Sequence[Decoding], steps: int) -> StepShape:
        """Return what so many steps more of these rows attend to."""
        last = max(row.slot for row in rows)
        reach = max(self._reached[row.slot] for row in rows) + steps
        slots = next(width for width in self._widths() if width > last)
        return StepShape(slots, min(self.positions, -(-reach // STRIDE) * STRIDE))

    def _shapes(self) -> list[StepShape]:
        # the least reach comes last: a voice of 10 s fills more
        reaches = [*range(2 * STRIDE, self.positions, STRIDE), self.positions, STRIDE]
        return [StepShape(slots, reach) for slots in self._widths() for reach in reaches]

    def _widths(self) -> list[int]:
        # each at most twice as wide as is needed
        every = len(self._reached)
        return [*(1 << power for power in range((every - 1).bit_length())), every]

    def _room_for_draws(self, steps: int) -> Tensor:
        # A fresh one each time: the copies of the last may still be on their way.
        return torch.ones(steps, *self._draws.shape, pin_memory=self._draws.is_cuda)

    def _take(self, row: Decoding, said: list[int], before: Tensor) -> None:
        """Keep what a row said up to its end, and put its generator back to there."""
        for count, token in enumerate(said, 1):
            row.tokens.append(token)
            if row.ended and count < len(said):
                row.generator.set_state(before)
                for _ in range(count):
                    draw(self._t3.vocabulary, row.generator)
                return

    def _step(self, shape: StepShape) -> None:
        """Do one step of all slots; nothing here may wait for the device.

        A slot that is not going stays as it is: its token is taken again, and what is kept of it is written
        anew when it goes on. So nothing is lost where it is not attended to.
        """
        t3 = self._t3
        rows = t3.embed_speech(self._tokens, self._places)
        logits = t3.logits(t3.forward(rows, self._attend(shape)))
        sampled = sample(logits, self._seen, self._options, self._draws)[:, 0]
        tokens = torch.where(self._going, sampled, self._tokens)
        self._seen.scatter_(1, tokens[:, None], value=True)
        self._tokens.copy_(tokens)
        self._places.add_(self._going).clamp_(max=self.positions - 1)

    def _attend(self, shape: StepShape) -> Attend:
        slots, reach = shape
        places = torch.arange(reach, device=self._places.device)
        hidden = (places > self._places[:slots, None])[:, None, None]
        bias = torch.zeros(hidden.shape, dtype=self._kv.dtype, device=hidden.device)
        bias.masked_fill_(hidden, -torch.inf)
        idle = len(self._reached) - slots

        def attend(layer: int, q: Tensor, kv: Tensor) -> Tensor:
            kept = self._kv[layer]
            kept[:, self._slots, :, self._places] = kv
            keys, values = kept[:, :slots, :, :reach]
            found = F.scaled_dot_product_attention(q[:slots].unsqueeze(2), keys, values, attn_mask=bias)
            found = found.squeeze(2)
            return F.pad(found, (0, 0, 0, 0, 0, idle)) if idle else found

        return attend

    def _attend_text(self, slot: int, before: int, count: int) -> Attend:
        end = before + count
        mask = torch.ones(count, end, dtype=torch.bool, device=self._kv.device).tril(before)

        def attend(layer: int, q: Tensor, kv: Tensor) -> Tensor:
            own = self._kv[layer, :, slot, :, :end]
            own[:, :, before:] = kv.permute(1, 2, 0, 3)
            found = F.scaled_dot_product_attention(
                q.transpose(0, 1)[None], own[0][None], own[1][None], attn_mask=mask
            )
            return found[0].transpose(0, 1)

        return attend


def bytes_kept(layers: int, heads: int, slots: int, positions: int, width: int) -> int:
    """Return the bytes of keys and values that so many slots hold, `width` bytes a number."""
    return layers * 2 * slots * heads * aligned(positions) * HEAD_SIZE * width


def aligned(positions: int) -> int:
    """Return the next number of positions that needs no copy of a mask."""
    return -(-positions // ALIGNED) * ALIGNED
