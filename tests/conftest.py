"""What tests in several folders need and nobody wants to build twice."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from bench.built import once
from tests.parts import SLOW, minutes, rank, within

# Tiny models gain nothing from a second thread, and from long vectors less than the planning of them takes:
# what a process that is started here imports finds this, too. Where the processor has instructions for int8
# or bfloat16, which some tests compute in, all are used: without them oneDNN's int8 saturates.
os.environ.setdefault("OMP_NUM_THREADS", "1")
PROCESSOR = Path("/proc/cpuinfo")
if PROCESSOR.exists() and not re.search("vnni|bf16", PROCESSOR.read_text(encoding="utf-8")):
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "SSE41")
# The same inputs every time: a change is judged by what it changes. `make fuzz` looks for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--times`."""
    parser.addoption("--times", type=int, default=1, help="run each test so many times, in rounds")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by where they lie, put the slow ones first, and repeat all as `--times` asks."""
    for item in items:
        if within(item.path, SLOW):
            item.add_marker("slow")
    items.sort(key=lambda item: rank(item.path))
    items *= config.getoption("times")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the minutes of each folder."""
    reports = [report for each in terminalreporter.stats.values() for report in each]
    lines = minutes(report for report in reports if isinstance(report, pytest.TestReport))
    if len(lines) > 1:
        terminalreporter.section("where the time went")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def tiny_weights() -> Path:
    """A tiny random checkpoint of Chatterbox-Turbo with the models that learn voices (0.5 GB); read only."""
    return once("tiny-cloning", lambda folder: make("checkpoints", folder, "--cloning"))


@pytest.fixture(scope="session")
def tiny_checkpoint() -> Path:
    """A tiny random checkpoint of Chatterbox-Turbo as released (100 MB); read only."""
    return once("tiny", lambda folder: make("checkpoints", folder))


@pytest.fixture(scope="session")
def tiny_nano() -> Path:
    """A tiny random checkpoint of Chatterbox-Nano as released (100 MB); read only."""
    return once("nano-tiny", lambda folder: make("checkpoints", folder, "--model", "nano"))


@pytest.fixture(scope="session")
def tiny_multilingual() -> Path:
    """A tiny random checkpoint of Chatterbox Multilingual (90 MB); read only."""
    return once("multilingual-tiny", lambda folder: make("multilingual_checkpoints", folder))


def make(builder: str, folder: Path, *options: str) -> None:
    """Build a checkpoint in a process of its own: upstream's package takes seconds and prints warnings."""
    command = [sys.executable, "-W", "ignore", "-m", f"bench.{builder}", str(folder), *options]
    subprocess.run(command, check=True)
