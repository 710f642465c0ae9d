"""From a clip to a voice, as upstream's `prepare_conditionals` in tts_turbo.py makes it."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from worker.engines.chatterbox import cloning
from worker.engines.chatterbox.cloning import Cloner, Hearing
from worker.engines.chatterbox.turbo.files import S3_FILE, VOICE_ENCODER

__all__ = ["HEARING", "load_cloner"]

HEARING = Hearing(t3_seconds=15, t3_tokens=375, levels=True)


def load_cloner(folder: Path, device: torch.device) -> Cloner:
    """Load the models for learning; raises VoiceUnusableError if they cannot be loaded."""
    return cloning.load_cloner(folder, device, HEARING, released)


def released(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of the released files that learning reads."""
    encoder = {f"ve.{name}": tensor for name, tensor in load_file(folder / VOICE_ENCODER).items()}
    return load_file(folder / S3_FILE) | encoder
