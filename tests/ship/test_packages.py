"""The image's packages install as its Dockerfile installs them.

Whole, the lists are installed by `make setup`, in a fresh environment and without dependencies of
their own, as in the image. Here the Dockerfile's own line is run, with the lists cut down to what
the worker needs to speak a word with the tone engine.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.image import pins
from tests.kits.image_imports import plain

ROOT = Path(__file__).parents[2]
LISTS = ("worker", "chatterbox")
FEW = (
    "annotated-types", "lameenc", "numpy", "pydantic", "pydantic-core", "python-stretch", "runpod",
    "typing-extensions", "typing-inspection", "unicode-rbnf",
)  # fmt: skip


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's first stage makes of the short lists, with the worker beside it."""
    folder = tmp_path_factory.mktemp("image")
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    for name in LISTS:
        file = folder / "requirements" / f"{name}.txt"
        kept = [line for line in file.read_text().splitlines() if line.split("==")[0] in (*FEW, "hibari-tts")]
        file.write_text("# cut down\n" + "\n".join(kept) + "\n")
    for name in ("segmenter", "encoder", "worker"):
        shutil.copytree(ROOT / name, folder / name)
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile.serverless").read_text())
    run = next(line for line in text.splitlines() if line.startswith("RUN python -m venv"))
    script = (
        run.removeprefix("RUN ").replace("/opt/venv", str(folder / "venv")).replace("--no-cache-dir ", "")
    )
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "CHATTERBOX": "requirements/chatterbox.txt",
    }
    done = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def in_image(image: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [image / "venv/bin/python", *arguments],
        cwd=image,
        env={"TTS_ENGINE": "tone", "TTS_CACHE_DIR": str(image / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_fresh_environment_made_by_the_dockerfiles_line_speaks_a_word(image: Path) -> None:
    code, said = in_image(image, "-m", "worker.check")
    assert (code, said.split(":")[0]) == (0, "spoke 'Hello.'")
    code, said = in_image(image, "-m", "worker", "--check")
    assert code == 0
    assert f"lameenc {version('lameenc')}" in said


def test_it_holds_the_pins_and_nothing_else_not_even_an_installer(image: Path) -> None:
    code, said = in_image(
        image, "-c", "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
    )
    assert code == 0
    assert {plain(name) for name in said.split()} == {*FEW}


def test_every_pin_of_the_image_is_what_is_installed_here() -> None:
    wrong = {name: pin for name, pin in pins(ROOT / "requirements").items() if version(name) != pin}
    assert wrong == {}


def test_the_lists_are_names_and_versions_and_no_name_stands_twice() -> None:
    names: list[str] = []
    for file in (ROOT / "requirements").glob("*.txt"):
        if file.name in {"not-in-image.txt", "programs.txt"}:  # the programs' environment is their own
            continue
        for line in file.read_text().splitlines():
            if not line.startswith("#"):
                assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)
                names.append(line.split("==")[0].lower().replace("_", "-"))
    assert len(names) == len(set(names))
