"""What the Dockerfile names is there, and its command starts the worker."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.kits.recipe import DOCKERFILE, LINES, ROOT, STAGES, defaulted, instructions
from worker.engines.chatterbox.catalogue import MODELS
from worker.settings import Settings


def environment() -> dict[str, str]:
    last = defaulted(instructions("ENV")[-1])
    return dict(pair.split("=", 1) for pair in last.split())


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None, "hadolint is missing: requirements/dev.txt"
    files = [DOCKERFILE, ".runpod/Dockerfile"]
    done = subprocess.run([hadolint, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: everything is, but for what it names."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")]
    return not any(f"{path}/".startswith(rule[1:].rstrip("/") + "/") for rule in rules)


def test_every_path_that_is_copied_exists_and_reaches_the_build() -> None:
    copied = [line.split() for line in instructions("COPY")]
    for words in copied:
        if words[0].startswith("--from="):
            assert words[0].removeprefix("--from=") in STAGES
            continue
        for word in words[:-1]:
            path = defaulted(word)
            assert (ROOT / path).exists()
            assert not ignored(path)
    assert len(copied) >= 8


def test_every_requirement_file_and_every_module_that_is_run_exists() -> None:
    text = "\n".join(LINES)
    for path in set(re.findall(r"requirements/[\w.-]+\.txt", text)):
        assert (ROOT / path).is_file()
    modules = set(re.findall(r"-m (worker[\w.]*)", text))
    assert modules == {
        "worker.engines.chatterbox.weights.fetch",
        "worker.engines.chatterbox.weights.bake",
        "worker.check",
        "worker.voices",
    }
    for module in modules:
        assert find_spec(module) is not None


def test_every_option_that_the_build_passes_is_one_of_the_modules() -> None:
    run = next(line for line in instructions("RUN") if "weights.fetch" in line)
    for command in run.split("&&")[:2]:
        module = re.findall(r"-m (\S+)", command)[0]
        text = subprocess.check_output([sys.executable, "-m", module, "--help"], cwd=ROOT, text=True)
        for option in re.findall(r"--[\w-]+", command):
            assert option in text


def test_the_settings_of_the_image_are_settings_and_name_engine_and_device() -> None:
    env = environment()
    settings = Settings.from_env(env)
    assert (settings.engine, settings.device) == ("chatterbox-turbo", "cuda")
    assert env["RUNPOD_LOG_LEVEL"] == "INFO"
    assert env["HF_HUB_OFFLINE"] == "1"
    run = next(line for line in instructions("RUN") if "weights.bake" in line)
    assert env["TTS_MODEL_DIR"] in defaulted(run)
    assert any(env["TTS_MODEL_DIR"].startswith(line.split()[-1]) for line in instructions("COPY"))


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("queue", r"worker: no Chatterbox-Turbo weights in \S+: set TTS_MODEL_DIR\n"),
        (
            "direct",
            r"gateway: http://0\.0\.0\.0:\d+ (.*\n){3}worker: no Chatterbox-Turbo weights in \S+: .*\n",
        ),
        ("both", r"worker: TTS_MODE='both': expected one of queue, direct\n"),
    ],
)
def test_the_command_starts_what_the_mode_names_and_without_weights_or_gpu_it_ends(
    mode: str, error: str, tmp_path: Path
) -> None:
    command = json.loads(instructions("CMD")[0])
    assert command == ["/bin/sh", "/entry.sh"]
    for name in ("segmenter", "encoder", "worker", "gateway"):
        shutil.copytree(ROOT / name, tmp_path / name)  # what the image holds, and nothing else
    shutil.copytree(ROOT / "clients/python/chatterpod", tmp_path / "chatterpod")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = environment() | {"TTS_MODEL_DIR": str(tmp_path / "none"), "PATH": path, "PORT": "0"}
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "image/entry.sh")],
        cwd=tmp_path,
        env=env | {"TTS_MODE": mode},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert re.fullmatch(error, done.stderr)


def test_the_multilingual_image_serves_its_model_with_what_it_reads_chinese_with() -> None:
    run = next(line for line in instructions("RUN") if "requirements/multilingual.txt" in line)
    assert 'if [ "${JAPANESE}" = 1 ]; then cat requirements/japanese.txt' in run  # GPL: only where asked for
    for model in ("multilingual", "multilingual-v2"):
        env = instructions("ENV")[-1].replace("${MODEL}", model)
        settings = Settings.from_env(dict(pair.split("=", 1) for pair in env.split()))
        assert settings.engine == f"chatterbox-{model}"
        assert settings.weights_folder(settings.engine) == Path(f"/opt/torch_cache/chatterbox-{model}")


def test_the_multilingual_images_alone_install_what_chinese_is_read_with() -> None:
    run = next(line for line in instructions("RUN") if "requirements/multilingual.txt" in line)
    case = re.search(r'case "\$\{MODEL\}" in .*? esac', run)
    assert case is not None
    chosen = case[0].replace("cat requirements/multilingual.txt >> image.txt", "echo yes")
    for model in MODELS.values():
        env = {"MODEL": model.short}
        said = subprocess.check_output(["sh", "-c", chosen], env=env, text=True).strip()
        assert said == ("yes" if "Multilingual" in model.title else "")


def test_each_package_that_is_left_out_is_one_of_the_lists_and_no_comment_hides_another() -> None:
    left_out = (ROOT / "requirements/not-in-image.txt").read_text().splitlines()
    lists = "".join((ROOT / f"requirements/{name}.txt").read_text() for name in ("worker", "chatterbox"))
    for pattern in left_out:
        assert len(re.findall(pattern, lists, re.MULTILINE)) == 1


def test_the_image_holds_every_package_that_the_worker_and_learning_a_voice_import() -> None:
    script = ROOT / "tests/kits/image_imports.py"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
