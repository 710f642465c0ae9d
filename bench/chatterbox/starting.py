"""How long until the first job: fresh processes of ours and of upstream's, in turns."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.endpoints import endpoint
from bench.table import Guard, Row, median

__all__ = ["rows"]

TEXT = "The harbour was quiet at dawn, and no gull called."  # 50 characters
TOKENS = 80
Measured = dict[str, float]


def fresh(*arguments: str) -> Measured:
    """Run one of the fresh programs; return what it measured."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", *arguments], capture_output=True, text=True, check=True
    )
    measured: Measured = json.loads(run.stdout.splitlines()[-1])
    return measured


def ours(folder: Path, precision: str) -> Measured:
    """Start ours once."""
    return fresh("bench.chatterbox.fresh_ours", str(folder), precision, str(time.time()), TEXT)


def theirs(folder: Path) -> Measured:
    """Start upstream's once."""
    return fresh("bench.chatterbox.fresh_upstream", str(folder), str(time.time()), TEXT, str(TOKENS))


def drop_pages(folder: Path) -> None:
    """Take the weights out of the page cache; torch and Python stay in it."""
    for file in folder.iterdir():
        handle = os.open(file, os.O_RDONLY)
        os.fdatasync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def first_job_s(command: tuple[str, ...], env: dict[str, str], given: dict[str, Any]) -> float:
    """Return the seconds from a job's arrival at an endpoint without workers to its record."""
    with endpoint(*command, **env) as cold:
        return cold.first_ms(given) / 1000


def rows(folders: dict[str, Path], guard: Guard, rounds: int) -> list[Row]:
    """Return the rows; `folders`: "fp32" as released, "bf16" and "int8" as baked."""
    found: dict[str, list[Measured]] = {name: [] for name in ("theirs", *folders)}
    for _ in range(rounds):
        guard()
        found["theirs"].append(theirs(folders["fp32"]))
        for precision, folder in folders.items():
            guard()
            found[precision].append(ours(folder, precision))
    table = [row for precision in folders for row in of_process(precision, found)]
    table += dropped(folders, rounds)
    return [*table, *taking(folders, guard, rounds), size(folders)]


def of_process(precision: str, found: dict[str, list[Measured]]) -> list[Row]:
    """Return one precision's rows."""
    goals: dict[str, tuple[str, str, float | None]] = {
        "ready_s": ("fresh process to ready", "s", 7.0),
        "first_audio_s": ("fresh process to the first audio of 50 characters", "s", 3.0),
        "loaded_mb": ("memory when loaded", "MB", None),
        "peak_mb": ("memory, peak", "MB", 2.0 if precision == "bf16" else None),
    }
    table = []
    for field, (name, unit, times) in goals.items():
        values = [measured[field] for measured in found[precision]]
        other = median([measured[field] for measured in found["theirs"]])
        goal = None if times is None else other / times
        spread = f"({min(values):.1f}-{max(values):.1f}, n={len(values)})"
        table.append(Row(f"{name}, {precision}", median(values), unit, goal, "upstream", other, spread))
    return table


def dropped(folders: dict[str, Path], rounds: int) -> list[Row]:
    """Return the row of a start whose weights must be read from the disk."""
    values: dict[str, list[float]] = {"ours": [], "theirs": []}
    runs: dict[str, tuple[Path, Callable[[], Measured]]] = {
        "ours": (folders["bf16"], lambda: ours(folders["bf16"], "bf16")),
        "theirs": (folders["fp32"], lambda: theirs(folders["fp32"])),
    }
    for _ in range(max(1, rounds - 1)):
        for name, (folder, run) in runs.items():
            drop_pages(folder)
            values[name].append(run()["ready_s"])
    other = median(values["theirs"])
    name = "the same, weights out of the page cache, bf16"
    return [Row(name, median(values["ours"]), "s", other / 5, "upstream", other)]


def taking(folders: dict[str, Path], guard: Guard, rounds: int) -> list[Row]:
    """Return the row of whole workers: a job's arrival at localpod to its answer."""
    mine = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(folders["bf16"])}
    values: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(rounds):
        guard()
        values["ours"].append(first_job_s((), mine, {"op": "warm"}))
        command = ("-W", "ignore", "-m", "bench.chatterbox.upstream_worker")
        env = {"UPSTREAM_MODEL_DIR": str(folders["fp32"])}
        values["theirs"].append(first_job_s(command, env, {"text": "x"}))
    other = median(values["theirs"])
    name = "worker started to first job answered, bf16"
    return [Row(name, median(values["ours"]), "s", min(3.5, other / 4), "around upstream", other)]


def size(folders: dict[str, Path]) -> Row:
    """Return the row of what plain synthesis reads."""

    def read(folder: Path) -> float:
        return (
            sum(file.stat().st_size for file in folder.iterdir() if file.name != "cloning.safetensors") / 1e9
        )

    return Row("slim checkpoint, bf16", read(folders["bf16"]), "GB", 1.1, "released", read(folders["fp32"]))
