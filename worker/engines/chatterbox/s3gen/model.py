"""S3Gen as the engine sees it: voices, jobs, waveforms."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from worker.engines.chatterbox.conditioning import Conditioning
from worker.engines.chatterbox.s3gen.flow import MELS, Flow, FlowRow, result_of
from worker.engines.chatterbox.s3gen.source import SAMPLE_RATE
from worker.engines.chatterbox.s3gen.tensors import Weights
from worker.engines.chatterbox.s3gen.vocoder import Vocoder
from worker.errors import VoiceUnusableError

__all__ = ["MOST_STEPS", "SPEECH_IDS", "Draws", "S3Gen", "S3Job", "S3Voice"]

SPEECH_IDS = 6561  # T3's start and stop tokens lie above
TOKENS_PER_SECOND = 25
FRAMES_PER_TOKEN = 2
MOST_STEPS = 10
TRIM = SAMPLE_RATE // 50  # 20 ms are silenced, 20 ms fade in: the prompt spills over into them


@dataclass(frozen=True, slots=True)
class S3Voice:
    """What S3Gen needs of a voice, ready on the device; computed once per voice."""

    tokens: Tensor  # [P] int64
    mel: Tensor  # [2 * P, 80]
    speaker: Tensor  # [80]


@dataclass(frozen=True, slots=True)
class S3Job:
    """One utterance; `generator` gives every draw, in the order of `Draws`."""

    tokens: Tensor  # [T] int64, each below SPEECH_IDS; upstream adds three of silence before
    voice: S3Voice
    generator: torch.Generator = field(compare=False)
    steps: int = 2

    @property
    def length(self) -> int:
        """Tokens of the voice's prompt and of the speech together."""
        return len(self.voice.tokens) + len(self.tokens)


@dataclass(frozen=True, slots=True)
class Draws:
    """All that is random in one utterance, in the order in which it is drawn."""

    spoken: Tensor  # [2 * T, 80] normal: the speech's frames, first, so that no prompt's length moves them
    phase: Tensor  # [harmonics, 1] uniform in ±π, the first set to zero
    source: Tensor  # [harmonics, samples] normal
    prompt: Tensor  # [2 * P, 80] normal: the prompt's frames

    @property
    def flow(self) -> Tensor:
        """The flow's noise over prompt and speech: [2 * (P + T), 80]."""
        return torch.cat([self.prompt, self.spoken])


