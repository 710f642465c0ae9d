"""T3 of Chatterbox Multilingual: a Llama decoder from voice, emotion and text to speech tokens.

Equal to upstream's `T3` (chatterbox/models/t3/t3.py and modules/, on transformers' LlamaModel). Every
size is read off the weights, the released ones being 30 layers of 16 heads, 1,024 wide; heads are 64 wide,
those of the perceiver a quarter of the width.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.linear import Linear
from worker.engines.chatterbox.t3 import HEAD, HEAD_SIZE, START, STOP, Make, check_tensor, count_layers
from worker.errors import StartError

__all__ = ["PRODUCTS", "START_TEXT", "STOP_TEXT", "Attend", "Llama", "check_shapes"]

START_TEXT, STOP_TEXT = 255, 0  # text tokens around every text
EPSILON = 1e-5  # of all norms
PERCEIVER_HEADS = 4
BLOCKS = "tfmr.layers."
RELEASE = "the multilingual t3_mtl23ls_v3 or v2"
PRODUCTS = (
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip

# Llama 3's stretching of its rotary positions, as upstream's llama_configs.py has it
THETA = 500_000.0
STRETCH, LOW, HIGH, ORIGINAL = 8.0, 1.0, 4.0, 8192

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, q, k, v, each [N, heads, 64]) -> [N, heads, 64]: caches k and v, attends to what is cached."""


@dataclass(frozen=True, slots=True)
class LlamaLayer:
    """One block of the decoder."""

    before_attention: Tensor
    q: Linear
    k: Linear
    v: Linear
    project: Linear
    before_mlp: Tensor
    gate: Linear
    up: Linear
    down: Linear


