"""From a clip to a voice, as upstream's `prepare_conditionals` in mtl_tts.py makes it."""

from pathlib import Path

import torch
from torch import Tensor

from worker.engines.chatterbox import cloning
from worker.engines.chatterbox.cloning import Cloner, Hearing
from worker.engines.chatterbox.multilingual.checkpoint import map_pickle
from worker.engines.chatterbox.multilingual.files import RELEASED_S3_FILE, RELEASED_VOICE_ENCODER

__all__ = ["HEARING", "load_cloner"]

HEARING = Hearing(t3_seconds=6, t3_tokens=150, levels=False)


def load_cloner(folder: Path, device: torch.device) -> Cloner:
    """Load the models for learning; raises VoiceUnusableError if they cannot be loaded."""
    return cloning.load_cloner(folder, device, HEARING, released)


def released(folder: Path) -> dict[str, Tensor]:
    """Return the tensors of the released files that learning reads; raises StartError."""
    encoder = {f"ve.{name}": tensor for name, tensor in map_pickle(folder / RELEASED_VOICE_ENCODER).items()}
    return map_pickle(folder / RELEASED_S3_FILE) | encoder
