"""Chatterbox's models, each entered once: what it is stands in its folder's `entry.py`."""

import hashlib
from collections.abc import Container, Iterable
from pathlib import Path

from worker.engines.chatterbox.files import Manifest, t3_size
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL, MULTILINGUAL_V2
from worker.engines.chatterbox.nano.entry import NANO
from worker.engines.chatterbox.turbo.entry import TURBO
from worker.errors import StartError

__all__ = ["MODELS", "TURBO", "check_model", "find_model", "models_in", "named"]

# By name. If the weights of several are there, the first is chosen; without a GPU the first light one.
MODELS = {model.name: model for model in (TURBO, MULTILINGUAL, MULTILINGUAL_V2, NANO)}


def find_model(repository: str, files: Container[str] = ()) -> Model | None:
    """Return the model whose released files lie in this repository of the hub.

    Of several it is the one whose T3 is among `files`, else the first.
    """
    found = [model for model in MODELS.values() if model.repository == repository]
    return next((model for model in found if model.t3_file in files), found[0] if found else None)


def models_in(folder: Path) -> list[Model]:
    """Return the models whose weights a folder holds, by the names of its files."""
    return [model for model in MODELS.values() if model.is_checkpoint(folder)]


def named(models: Iterable[Model]) -> str:
    """Return models' titles as a list in words."""
    return " and ".join(model.title for model in models)


def check_model(folder: Path, model: Model, models: Iterable[Model] = tuple(MODELS.values())) -> None:
    """Check that a folder's weights are a model's and no other one's; of large files only headers are read.

    Raises:
        StartError: They are not there, or are another model's; the line says what to do.
    """
    if not model.is_checkpoint(folder):
        if others := models_in(folder):
            raise StartError(
                f"{folder} holds the weights of {named(others)}, not of {model.title}: set "
                f"TTS_ENGINE={others[0].name}, or TTS_MODEL_DIR to another folder"
            )
        if any(folder.glob("*.safetensors")):
            model.check_whole(folder)  # names the file that is missing
        raise StartError(f"no {model.title} weights in {folder}: set TTS_MODEL_DIR")
    size = t3_size(folder / model.t3_file)
    stated = Manifest.read(folder).model or model.name
    if size != model.t3_size:
        stated = next((name for name, each in MODELS.items() if each.t3_size == size), stated)
    if stated != model.name:
        raise StartError(
            f"{folder / model.t3_file} holds the T3 of {stated}, expected {model.name}'s: fetch or bake the "
            "weights again"
        )
    for name in model.sha256:
        check_owner(folder / name, model, models)


def check_owner(file: Path, model: Model, models: Iterable[Model]) -> None:
    """Check that a file which several models have under one name is not another's than `model`'s.

    Raises:
        StartError: It is.
    """
    found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    for other in models:
        if found == other.sha256.get(file.name) != model.sha256[file.name]:
            raise StartError(
                f"{file} is {other.title}'s, and {model.title} was trained with another: fetch its own by "
                f"{model.lock}"
            )
