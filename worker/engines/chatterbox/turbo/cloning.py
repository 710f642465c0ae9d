"""From a clip to a voice, as upstream's `prepare_conditionals` in tts_turbo.py makes it."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from worker.engines.chatterbox.cloning import Cloner, Hearing
from worker.engines.chatterbox.files import CLONING_FILE
from worker.engines.chatterbox.turbo.files import S3_FILE, VOICE_ENCODER
from worker.errors import VoiceUnusableError

__all__ = ["HEARING", "load_cloner"]

HEARING = Hearing(t3_seconds=15, t3_tokens=375, levels=True)


def load_cloner(folder: Path, device: torch.device) -> Cloner:
    """Load the models for learning from a checkpoint's folder, as released or as baked.

    Raises:
        VoiceUnusableError: They are not there, or are other ones.
    """
    try:
        if (folder / CLONING_FILE).is_file():
            return Cloner(load_file(folder / CLONING_FILE), device, HEARING)
        encoder = {f"ve.{name}": tensor for name, tensor in load_file(folder / VOICE_ENCODER).items()}
        return Cloner(load_file(folder / S3_FILE) | encoder, device, HEARING)
    except (OSError, SafetensorError, ImportError) as error:
        raise VoiceUnusableError(
            "this worker cannot learn voices: the models for it are not there"
        ) from error
