"""The command line against the real worker."""

import io
import json
import math
import os
import signal
import struct
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from chatterpod.cli import main
from mutagen.id3 import ID3
from mutagen.mp3 import MP3

from tests.kits.pods import Pod, running, until

BOOK = "\n\n".join(
    f"# Chapter {n // 8 + 1}" if n % 8 == 0 else f"Paragraph {n * n * 7919 % 1000}: " + "it goes on. " * 45
    for n in range(24)
)
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    folder = tmp_path_factory.mktemp("cache")
    voices = {"TTS_VOICES_DIR": str(tmp_path_factory.mktemp("voices"))}
    with running(folder, "--idle-timeout", "300", "--api-key", "the-key", TTS_ENGINE="tone", **voices) as pod:
        yield pod


@pytest.fixture
def run(
    pod: Pod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Run:
    """Return what runs a command in a folder of its own: exit code, output (parsed), errors."""
    monkeypatch.setenv("RUNPOD_ENDPOINT_BASE_URL", pod.url.removesuffix("/local"))
    monkeypatch.setenv("RUNPOD_ENDPOINT_ID", "local")
    monkeypatch.setenv("RUNPOD_API_KEY", "the-key")
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, stdin: str | None = None) -> tuple[int, Any, str]:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capfdbinary.readouterr()
        code = main(list(arguments))
        out, err = capfdbinary.readouterr()
        return code, json.loads(out) if "--json" in arguments else out, err.decode()

    return command


