"""What tests in several folders need and nobody wants to build twice."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same inputs every time: a change is judged by what it changes. `make fuzz` looks for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny random checkpoint of Chatterbox-Turbo with the models that learn voices (0.5 GB)."""
    folder = tmp_path_factory.mktemp("weights") / "tiny"
    command = [sys.executable, "-W", "ignore", "-m", "bench.checkpoints", str(folder), "--cloning"]
    subprocess.run(command, check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def tiny_multilingual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny random checkpoint of Chatterbox Multilingual (90 MB)."""
    folder = tmp_path_factory.mktemp("weights") / "multilingual"
    command = [sys.executable, "-W", "ignore", "-m", "bench.multilingual_checkpoints", str(folder)]
    subprocess.run(command, check=True)
    yield folder
    shutil.rmtree(folder)
