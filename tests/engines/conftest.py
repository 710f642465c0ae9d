"""Upstream as the oracle, and tiny checkpoints, made once for all tests of the engines."""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def oracle() -> Iterator[ModuleType]:
    """The module `tiny_upstream`, imported late: it costs four seconds and prints warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield importlib.import_module("tiny_upstream")


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory, oracle: ModuleType) -> Path:
    """A folder that looks like the released checkpoint, of tiny random models."""
    checkpoints = importlib.import_module("bench.checkpoints")
    folder: Path = checkpoints.build(tmp_path_factory.mktemp("checkpoints") / "tiny", "tiny")
    return folder
