"""What is checked of every workflow."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

__all__ = ["ROOT", "Step", "actions", "complaints", "read", "steps"]

ROOT = Path(__file__).parents[2]
Step = dict[str, Any]


def read(name: str) -> dict[Any, Any]:
    """Return a workflow; YAML takes the key `on` for `True`."""
    loaded: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())
    return loaded


def steps(workflow: dict[Any, Any]) -> list[Step]:
    """Return the steps of all jobs."""
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def actions(workflow: dict[Any, Any]) -> dict[str, str]:
    """Return the actions that are used, and at which version."""
    return dict(step["uses"].split("@") for step in steps(workflow) if "uses" in step)


def complaints(script: str) -> str:
    """Return what shellcheck has to say about a script."""
    shellcheck = shutil.which("shellcheck")
    assert shellcheck is not None, "shellcheck is missing: make tools"
    command = [shellcheck, "--shell=bash", "-"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False).stdout
