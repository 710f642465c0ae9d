"""What the command line refuses before anything is sent, and how it says so."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chatterpod.cli import main

from tests.kits.runpod_platform import Platform
from tests.kits.served import serving

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Platform]:
    endpoint = Platform()
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "ep")
    monkeypatch.setenv("RUNPOD_API_KEY", "any")
    monkeypatch.chdir(tmp_path)
    with serving(endpoint) as url:
        monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", url)
        yield endpoint


@pytest.fixture
def run(endpoint: Platform, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command: exit code, errors."""
    del endpoint  # its environment

    def command(*arguments: str) -> tuple[int, str]:
        try:
            code = main(list(arguments))
        except SystemExit as left:  # argparse's way
            code = int(left.code or 0)
        return code, capsys.readouterr().err

    return command


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "folder"), "--output is 'folder', which is a folder: name a file in it"),
        (("-o", "nowhere/a.mp3"), "--output is 'nowhere/a.mp3', and there is no folder 'nowhere'"),
        (("-o", "file/a.mp3"), "--output is 'file/a.mp3', and there is no folder 'file'"),
        (
            ("-o", "/dev/null"),
            "--output is '/dev/null', which is not a file: `-o -` writes to standard output",
        ),
        (("--captions", "nowhere/a.vtt"), "--captions is 'nowhere/a.vtt', and there is no folder 'nowhere'"),
        (("--captions", "folder.srt"), "--captions is 'folder.srt', which is a folder: name a file in it"),
        (("-o", "a.wav"), "--output is 'a.wav', and wav is not made; allowed: mp3, pcm"),
        (("-o", "a.OPUS"), "--output is 'a.OPUS', and opus is not made; allowed: mp3, pcm"),
        (("-o", "a.pcm"), "--output is 'a.pcm', and the format is mp3: give --format pcm"),
        (
            ("-o", "a.mp3", "--format", "pcm"),
            "--output is 'a.mp3', and the format is pcm: give --format mp3",
        ),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_speech_is_paid_for(
    run: Run, endpoint: Platform, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "file").touch()
    for folder in ("folder", "folder.srt"):
        (tmp_path / folder).mkdir()
    assert run("speak", "Hello.", *options) == (2, f"chatterpod: bad_input: {message}\n")
    assert endpoint.requests == 0
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["file", "folder", "folder.srt"]


@pytest.mark.parametrize("name", ["a.mp3", "a.MP3", "a", "a.mpga", "v1.2", "there.mp3"])
def test_other_names_and_an_existing_file_are_written(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "there.mp3").write_bytes(b"old")
    assert run("speak", "Hello.", "-q", "-o", name, "--captions", "a.vtt") == (0, "")
    assert (tmp_path / name).stat().st_size > 3
    assert (tmp_path / "a.vtt").read_text(encoding="utf-8").startswith("WEBVTT")


@pytest.mark.parametrize("seconds", ["-1", "0", "nan", "inf", "soon"])
def test_a_timeout_that_is_not_above_zero_is_refused(run: Run, endpoint: Platform, seconds: str) -> None:
    code, err = run("speak", "Hello.", "--timeout", seconds)
    assert code == 2
    assert "argument --timeout" in err
    assert endpoint.requests == 0


@pytest.mark.parametrize("command", [("health",), ("speak", "Hello."), ("deploy", "--no-volume")])
def test_without_a_key_or_an_endpoint_it_names_options_and_variables(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.delenv("RUNPOD_API_KEY")
    message = "chatterpod: no_key: no API key: set RUNPOD_API_KEY, or give --api-key\n"
    assert run(*command) == (2, message)
    monkeypatch.delenv("RUNPOD_ENDPOINT_ID")
    if command[0] != "deploy":  # which makes one
        said = "no endpoint: give --endpoint or --url, or set RUNPOD_ENDPOINT_ID"
        message = f"chatterpod: no_endpoint: {said}\n"
    assert run(*command) == (2, message)
