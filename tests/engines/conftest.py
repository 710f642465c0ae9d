"""Upstream as the oracle, and tiny checkpoints, made once for all tests of the engines."""

import importlib
import warnings
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny models gain nothing from a second thread and lose much where cores are shared."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """The module `tiny_upstream`, imported late: it costs four seconds and prints warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("tiny_upstream")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory, oracle: ModuleType) -> Path:
    """A folder that looks like the released checkpoint, of tiny random models."""
    checkpoints = importlib.import_module("bench.checkpoints")
    folder: Path = checkpoints.build(tmp_path_factory.mktemp("checkpoints") / "tiny", "tiny")
    return folder
