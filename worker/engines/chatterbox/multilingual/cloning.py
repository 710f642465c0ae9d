"""From a clip to a voice, as upstream's `prepare_conditionals` in mtl_tts.py makes it."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from worker.engines.chatterbox.cloning import Cloner, Hearing
from worker.engines.chatterbox.files import CLONING_FILE
from worker.engines.chatterbox.multilingual.checkpoint import map_pickle
from worker.engines.chatterbox.multilingual.files import RELEASED_S3_FILE, RELEASED_VOICE_ENCODER
from worker.errors import StartError, VoiceUnusableError

__all__ = ["HEARING", "load_cloner"]

HEARING = Hearing(t3_seconds=6, t3_tokens=150, levels=False)


def load_cloner(folder: Path, device: torch.device) -> Cloner:
    """Load the models for learning from a checkpoint's folder, as released or as baked.

    Raises:
        VoiceUnusable: They are not there, or are other ones.
    """
    try:
        if (folder / CLONING_FILE).is_file():
            return Cloner(load_file(folder / CLONING_FILE), device, HEARING)
        encoder = map_pickle(folder / RELEASED_VOICE_ENCODER)
        weights = map_pickle(folder / RELEASED_S3_FILE) | {
            f"ve.{name}": each for name, each in encoder.items()
        }
        return Cloner(weights, device, HEARING)
    except (OSError, SafetensorError, ImportError, StartError) as error:
        raise VoiceUnusableError(
            "this worker cannot learn voices: the models for it are not there"
        ) from error
