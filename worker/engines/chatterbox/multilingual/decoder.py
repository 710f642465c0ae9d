"""Decoding of one utterance's speech tokens by classifier-free guidance: a row with its text, one without.

Nothing is shared between utterances: each has its own KV cache, noise and options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engines.chatterbox.ending import SpeechTokens, TokenLimits
from worker.engines.chatterbox.multilingual.llama import START_TEXT, STOP_TEXT, Attend, Llama
from worker.engines.chatterbox.multilingual.sampling import OPTIONS, sample
from worker.engines.chatterbox.sampling import draw
from worker.engines.chatterbox.t3 import HEAD_SIZE, START

__all__ = ["DecodingInput", "GuidedDecoding"]


@dataclass(frozen=True, slots=True)
class DecodingInput:
    """What is to be decoded."""

    voice: Tensor  # [33, dim], of `Llama.embed_voice`
    text: Sequence[int]  # text tokens, without those around them
    limits: TokenLimits
    sampling: Mapping[str, float] = field(default_factory=dict)


class GuidedDecoding(SpeechTokens):
    """One utterance, and the tokens made so far."""

    @torch.inference_mode()
    def __init__(self, llama: Llama, ask: DecodingInput, generator: torch.Generator) -> None:
        """Read the text and sample the first token."""
        super().__init__(limits=ask.limits)
        self.ask = ask
        self._llama = llama
        self._generator = generator
        self._options = {**OPTIONS, **ask.sampling}
        self._rows = 2 if self._options["cfg_weight"] else 1
        text = [START_TEXT, *ask.text, STOP_TEXT]
        before = len(ask.voice) + 1
        self._before = before
        self._length = before + len(text) + 2
        shape = (llama.layers, 2, self._rows, llama.heads, self._length + ask.limits.most, HEAD_SIZE)
        self._kv_cache = torch.empty(
            shape, dtype=cache_dtype(llama), device=llama.device
        )  # touched on first use
        self._seen = torch.zeros(llama.vocabulary, dtype=torch.bool, device=llama.device)
        self._seen[START] = True
        self.logits = self._prefill(torch.tensor(text, device=llama.device))
        self._sample()

    @torch.inference_mode()
    def decode_step(self) -> None:
        """Decode one token more; it may not have ended."""
        llama, count = self._llama, len(self.tokens)
        position = torch.tensor([self._length], device=llama.device)
        last = torch.tensor(self.tokens[-1:], device=llama.device)
        row = llama.embed_speech(last, torch.tensor([count], device=llama.device))
        rows, positions = row.expand(self._rows, -1), position.expand(self._rows)
        self.logits = llama.logits(llama.forward(rows, positions, self._attend_step()))
        self._length += 1
        self._sample()

    def _sample(self) -> None:
        """Sample a token from the last logits [rows, vocabulary]."""
        with_text = self.logits[:1]
        if self._rows == 2:
            with_text = with_text + self._options["cfg_weight"] * (with_text - self.logits[1:])
        noise = draw(self._llama.vocabulary, self._generator).to(with_text.device)
        self.tokens.append(sample(with_text[0], self._seen, self._options, noise))
        self._seen[self.tokens[-1]] = True

    def _prefill(self, text: Tensor) -> Tensor:
        """Read voice, emotion and text; the first two only once, since both rows begin with them."""
        llama, before, length = self._llama, self._before, self._length
        shared = torch.cat([self.ask.voice, llama.embed_emotion(self._options["exaggeration"])])
        texts = [llama.embed_text(text, known=not row) for row in range(self._rows)]
        rows = torch.cat([shared.to(llama.dtype), *texts])
        own = torch.arange(before, length, device=llama.device)
        positions = torch.cat([torch.arange(before, device=llama.device), *[own] * self._rows])
        hidden = llama.forward(rows, positions, self._attend_prefill())
        ends = [before - 1 + (row + 1) * len(own) for row in range(self._rows)]
        return llama.logits(hidden[ends])

    def _attend_prefill(self) -> Attend:
        before, length = self._before, self._length

        def apart(x: Tensor) -> Tensor:
            """Return [rows, heads, length, 64] of what is shared and each row's own behind one another."""
            shared, own = x[:before], x[before:].reshape(self._rows, -1, *x.shape[1:])
            whole = torch.cat([shared.expand(self._rows, *shared.shape), own], 1)
            return whole.transpose(1, 2)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            queries = apart(q).to(self._kv_cache.dtype)
            keys, values = self._kv_cache[layer, :, :, :, :length]
            keys[:], values[:] = apart(k), apart(v)
            found = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
            found = found.transpose(1, 2).to(q.dtype)
            return torch.cat([found[0, :before], found[:, before:].flatten(0, 1)])

        return attend

    def _attend_step(self) -> Attend:
        length = self._length + 1

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = self._kv_cache[layer, :, :, :, :length]
            keys[:, :, -1], values[:, :, -1] = k, v
            queries = q.to(self._kv_cache.dtype).unsqueeze(2)
            return F.scaled_dot_product_attention(queries, keys, values)[:, :, 0].to(q.dtype)

        return attend


def cache_dtype(llama: Llama) -> torch.dtype:
    """Return the dtype of keys and values: on a CPU float32, whose products are faster there."""
    return torch.float32 if llama.device.type == "cpu" else llama.dtype
