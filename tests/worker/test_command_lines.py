"""What is wrong with a command line, or missing here, is one line and an exit code, never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from worker.__main__ import options

ROOT = Path(__file__).parents[2]
# Runs a module as `python -m` does, where a package is not installed.
WITHOUT = """
import runpy, sys
package, module, *sys.argv[1:] = sys.argv[1:]
sys.modules[package] = None
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def ended(*command: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("package", "command", "message"),
    [
        ("lameenc", ("worker", "--check"), "worker: lameenc is not installed: pip install -r requirements/"),
        (
            "torch",
            ("worker.engines.chatterbox.weights.bake", "a", "b"),
            "bake: torch is not installed: pip install -r requirements/chatterbox.txt",
        ),
        (
            "nltk",
            ("segmenter.train", "en", "README.md"),
            "train: nltk is not installed: pip install -r requirements/dev.txt",
        ),
    ],
)
def test_a_package_that_is_not_installed_is_one_line(
    package: str, command: tuple[str, ...], message: str
) -> None:
    code, printed, errors = ended("-c", WITHOUT, package, *command)
    assert (code, printed) == (1, "")
    assert errors.startswith(message)
    assert errors.count("\n") == 1


def test_help_lists_the_workers_options_and_where_its_settings_are() -> None:
    code, printed, _ = ended("-m", "worker", "--help")
    assert code == 0
    for part in ("--check", "TTS_", "--rp_serve_api", "--test_input"):
        assert part in printed


def test_an_unknown_option_is_refused_before_anything_is_loaded() -> None:
    code, printed, errors = ended("-m", "worker", "--foo")
    assert (code, printed) == (2, "")
    assert errors.splitlines()[-1] == "python -m worker: error: unknown option --foo"


@pytest.mark.parametrize("line", ["--chek", "check", "--check --foo", "--rp_api_port 8000 extra", "--foo=1"])
def test_an_unknown_option_is_named(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        options(line.split())
    last = capsys.readouterr().err.splitlines()[-1]
    assert refused.value.code == 2
    assert last.startswith("python -m worker: error: unknown option ")
    assert last.split()[-1] in line.split()


@pytest.mark.parametrize("line", ["--rp_log_level DEBUG", "--rp_serve_api --rp_api_port=8000"])
def test_an_option_of_runpods_sdk_is_accepted(line: str) -> None:
    assert options(["--check", *line.split()]).check is True


def test_an_option_of_runpods_sdk_does_not_hinder_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ENGINE", "tone")
    code, printed, errors = ended("-m", "worker", "--check", "--test_input", '{"input":{}}')
    assert (code, errors) == (0, "")
    assert printed.startswith("engine     tone")


@pytest.mark.parametrize("folder", ["empty", "nowhere"])
def test_a_folder_that_cannot_be_baked_is_named_in_the_error(folder: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    source = tmp_path / folder
    code, printed, errors = ended(
        "-m", "worker.engines.chatterbox.weights.bake", str(source), str(tmp_path / "made")
    )
    assert (code, printed) == (1, "")
    assert errors.startswith(f"bake: {source} has no t3_turbo_v1.safetensors: expected a folder with")
    assert errors.count("\n") == 1
    assert not (tmp_path / "made").exists()


def test_a_language_without_a_file_is_trained_with_a_note_and_a_bad_one_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("Eins. Zwei.")
    code, printed, errors = ended("-m", "segmenter.train", "xx", str(text))
    assert (code, errors) == (0, "train: there is no languages/xx.toml: nothing of it is known yet\n")
    assert printed.startswith("# abbreviations\n")
    assert ended("-m", "segmenter.train", "en", str(text))[2] == ""
    for wrong, message in (
        (("!", str(text)), "language is '!'"),
        (("en", str(tmp_path / "no")), "No such file"),
    ):
        code, printed, errors = ended("-m", "segmenter.train", *wrong)
        assert (code, printed, errors.count("\n")) == (1, "", 1)
        assert message in errors


def test_an_unknown_drill_is_refused_with_a_list_of_the_known_ones() -> None:
    code, printed, errors = ended("-m", "tests.drills", "nosuch")
    assert (code, printed) == (2, "")
    assert "there is no drill 'nosuch', expected any of leavers, direct-killed," in errors.splitlines()[-1]
