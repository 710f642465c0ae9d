"""Chatterbox, ours beside upstream's: Turbo's starting, decoding, S3Gen, speaking, whole jobs, a peer.

`python -m bench.chatterbox [--quick] [--json FILE] [--only PART ...] [--model multilingual]`; of the
multilingual model, starting and speaking.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from bench import multilingual_checkpoints
from bench.chatterbox import decoding, multilingual, peer, s3gen, speaking, starting
from bench.chatterbox.theirs import Theirs
from bench.checkpoints import build_once
from bench.table import Guard, Row, parser, report
from worker.engines.chatterbox.weights.bake import bake

PARTS = ("starting", "decoding", "s3gen", "warm", "jobs", "peer")


def prepared() -> dict[str, Path]:
    """Return the checkpoints: as released, and baked in both lower precisions, once."""
    return baked(build_once("full"), ("bf16", "int8"))


def baked(folder: Path, precisions: Sequence[str]) -> dict[str, Path]:
    """Return a checkpoint as released, and baked, once."""
    folders = {"fp32": folder}
    for precision in precisions:
        folders[precision] = folder.with_name(f"{folder.name}-{precision}")
        if not folders[precision].is_dir():
            bake(folder, folders[precision], precision)
    return folders


def main() -> None:
    """Run what is asked for."""
    asked = parser("chatterbox", __doc__ or "")
    asked.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    asked.add_argument("--model", choices=("turbo", "multilingual"), default="turbo")
    options = asked.parse_args()
    guard, rounds = Guard(), 1 if options.quick else 3
    if options.model == "multilingual":
        both = baked(multilingual_checkpoints.build_once("full"), ("bf16",))
        report(multilingual.rows(both, guard, rounds), guard, options.json)
        return
    folders = prepared()
    model: Theirs | None = None

    def theirs() -> Theirs:
        nonlocal model
        model = model or Theirs(str(folders["fp32"]))
        return model

    parts: dict[str, Callable[[], list[Row]]] = {
        "starting": lambda: starting.rows(folders, guard, rounds),
        "decoding": lambda: decoding.rows(folders, theirs(), guard, 8 * rounds + 1),
        "s3gen": lambda: s3gen.rows(folders["fp32"], guard, torch.device("cpu"), quick=options.quick),
        "warm": lambda: speaking.warm(folders, theirs(), guard, rounds + 1),
        "jobs": lambda: speaking.jobs(folders, theirs(), guard, rounds + 1),
        "peer": lambda: peer.rows(theirs, folders["int8"], guard),
    }
    report([row for part in options.only for row in parts[part]()], guard, options.json)


if __name__ == "__main__":
    main()
