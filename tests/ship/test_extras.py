"""An extra of the distribution is enough for what its name says, in an environment with nothing else."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = ("worker", "segmenter", "encoder", "localpod", "gateway", "clients/python")
IMPORTS = """
import sys
from functools import partial
from gateway.app import create_app
from gateway.queue_endpoint import QueueEndpoint
from gateway.runpod_queue import RunPodQueue
from gateway.settings import GatewaySettings
settings = GatewaySettings.from_env({"RUNPOD_ENDPOINT_ID": "none", "RUNPOD_API_KEY": "none"})
routes = create_app(settings, partial(QueueEndpoint, RunPodQueue(settings))).routes
print(len(routes) > 5, "runpod" in sys.modules, "lameenc" in sys.modules)
"""


def ran(command: Sequence[str], folder: Path) -> None:
    """Run a command that must pass."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment, with the extra `gateway` at the versions that are pinned."""
    folder = tmp_path_factory.mktemp("extras")
    for tree in TREES:
        shutil.copytree(
            ROOT / tree, folder / tree, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
        )
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, folder)
    wheels = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    ran([*wheels, "-w", "wheels", "./clients/python", "."], folder)  # isolated builds download setuptools
    ran([sys.executable, "-m", "venv", "--without-pip", "venv"], folder)
    python = folder / "venv/bin/python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile"]
    found = ["-c", str(ROOT / "requirements/worker.txt"), "--find-links", "wheels"]
    ran([*install, *found, "chatterpod-worker[gateway]"], folder)
    return python


def test_the_gateway_needs_its_own_extra_and_no_sdk_or_encoder(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-c", IMPORTS], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.returncode) == (["True", "False", "False"], 0), done.stderr
    missing = subprocess.run([python, "-c", "import runpod"], cwd=tmp_path, capture_output=True, check=False)
    assert missing.returncode == 1