class S3Gen:
    """Speech tokens to 24 kHz waveforms. Holds weights and constants of them; no state of any job."""

    def __init__(self, flow: Flow, vocoder: Vocoder) -> None:
        self.flow = flow
        self.vocoder = vocoder
        self._fade = fade_in(flow.device)

    @classmethod
    def load(
        cls,
        tensors: Mapping[str, Tensor],
        *,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        vocoder_dtype: torch.dtype | None = None,
    ) -> "S3Gen":
        """Take the weights, by upstream's names: Turbo's s3gen_meanflow, or the multilingual s3gen.

        Args:
            tensors: Weight norm may be folded or not; other models' tensors are not looked at.
            device: Where it runs.
            dtype: Of the flow.
            vocoder_dtype: Of the vocoder's convolutions, if another; the source stays in float32.

        Raises:
            StartError: A tensor is missing or does not hold floats.
        """
        if device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = False  # what asks for single precision means it: the pitch
            torch.backends.cuda.enable_cudnn_sdp(enabled=False)  # it would plan anew for each length
        flow, vocoder = Weights(tensors, device, dtype), Weights(tensors, device, vocoder_dtype or dtype)
        with torch.inference_mode():
            return cls(Flow(flow.at("flow")), Vocoder(vocoder.at("mel2wav")))

    @torch.inference_mode()
    def voice(self, conditioning: Conditioning, prompt_seconds: float | None = None) -> S3Voice:
        """Return a voice, with at most the last `prompt_seconds` of its prompt.

        The last ones, since the speech goes on where the prompt ends.

        Raises:
            VoiceUnusableError: The prompt is empty, or has ids beyond the table of embeddings.
        """
        tokens, mel = prompt(conditioning)
        count = len(tokens)
        if prompt_seconds is not None:
            count = min(count, max(1, round(prompt_seconds * TOKENS_PER_SECOND)))
        device = self.flow.device
        return S3Voice(
            tokens=tokens[-count:].to(device),
            mel=mel[-FRAMES_PER_TOKEN * count :].to(device, self.flow.dtype),
            speaker=self.flow.project_speaker(conditioning.s3_embedding),
        )

    @torch.inference_mode()
    def stepwise(
        self, jobs: Sequence[S3Job], draws: Sequence[Draws] | None = None
    ) -> Generator[None, None, list[Tensor]]:
        """Yield after each of the flow's steps; return each job's waveform, float32 [960 * T] on the CPU.

        The jobs are one batch, of equal steps. On a CPU a batch is not faster, and its samples differ from
        those of each job alone. Draws that are not given are made.

        Raises:
            ValueError: A job has no tokens, an id out of range, or steps out of range.
        """
        for job in jobs:
            check(job)
        draws = draws or [self.draw(job) for job in jobs]
        rows = [self.row(job, drawn) for job, drawn in zip(jobs, draws, strict=True)]
        mels = yield from self.flow.stepwise(rows, jobs[0].steps)
        return [self.trim(wave).cpu() for wave in self.vocode(mels, draws)]

    def render(self, jobs: Sequence[S3Job], draws: Sequence[Draws] | None = None) -> list[Tensor]:
        """Return what `stepwise` returns in the end."""
        return result_of(self.stepwise(jobs, draws))

    @torch.inference_mode()
    def rest(self) -> bool:
        """Prepare a piece of what later speech will need; False when nothing is left."""
        return self.vocoder.plan()

    def draw(self, job: S3Job) -> Draws:
        """Make a job's draws on its generator's device, and bring them to the model's."""
        generator, frames = job.generator, FRAMES_PER_TOKEN * len(job.tokens)
        harmonics, samples = self.vocoder.source.harmonics, frames * self.vocoder.source.samples_per_frame

        def normal(*shape: int) -> Tensor:
            drawn = torch.randn(shape, generator=generator, device=generator.device)
            return drawn.to(self.flow.device)

        spoken = normal(frames, MELS)
        phase = torch.rand((harmonics, 1), generator=generator, device=generator.device)
        phase = (phase * 2 - 1).mul_(torch.pi).to(self.flow.device)
        phase[0] = 0
        return Draws(spoken, phase, normal(harmonics, samples), normal(len(job.voice.mel), MELS))

    def row(self, job: S3Job, draws: Draws) -> FlowRow:
        """Return the flow's view of a job."""
        tokens = job.tokens.to(self.flow.device)
        return FlowRow(tokens, job.voice.tokens, job.voice.mel, job.voice.speaker, draws.flow)

    @torch.inference_mode()
    def vocode(self, mels: Sequence[Tensor], draws: Sequence[Draws]) -> list[Tensor]:
        """Return the waveforms of mel spectrograms [frames, 80], untrimmed."""
        signals = [
            self.vocoder.source(mel, drawn.phase, drawn.source)
            for mel, drawn in zip(mels, draws, strict=True)
        ]
        return self.vocoder(mels, signals)

    def trim(self, wave: Tensor) -> Tensor:
        """Silence 20 ms and fade in over the next 20, as upstream's `inference` does."""
        wave[: len(self._fade)] *= self._fade
        return wave


def fade_in(device: torch.device) -> Tensor:
    """Return upstream's `trim_fade` [960]."""
    fade = torch.zeros(2 * TRIM, device=device)
    fade[TRIM:] = (torch.cos(torch.linspace(torch.pi, 0, TRIM, device=device)) + 1) / 2
    return fade


def prompt(conditioning: Conditioning) -> tuple[Tensor, Tensor]:
    """Return the prompt's tokens [P] and mel [2 * P, 80], each cut to what the other has."""
    tokens, mel = conditioning.s3_prompt_tokens[0], conditioning.s3_prompt_mel[0]
    count = min(len(tokens), len(mel) // FRAMES_PER_TOKEN)
    tokens, mel = tokens[:count], mel[: FRAMES_PER_TOKEN * count]
    if not count or not bool(((tokens >= 0) & (tokens < SPEECH_IDS)).all()):
        raise VoiceUnusableError("the voice has no prompt that S3Gen can read")
    return tokens, mel


def check(job: S3Job) -> None:
    """Refuse what the model has no row or no meaning for."""
    tokens = job.tokens
    if tokens.dim() != 1 or tokens.dtype != torch.int64 or not len(tokens):
        raise ValueError(f"tokens are {list(tokens.shape)} {tokens.dtype}, expected [1 or more] int64")
    low, high = (int(value) for value in tokens.aminmax())
    if low < 0 or high >= SPEECH_IDS:
        raise ValueError(f"speech token ids range over {low} … {high}, expected 0 … {SPEECH_IDS - 1}")
    if not 1 <= job.steps <= MOST_STEPS:
        raise ValueError(f"steps is {job.steps}, expected 1 … {MOST_STEPS}")
