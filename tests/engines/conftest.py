"""Upstream as the oracle, imported once for all tests of the engines."""

import importlib
import shutil
import warnings
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file, save_file


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny models gain nothing from a second thread and lose much where cores are shared."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The module `tiny_upstream`, imported late: it costs four seconds and prints warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("tests.kits.tiny_upstream")


STUCK_ON = (100, 200)


@pytest.fixture(scope="session")
def stuck_checkpoint(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Path:
    """The tiny checkpoint, not marked as random, whose head is biased to two speech tokens."""
    folder = shutil.copytree(tiny_checkpoint, tmp_path_factory.mktemp("checkpoints") / "stuck")
    (folder / "manifest.json").unlink()
    file = folder / "t3_turbo_v1.safetensors"
    tensors = load_file(file)
    tensors["speech_head.bias"][list(STUCK_ON)] += 100.0
    file.unlink()  # what is mapped from it stays
    save_file(tensors, file)
    return folder
