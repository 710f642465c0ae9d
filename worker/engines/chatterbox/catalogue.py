"""Chatterbox's models, each entered once: what it is stands in its folder's `entry.py`."""

from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL
from worker.engines.chatterbox.turbo.entry import TURBO

__all__ = ["MODELS", "TURBO", "find_model"]

# By name. If the weights of several are there, the first is chosen.
MODELS = {model.name: model for model in (TURBO, MULTILINGUAL)}


def find_model(repository: str) -> Model | None:
    """Return the model whose released files lie in this repository of the hub."""
    return next((model for model in MODELS.values() if model.repository == repository), None)
