"""Every import contract is broken by what it forbids: one violation of each is planted, and seen."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("worker", "segmenter", "encoder", "localpod", "gateway", "clients/python/chatterpod")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
# The contract, the module that breaks it, and what that imports.
PLANTED = {
    "the worker's rooms": ("worker/cache/store.py", "worker.speech"),
    "the engines' rooms": ("worker/engines/takes/judge.py", "worker.engines.choose"),
    "Chatterbox's rooms": ("worker/engines/chatterbox/linear.py", "worker.engines.chatterbox.start"),
    "the segmenter's rooms": ("segmenter/words/numbers.py", "segmenter.cutting.stops"),
    "the gateway's rooms": ("gateway/errors.py", "gateway.app"),
    "localpod's rooms": ("localpod/queue.py", "localpod.public_api"),
    "the local balancer's rooms": ("localpod/balancer/pool.py", "localpod.balancer.keeper"),
    "text and audio are pure: they know no other package of ours and do no I/O": (
        "encoder/pcm.py",
        "asyncio",
    ),
    "the segmenter and the encoder do not know each other": ("segmenter/scripts.py", "encoder.pcm"),
    "the worker's assembly is imported by the direct server, and nothing else of it by others": (
        "gateway/direct.py",
        "worker.errors",
    ),
    "runpod is imported by the entry point alone": ("worker/handler.py", "runpod"),
    "torch is imported by engines alone": ("worker/check.py", "torch"),
    "LAME is imported by one module": ("encoder/frames.py", "lameenc"),
    "engines know nothing of text but what a tag is, nor of audio files and the web": (
        "worker/engines/tone.py",
        "encoder.id3",
    ),
    "the Python client stands alone": ("clients/python/chatterpod/store.py", "numpy"),
    "the Python client's rooms: flows and rules below, drivers and the command line above": (
        "clients/python/chatterpod/pace.py",
        "chatterpod.client",
    ),
    "the Python client's flows know no network": ("clients/python/chatterpod/parts.py", "httpx"),
    "the gateway's core does no I/O": ("gateway/limits.py", "asyncio"),
}
STRAY = "worker/attic.py"  # a new module that no contract names


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the linter says of each contract over a copy of the tree with all violations planted."""
    folder = tmp_path_factory.mktemp("planted")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / Path(package).name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for file, imported in PLANTED.values():
        path = folder / file.removeprefix("clients/python/")
        path.write_text(f"{path.read_text()}\nimport {imported}\n")
    (folder / STRAY).write_text("")
    command = [Path(sys.executable).with_name("lint-imports").as_posix(), "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    _, _, broken = done.stdout.partition("Broken contracts")
    sections = re.split(r"^(.+(?:\n.+)?)\n-{3,}\n", broken, flags=re.MULTILINE)
    return {" ".join(title.split()): text for title, text in zip(sections[1::2], sections[2::2], strict=True)}


def test_every_contract_has_a_violation_planted() -> None:
    assert sorted(PLANTED) == sorted(contract["name"] for contract in CONTRACTS)


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_breaks_its_contract(said: dict[str, str], contract: str) -> None:
    file, imported = PLANTED[contract]
    module = file.removeprefix("clients/python/").removesuffix(".py").replace("/", ".")
    assert f"{module} -> {imported}" in " ".join(said[contract].split())


def test_a_new_module_that_no_contract_names_is_refused(said: dict[str, str]) -> None:
    assert "- worker.attic" in said["the worker's rooms"]
