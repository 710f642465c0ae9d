"""Chatterbox Multilingual, ours beside upstream's, on full-size random weights: starting, and 100 tokens.

`python -m bench.chatterbox --model multilingual [--quick] [--json FILE]`. A fresh process of either prints
one line of JSON: `python -m bench.chatterbox.multilingual ours|theirs FOLDER PRECISION STARTED`.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.table import Guard, Row, median

__all__ = ["rows"]

HUNDRED = "Eine Fähre fuhr um zehn zu den Inseln, so wie an jedem Tag vor"  # 62 characters, 99 tokens
SHORT = "Der Hafen lag still da."
PACE = 1.6  # tokens a character, as the random checkpoints say
LANGUAGE = "de"
Measured = dict[str, float]


def engine(folder: Path, precision: str) -> Any:
    """Load ours as the worker does."""
    from worker.engines.choose import load  # noqa: PLC0415 - importing is part of what is timed
    from worker.settings import Settings  # noqa: PLC0415 - likewise

    choices = {"TTS_MODEL_DIR": str(folder), "TTS_PRECISION": precision, "TTS_DEVICE": "cpu"}
    return load("chatterbox-multilingual", Settings.from_env(choices)).engine


def ours(folder: Path, precision: str) -> Callable[[str], object]:
    """Return what speaks a text with ours, watermark included."""
    from worker.engines import Utterance  # noqa: PLC0415 - likewise

    made = engine(folder, precision)

    def speak(text: str) -> None:
        made.admit(Utterance(1, text, language=LANGUAGE, opens=True))
        while not made.advance([1]):
            pass

    return speak


def theirs(folder: Path, _: str) -> Callable[[str], object]:
    """Return what speaks a text with upstream's `generate`, cut where ours ends; watermark included."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from chatterbox import mtl_tts  # noqa: PLC0415 - likewise
        from chatterbox.models.tokenizers import tokenizer  # noqa: PLC0415 - likewise

        tokenizer.ChineseCangjieConverter = lambda _: None  # it would look for its files on the network
        model = mtl_tts.ChatterboxMultilingualTTS.from_local(folder, "cpu")
    inference = model.t3.inference

    def speak(text: str) -> None:
        most = round(PACE * len(text))
        model.t3.inference = lambda **given: inference(**(given | {"max_new_tokens": most}))
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.generate(text, LANGUAGE)

    return speak


MAKERS = {"ours": ours, "theirs": theirs}


def fresh(who: str, folder: Path, precision: str) -> Measured:
    """Start either once, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.chatterbox.multilingual"]
    run = subprocess.run(
        [*command, who, str(folder), precision, str(time.time())], capture_output=True, text=True, check=True
    )
    measured: Measured = json.loads(run.stdout.splitlines()[-1])
    return measured


def starting(folders: dict[str, Path], guard: Guard, rounds: int) -> list[Row]:
    """Return the rows of fresh processes, in turns."""
    found: dict[str, list[Measured]] = {name: [] for name in ("theirs", *folders)}
    for _ in range(rounds):
        guard()
        found["theirs"].append(fresh("theirs", folders["fp32"], "fp32"))
        for precision, folder in folders.items():
            guard()
            found[precision].append(fresh("ours", folder, precision))
    table = []
    for precision in folders:
        for field, name in (("ready_s", "fresh process to ready"), ("first_s", "to the first audio")):
            values = [measured[field] for measured in found[precision]]
            other = median([measured[field] for measured in found["theirs"]])
            title = f"multilingual, {name}, {precision}"
            table.append(Row(title, median(values), "s", other, "upstream", other, f"(n={len(values)})"))
    return table


def warm(folders: dict[str, Path], guard: Guard, rounds: int) -> list[Row]:
    """Return the rows of 100 tokens by loaded models, in turns."""
    speakers = {"theirs": theirs(folders["fp32"], "fp32")}
    speakers |= {precision: ours(folder, precision) for precision, folder in folders.items()}
    times: dict[str, list[float]] = {name: [] for name in speakers}
    for speak in speakers.values():
        speak("Ja.")
    for _ in range(rounds):
        for name, speak in speakers.items():
            guard()
            began = time.perf_counter()
            speak(HUNDRED)
            times[name].append(time.perf_counter() - began)
    other = median(times["theirs"])
    return [
        Row(
            f"multilingual, warm, {round(PACE * len(HUNDRED))} tokens to audio, {precision}",
            median(times[precision]),
            "s",
            other,
            "upstream",
            other,
            f"(n={rounds})",
        )
        for precision in folders
    ]


def rows(folders: dict[str, Path], guard: Guard, rounds: int) -> list[Row]:
    """Return all rows; `folders`: "fp32" as released, others as baked."""
    return starting(folders, guard, rounds) + warm(folders, guard, rounds)


def main() -> None:
    """Load one, speak a short text, and say how long that took."""
    who, folder, precision, began = sys.argv[1:5]
    with contextlib.redirect_stdout(io.StringIO()):
        speak = MAKERS[who](Path(folder), precision)
        ready = time.time()
        speak(SHORT)
    print(json.dumps({"ready_s": ready - float(began), "first_s": time.time() - float(began)}))


if __name__ == "__main__":
    main()
