"""This tree beside another one, such as a worktree of an older commit: the same jobs in turns.

git worktree add ../older COMMIT
python -m bench.turns ../older
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from bench import entry
from bench.endpoints import endpoint
from bench.pipeline import listeners, text
from bench.table import Guard, Row, median, p95, parser, report

HERE = Path(__file__).resolve().parents[1]
Measure = Callable[[], float]  # one figure in ms
Kind = Callable[[Path], AbstractContextManager[Measure]]  # for a tree


@contextmanager
def entry_of(tree: Path) -> Iterator[Measure]:
    """Yield what measures a job in the handler of a tree's worker, with the tone, in a process of its own."""
    # The command is this Python with our own module; -P keeps this tree out of the other's imports.
    command = [sys.executable, "-P", entry.__file__]
    env = os.environ | {"PYTHONPATH": str(tree)}
    with subprocess.Popen(
        command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        ask, answer, seeds = child.stdin, child.stdout, count()
        if ask is None or answer is None:
            raise RuntimeError("no pipes to the child")

        def measure() -> float:
            ask.write(json.dumps({"text": text(300), "seed": next(seeds), "cache": "off"}) + "\n")
            ask.flush()
            return float(answer.readline())

        yield measure
        ask.close()


@contextmanager
def first_of(tree: Path, characters: int, env: Mapping[str, str]) -> Iterator[Measure]:
    """Yield what measures POST /run to the first record, with a tree's worker under this tree's localpod."""
    with endpoint("-P", "-m", "worker", PYTHONPATH=str(tree), **env) as served:
        yield lambda: served.first_ms({"text": text(characters), "cache": "off"})


@contextmanager
def longest_of(tree: Path, jobs: int, characters: int, env: Mapping[str, str]) -> Iterator[Measure]:
    """Yield what measures the longest that one of several listeners at once waits for audio."""
    with endpoint("-P", "-m", "worker", PYTHONPATH=str(tree), **env) as served:
        yield lambda: max(listeners(served.url, jobs, characters))


def compared(name: str, rounds: int, guard: Guard, ours: Measure, theirs: Measure) -> Iterator[Row]:
    """Measure both in turns, each first in every other round; yield the median and the 95th percentile."""
    mine: list[float] = []
    other: list[float] = []
    for measure in (ours, theirs):
        measure()  # warm, not counted
    for number in range(rounds):
        guard()
        turns = [(ours, mine), (theirs, other)]
        for measure, times in turns if number % 2 else reversed(turns):
            times.append(measure())
    for title, of in ((f"{name}, p50", median), ("  p95", p95)):
        ratio = f"{of(mine) / of(other):.2f} of the other's, " if of(other) else ""
        yield Row(title, of(mine), "ms", None, "the other tree", of(other), f"({ratio}n={rounds})")


def parts(folder: str, model: str | None) -> Iterator[tuple[str, int, Kind]]:
    """Yield each comparison: its name, by how much its rounds are fewer, and what opens a tree's measure."""
    env = {"TTS_ENGINE": "tone", "TTS_CACHE_DIR": folder}
    yield "handler entry to first record, tone", 1, entry_of
    yield (
        "POST /run to first record, tone",
        1,
        partial(first_of, characters=300, env=env | {"TTS_TONE_SPEED": "10000"}),
    )
    if find_spec("hibari") is not None:
        yield (
            "preview: POST /run to first audio",
            1,
            partial(first_of, characters=600, env=env | {"TTS_ENGINE": "preview"}),
        )
    yield (
        "eight jobs at once, tone at 2x: longest a listener waits",
        5,
        partial(longest_of, jobs=8, characters=400, env=env | {"TTS_TONE_SPEED": "2"}),
    )
    if model is not None:
        chatterbox = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": model}
        yield (
            "four jobs at once, Chatterbox: longest a listener waits",
            5,
            partial(longest_of, jobs=4, characters=200, env=env | chatterbox),
        )


def main() -> int:
    """Measure and report."""
    options = parser("turns", "This tree beside another, the same jobs in turns.")
    options.add_argument("tree", type=Path, help="the other tree, such as a worktree of an older commit")
    options.add_argument("--rounds", type=int, default=25)
    options.add_argument("--model", metavar="FOLDER", help="Chatterbox's weights, to be measured too")
    given = options.parse_args()
    guard, rows = Guard(), []
    with tempfile.TemporaryDirectory() as folder:
        for name, fewer, kind in parts(folder, given.model):
            rounds = max(1, (5 if given.quick else given.rounds) // fewer)
            with kind(HERE) as ours, kind(given.tree.resolve()) as theirs:
                for row in compared(name, rounds, guard, ours, theirs):
                    print(
                        f"{row.name}: {row.value:.1f} / {row.against_value:.1f} {row.spread}", file=sys.stderr
                    )
                    rows.append(row)
    report(rows, guard, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
