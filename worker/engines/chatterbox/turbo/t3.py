"""T3 of Chatterbox-Turbo: a GPT-2 decoder from voice prompt and text to speech tokens, in plain torch.

Equal to upstream's `T3.inference_turbo` (chatterbox/models/t3/t3.py, on transformers' GPT2Model).
Every size is read off the weights: Turbo's are 24 layers of 16 heads, 1,024 wide, Nano's 12 of 12, 768 wide;
heads are 64 wide, as in every GPT-2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.linear import Linear
from worker.engines.chatterbox.t3 import HEAD, HEAD_SIZE, START, STOP, Make, check_tensor, count_layers

__all__ = ["EPSILON", "T3", "Attend", "check_shapes"]

EPSILON = 1e-5  # of the layer norms
BLOCKS = "tfmr.h."
RELEASE = "Turbo's t3_turbo_v1 or Nano's t3_nano_v1"

Attend = Callable[[int, Tensor, Tensor], Tensor]
"""(layer, q [N, heads, 64], kv [N, 2, heads, 64]) -> [N, heads, 64]: caches kv, attends to what is cached."""


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """A layer norm."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return x, normalised over its last dimension."""
        return torch.layer_norm(x, self.weight.shape, self.weight, self.bias, EPSILON)


@dataclass(frozen=True, slots=True)
class T3Layer:
    """One block of the decoder."""

    before_attention: LayerNorm
    qkv: Linear
    project: Linear
    before_mlp: LayerNorm
    expand: Linear
    contract: Linear


class T3:
    """The weights, and one pass over any rows; the KV cache is `attend`'s."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        make: Make,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> None:
        """Take upstream's tensors, by upstream's names; `dtype` is that of the activations."""

        def tensor(name: str) -> Tensor:
            return tensors[name].to(device, dtype)

        def norm(name: str) -> LayerNorm:
            return LayerNorm(tensor(f"{name}.weight"), tensor(f"{name}.bias"))

        def layer(name: str) -> T3Layer:
            attention = (norm(f"{name}.ln_1"), make(f"{name}.attn.c_attn"), make(f"{name}.attn.c_proj"))
            return T3Layer(
                *attention, norm(f"{name}.ln_2"), make(f"{name}.mlp.c_fc"), make(f"{name}.mlp.c_proj")
            )

        self.dtype = dtype
        self.blocks = [layer(f"tfmr.h.{number}") for number in range(count_layers(tensors, BLOCKS))]
        self._last_norm = norm("tfmr.ln_f")
        self._head = make(HEAD)
        # tables stay as they are stored: only the rows that are looked up are read and converted
        self._positions = tensors["tfmr.wpe.weight"].to(device)
        self._text = tensors["text_emb.weight"].to(device)
        self._speech = tensors["speech_emb.weight"].to(device)
        self._speaker = (tensor("cond_enc.spkr_enc.weight"), tensor("cond_enc.spkr_enc.bias"))

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        return len(self.blocks)

    @property
    def heads(self) -> int:
        """How many heads a block has."""
        return self._speech.shape[1] // HEAD_SIZE

    @property
    def vocabulary(self) -> int:
        """How many speech tokens there are, START and STOP included."""
        return self._speech.shape[0]

    @property
    def text_vocabulary(self) -> int:
        """How many text tokens there are."""
        return self._text.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._speech.device

    @property
    def batches(self) -> bool:
        """Whether rows may be computed together without influencing each other."""
        return self._head.batches

    @property
    def products(self) -> list[Linear]:
        """All matrix products of a step, in their order."""
        blocks = ([each.qkv, each.project, each.expand, each.contract] for each in self.blocks)
        return [*(product for block in blocks for product in block), self._head]

    def embed_voice(self, conditioning: Conditioning) -> Tensor:
        """Return the prompt's rows [1 + prompt tokens, dim], from position 0 on."""
        speaker = F.linear(conditioning.speaker_embedding.to(self.device, self.dtype), *self._speaker)
        prompt = self._speech[conditioning.prompt_tokens[0].to(self.device)].to(self.dtype)
        return self._placed(torch.cat([speaker, prompt]), 0)

    def embed_text(self, tokens: Tensor, start: int) -> Tensor:
        """Return the rows [T + 1, dim] of text tokens [T] and START, from position `start` on."""
        first_speech = self._speech[START].unsqueeze(0)
        return self._placed(torch.cat([self._text[tokens], first_speech]).to(self.dtype), start)

    def embed_speech(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the rows [B, dim] of one speech token each, [B], at their positions, [B]."""
        return (self._speech[tokens] + self._positions[positions]).to(self.dtype)

    def forward(self, rows: Tensor, attend: Attend) -> Tensor:
        """Return the hidden states [N, dim] of rows [N, dim]."""
        shape = (len(rows), 3, self.heads, HEAD_SIZE)
        for number, layer in enumerate(self.blocks):
            qkv = layer.qkv(layer.before_attention(rows)).view(shape)
            attended = attend(number, qkv.select(1, 0), qkv.narrow(1, 1, 2))
            rows = rows + layer.project(attended.reshape(rows.shape))
            hidden = layer.expand(layer.before_mlp(rows))
            rows = rows + layer.contract(F.gelu(hidden, approximate="tanh"))
        return rows

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of the next speech token, float32 [N, vocabulary]."""
        return self._head(self._last_norm(hidden)).float()

    def _placed(self, rows: Tensor, start: int) -> Tensor:
        return rows + self._positions[start : start + len(rows)].to(self.dtype)


def check_shapes(tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not T3's.

    Raises:
        StartError: A tensor is missing, or its shape or dtype is another.
    """
    width = tensors["speech_emb.weight"].shape[-1] if "speech_emb.weight" in tensors else 1024
    blocks = {
        "ln_1": (width,), "attn.c_attn": (width, 3 * width), "attn.c_proj": (width, width),
        "ln_2": (width,), "mlp.c_fc": (width, 4 * width), "mlp.c_proj": (4 * width, width),
    }  # fmt: skip
    wanted = {"tfmr.ln_f": (width,), HEAD: (STOP + 1, width)}
    for number in range(max(1, count_layers(tensors, BLOCKS))):
        wanted |= {f"tfmr.h.{number}.{name}": shape for name, shape in blocks.items()}
    for name, shape in wanted.items():
        check_tensor(tensors, f"{name}.weight", RELEASE, shape)
        check_tensor(tensors, f"{name}.bias", RELEASE, (shape[0] if name == HEAD else shape[-1],))
    check_tensor(tensors, "speech_emb.weight", RELEASE, (STOP + 1, width))
    for name in ("text_emb.weight", "tfmr.wpe.weight", "cond_enc.spkr_enc.weight", "cond_enc.spkr_enc.bias"):
        check_tensor(tensors, name, RELEASE)