def test_speak_writes_a_complete_file_and_reports_progress(run: Run, tmp_path: Path) -> None:
    assert run("speak", "One sentence. And another one.")[0] == 0
    code, _, err = run("speak", "One sentence. And another one.", "-o", "again.mp3")
    assert code == 0
    assert "first audio after" in err
    assert "s of speech in" in err
    assert "from the cache" in err
    assert (tmp_path / "again.mp3").read_bytes() == (tmp_path / "speech.mp3").read_bytes()
    _, summary, err = run("speak", "One sentence. And another one.", "--json")
    assert (summary["cache_hit"], err) == (True, "")
    assert summary["size_bytes"] == (tmp_path / "speech.mp3").stat().st_size
    assert round(MP3(tmp_path / "speech.mp3").info.length * 1000) == summary["duration_ms"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again.mp3", "speech.mp3"]


def test_a_book_becomes_one_file_with_chapters_captions_and_the_right_length(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "book.md").write_text(BOOK, encoding="utf-8")
    code, plan, _ = run("speak", "--file", "book.md", "--plan", "--workers", "2", "--json")
    assert code == 0
    assert len(plan["parts"]) > 2
    code, result, _ = run(
        "speak", "--file", "book.md", "-o", "b.mp3", "--captions", "b.vtt", "--workers", "2", "--json"
    )
    assert code == 0
    assert len(result["parts"]) == len(plan["parts"])
    assert [chapter["title"] for chapter in result["chapters"]] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert len(ID3(tmp_path / "b.mp3").getall("CHAP")) == 3
    with av.open(str(tmp_path / "b.mp3")) as file:
        samples = sum(frame.samples for frame in file.decode(audio=0))
    assert abs(samples - result["duration_ms"] * 24) <= 24
    captions = (tmp_path / "b.vtt").read_text(encoding="utf-8")
    assert captions.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert "\nChapter 2\n" in captions
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.mp3", "b.vtt", "book.md"]


def test_a_retake_changes_one_part(run: Run, tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(BOOK, encoding="utf-8")
    _, before, _ = run("speak", "--file", "book.md", "--json")
    _, after, _ = run("speak", "--file", "book.md", "--json", "--retake", "2:41")
    changed = [a["cache_key"] != b["cache_key"] for a, b in zip(before["parts"], after["parts"], strict=True)]
    assert changed == [number == 1 for number in range(len(changed))]
    assert after["parts"][1]["seed"] == 41


def test_a_pipe_in_and_a_pipe_out(run: Run) -> None:
    code, out, _ = run("speak", "--file", "-", "-o", "-", "-q", stdin="From a pipe.")
    assert code == 0
    assert out[:2] == b"\xff\xf3"


def test_a_script_is_spoken_by_its_voices(run: Run, tmp_path: Path) -> None:
    script = "# a comment\ndefault: Hello there.\nlow: And hello to you,\nmy friend.\n"
    code, _, _ = run("speak", "--script", "-", "-o", "d.mp3", "--captions", "d.vtt", "-q", stdin=script)
    assert code == 0
    captions = (tmp_path / "d.vtt").read_text(encoding="utf-8")
    assert "<v default>Hello there." in captions
    assert "<v low>And hello to you, my friend." in captions


def test_play_passes_the_audio_to_a_player_as_it_comes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = tmp_path / "bin" / "mpg123"
    player.parent.mkdir()
    player.write_text(f"#!/bin/sh\n/bin/cat > {tmp_path}/heard\n", encoding="utf-8")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", str(player.parent))
    code, result, _ = run("speak", "To be heard.", "--play", "--json")
    assert (code, result["output"]) == (0, None)
    assert (tmp_path / "heard").stat().st_size == result["size_bytes"]
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = run("speak", "To be heard.", "--play")
    assert code == 2
    assert err.startswith("chatterpod: bad_input: --play needs a player, and none of mpv, ffplay")


def test_warm_fills_the_cache_and_reports_hits(run: Run, tmp_path: Path) -> None:
    (tmp_path / "phrases.txt").write_text("Good morning.\n\n# not this\nGood night.\n!\n", encoding="utf-8")
    code, report, _ = run("warm", "phrases.txt", "--json")
    assert code == 1
    assert (report["phrases"], report["hits"], report["spoken"], report["failed"]) == (3, 0, 2, 1)
    assert report["results"][2]["error"]["code"] == "invalid_input"
    (tmp_path / "phrases.txt").write_text("Good morning.\nGood night.\nGood morning.\n", encoding="utf-8")
    code, out, _ = run("warm", "phrases.txt")
    assert code == 0
    assert out.startswith(b"2 phrases in")
    assert out.endswith(b"2 were cached, 0 spoken\n")


def test_voices_are_listed_and_health_counts(run: Run) -> None:
    code, out, _ = run("voices")
    assert (code, out.decode().split()[0]) == (0, "default")
    code, counts, _ = run("health", "--json")
    assert code == 0
    assert counts["jobs"]["completed"] > 0


def clip(path: Path, seconds: int) -> None:
    """Write a clip of speech as far as the tone engine can tell."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        samples = (round(9_000 * math.sin(n / 11) * math.sin(n / 3_000)) for n in range(16_000 * seconds))
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))


def test_a_voice_is_added_spoken_with_and_removed(run: Run, tmp_path: Path) -> None:
    clip(tmp_path / "ann.wav", 7)
    assert run("voices", "add", "ann.wav")[:2] == (0, b"added ann\n")
    assert "ann" in run("voices")[1].decode().split()
    assert run("speak", "In her voice.", "--voice", "ann", "--json")[0] == 0
    code, record, _ = run("voices", "remove", "ann", "--json")
    assert (code, record["name"]) == (0, "ann")
    code, _, err = run("speak", "In her voice.", "--voice", "ann")
    assert code == 4
    assert err.startswith("chatterpod: unknown_voice: there is no voice 'ann'")


def test_a_clip_that_is_not_audio_or_is_too_large_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ann.wav").write_bytes(b"RIFF")
    code, _, err = run("voices", "add", "ann.wav")
    assert code == 4
    assert err.startswith("chatterpod: voice_unusable: ")
    (tmp_path / "big.wav").write_bytes(b"\0" * 6_000_000)
    code, _, err = run("voices", "add", "big.wav")
    assert code == 2
    assert "the clip has 6,000,000 bytes, expected at most 5,250,000" in err
    for action in ("add", "remove"):
        assert run("voices", action)[2].startswith(f"chatterpod: bad_input: voices {action} needs a")


def test_probe_measures_and_exits_with_one_if_a_check_fails(run: Run) -> None:
    code, figures, _ = run("probe", "--json")
    assert (code, figures["faults"]) == (0, [])
    assert figures["cached"]["cache_hit"] is True
    assert figures["streamed"]["first_audio_ms"] >= figures["streamed"]["first_audio_worker_ms"]
    code, out, _ = run("probe", "--max-first-audio", "0")
    assert code == 1
    assert b"FAULT: first audio came after" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["speak", "!"], 4, "invalid_input: text has nothing to speak"),
        (["speak", "Hi.", "--voice", "nobody"], 4, "unknown_voice: there is no voice 'nobody'"),
        (["speak", "Hi.", "--option", "colour=red"], 4, "invalid_input: colour is not a field"),
        (["speak", "Hi.", "--option", "colour"], 2, "bad_input: --option is 'colour', expected NAME=VALUE"),
        (["speak", " "], 2, "bad_input: the text is empty"),
        (["speak", "Hi.", "--retake", "9"], 2, "bad_input: retake names part 9, and the speech has 1"),
        (["speak", "Hi.", "--captions", "x.txt"], 2, "bad_input: captions are written as .vtt or .srt"),
        (["speak", "--file", "nothing.txt"], 1, "file: No such file or directory: nothing.txt"),
        (["speak", "Hi.", "--endpoint", "nowhere"], 3, "not_found: there is no such endpoint"),
        (["speak", "Hi.", "--api-key", "a-wrong-one"], 3, "unauthorized: the endpoint refused the API key"),
        (["health", "--base-url", "ftp://x"], 2, "bad_input: base_url is not a URL"),
    ],
)
def test_a_failure_is_one_line_with_its_code_and_leaves_no_files(
    arguments: list[str], code: int, message: str, run: Run, tmp_path: Path
) -> None:
    got, _, err = run(*arguments)
    assert (got, err.count("\n")) == (code, 1)
    assert err.startswith(f"chatterpod: {message}")
    assert "a-wrong-one" not in err
    assert list(tmp_path.iterdir()) == []
    _, answer, _ = run(*arguments, "--json")
    assert answer["error"]["code"] == message.split(":", maxsplit=1)[0]


def test_without_a_key_or_an_endpoint_it_says_what_to_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNPOD_API_KEY")
    assert run("health")[::2] == (
        2,
        "chatterpod: no_key: no API key: set RUNPOD_API_KEY, or give --api-key\n",
    )
    monkeypatch.delenv("RUNPOD_ENDPOINT_ID")
    assert run("health")[2].startswith("chatterpod: no_endpoint: no endpoint")


def test_a_wrong_command_line_exits_with_two() -> None:
    for arguments in (["speak"], ["sing"], ["speak", "a", "--speed", "x"], ["cost", "--hit-rate", "2"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2


def test_a_closed_pipe_ends_the_command_without_an_error(run: Run) -> None:
    del run  # its environment
    script = f"{sys.executable} -m chatterpod speak 'Too much to hear.' -o - -q | head -c 100 | wc -c"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "100", "")


def test_ctrl_c_cancels_running_jobs_and_leaves_only_finished_parts(tmp_path: Path) -> None:
    (tmp_path / "book.md").write_text(BOOK, encoding="utf-8")
    with running(tmp_path / "cache", "--idle-timeout", "60", TTS_ENGINE="tone", TTS_TONE_SPEED="2") as pod:
        env = {**os.environ, "RUNPOD_ENDPOINT_BASE_URL": pod.url.removesuffix("/local")}
        env |= {"RUNPOD_ENDPOINT_ID": "local", "RUNPOD_API_KEY": "any"}
        command = [sys.executable, "-m", "chatterpod", "speak", "--file", "book.md", "-o", "b.mp3", "-q"]
        # A shell without job control has what it runs in the background ignore Ctrl-C, and its children too.
        command = ["env", "--default-signal=INT", *command]
        with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True) as speaking:
            until(lambda: (tmp_path / "b.mp3.part").exists() and (tmp_path / "b.mp3.part").stat().st_size)
            speaking.send_signal(signal.SIGINT)
            try:
                _, err = speaking.communicate(timeout=60)
            finally:
                speaking.kill()
        until(lambda: pod.call("GET", "/health")["jobs"]["inProgress"] == 0)
    assert (speaking.returncode, err) == (130, "chatterpod: cancelled: cancelled\n")
    assert list(tmp_path.glob("b.mp3*")) == []