class Llama:
    """The weights, and one pass over any rows; the KV cache is `attend`'s."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        make: Make,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> None:
        """Take upstream's tensors, by upstream's names; `dtype` is that of the activations."""

        def norm(name: str) -> Tensor:
            return tensors[f"{name}.weight"].to(device, dtype)

        def layer(name: str) -> LlamaLayer:
            q, k, v, project, gate, up, down = (make(f"{name}.{product}") for product in PRODUCTS)
            before, between = norm(f"{name}.input_layernorm"), norm(f"{name}.post_attention_layernorm")
            return LlamaLayer(before, q, k, v, project, between, gate, up, down)

        self.dtype = dtype
        self._layers = [layer(f"tfmr.layers.{number}") for number in range(count_layers(tensors, BLOCKS))]
        self._last_norm = norm("tfmr.norm")
        self._head = make(HEAD)
        # tables stay as they are stored: only the rows that are looked up are read and converted
        self._text = tensors["text_emb.weight"].to(device)
        self._text_positions = tensors["text_pos_emb.emb.weight"].to(device)
        self._speech = tensors["speech_emb.weight"].to(device)
        self._speech_positions = tensors["speech_pos_emb.emb.weight"].to(device)
        self._voice = {
            name.removeprefix("cond_enc."): tensor.to(device)
            for name, tensor in tensors.items()
            if name.startswith("cond_enc.")
        }
        self.heads = len(tensors["tfmr.layers.0.self_attn.q_proj.weight"]) // HEAD_SIZE
        self._rates = rotary_rates().to(device)

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        return len(self._layers)

    @property
    def vocabulary(self) -> int:
        """How many speech tokens there are, START, STOP and unused ones included."""
        return len(self._speech)

    @property
    def text_vocabulary(self) -> int:
        """How many text tokens there are."""
        return len(self._text)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._speech.device

    def embed_voice(self, conditioning: Conditioning) -> Tensor:
        """Return a voice's rows [33, dim] in float32: the speaker, and a summary of the prompt."""
        speaker = F.linear(
            conditioning.speaker_embedding.to(self.device),
            self._voice["spkr_enc.weight"].float(),
            self._voice["spkr_enc.bias"].float(),
        )
        prompt = self._speech[conditioning.prompt_tokens[0].to(self.device)].float()
        prompt = prompt + self._speech_positions[: len(prompt)].float()
        query = self._voice["perceiver.pre_attention_query"][0].float()
        summary = self._perceive(query, prompt)
        return torch.cat([speaker, self._perceive(summary, summary)])

    def embed_emotion(self, exaggeration: float) -> Tensor:
        """Return the row [1, dim] in float32 of how much emotion is asked for."""
        return exaggeration * self._voice["emotion_adv_fc.weight"].float().T

    def embed_text(self, tokens: Tensor, *, known: bool) -> Tensor:
        """Return the rows [T + 2, dim] of text tokens [T] and of START, which upstream gives twice.

        If the text is not `known`, as on the row that guidance leads away from, only positions are left.
        """
        positions = self._text_positions[: len(tokens)]
        text = self._text[tokens] + positions if known else positions
        start = self._speech[START] + self._speech_positions[0]
        return torch.cat([text, start[None], start[None]]).to(self.dtype)

    def embed_speech(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Return the rows [B, dim] of one speech token each, [B], the n-th of its speech, [B]."""
        return (self._speech[tokens] + self._speech_positions[positions]).to(self.dtype)

    def forward(self, rows: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Return the hidden states [N, dim] of rows [N, dim] at their positions [N]."""
        angles = positions[:, None] * self._rates
        cos, sin = (wave.repeat(1, 2)[:, None] for wave in (angles.cos(), angles.sin()))
        shape = (len(rows), self.heads, HEAD_SIZE)
        for number, layer in enumerate(self._layers):
            x = normed(rows, layer.before_attention)
            q, k = (rotated(made(x).view(shape), cos, sin) for made in (layer.q, layer.k))
            attended = attend(number, q, k, layer.v(x).view(shape))
            rows = rows + layer.project(attended.reshape(len(rows), -1))
            x = normed(rows, layer.before_mlp)
            rows = rows + layer.down(F.silu(layer.gate(x)) * layer.up(x))
        return rows

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of the next speech token, float32 [N, vocabulary]."""
        return self._head(normed(hidden, self._last_norm)).float()

    def _perceive(self, rows: Tensor, context: Tensor) -> Tensor:
        """Return rows [n, dim] plus what they attend to in a context [m, dim]."""

        def product(name: str, x: Tensor) -> Tensor:
            part = f"perceiver.attn.{name}"
            return F.linear(x, self._voice[f"{part}.weight"].float(), self._voice[f"{part}.bias"].float())

        def norm(x: Tensor) -> Tensor:
            part = "perceiver.attn.norm"
            weight, bias = (self._voice[f"{part}.{end}"].float() for end in ("weight", "bias"))
            return F.layer_norm(x, weight.shape, weight, bias, EPSILON)

        def heads(x: Tensor) -> Tensor:
            return x.view(1, len(x), PERCEIVER_HEADS, -1).transpose(1, 2)

        normed_context = norm(context)
        q, k, v = (
            product("to_q", norm(rows)),
            product("to_k", normed_context),
            product("to_v", normed_context),
        )
        found = F.scaled_dot_product_attention(heads(q), heads(k), heads(v))[0]
        return rows + product("proj_out", found.transpose(0, 1).flatten(1))


def normed(x: Tensor, weight: Tensor) -> Tensor:
    """Return x over its root mean square, in single precision, times the weight."""
    full = x.float()
    return (full * torch.rsqrt(full.square().mean(-1, keepdim=True) + EPSILON)).to(x.dtype) * weight


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return x [N, heads, 64] rotated to its position."""
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


def rotary_rates() -> Tensor:
    """Return the angle a position, [32]: plain for short waves, stretched for long ones, mixed between."""
    powers = torch.arange(0, HEAD_SIZE, 2).float() / HEAD_SIZE
    rates = torch.exp(powers * -math.log(THETA))
    lengths = 2 * math.pi / rates
    share = ((ORIGINAL / lengths - LOW) / (HIGH - LOW)).clamp(0, 1)  # of the plain rate
    mixed: Tensor = (1 - share) * rates / STRETCH + share * rates
    return mixed


def check_shapes(tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of the multilingual T3.

    Raises:
        StartError: A tensor is missing, or its shape or dtype is another.
    """
    blocks = max(1, count_layers(tensors, BLOCKS))
    layers = [f"tfmr.layers.{number}" for number in range(blocks)]
    norms = [
        f"{layer}.{norm}" for layer in layers for norm in ("input_layernorm", "post_attention_layernorm")
    ]
    products = [f"{layer}.{product}" for layer in layers for product in PRODUCTS]
    perceiver = [f"cond_enc.perceiver.attn.{name}" for name in ("norm", "to_q", "to_k", "to_v", "proj_out")]
    tables = ["text_emb", "text_pos_emb.emb", "speech_emb", "speech_pos_emb.emb"]
    wanted = [*norms, *products, *perceiver, *tables, "tfmr.norm", HEAD]
    wanted += ["cond_enc.spkr_enc", "cond_enc.emotion_adv_fc"]
    for name in ["cond_enc.perceiver.pre_attention_query", *(f"{name}.weight" for name in wanted)]:
        check_tensor(tensors, name, RELEASE)
    rows, width = tensors["speech_emb.weight"].shape
    if rows <= STOP or tuple(tensors[f"{HEAD}.weight"].shape) != (rows, width):
        shape = list(tensors[f"{HEAD}.weight"].shape)
        raise StartError(f"the T3 weights hold {HEAD}.weight as {shape}, expected {[rows, width]}")
