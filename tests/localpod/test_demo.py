"""`make demo`: its output, also when it fails or is stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def demo(folder: Path, **env: str) -> subprocess.Popen[str]:
    settings = {name: value for name, value in os.environ.items() if not name.startswith("TTS_")}
    settings |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "clients" / "python")])} | env
    # Whatever a shell starts in the background ignores Ctrl-C, and its children too.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "bench.demo"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=settings, stdout=pipe, stderr=pipe, text=True)


def test_it_speaks_three_times_and_the_last_is_from_the_cache(tmp_path: Path) -> None:
    with demo(tmp_path, TTS_ENGINE="tone") as process:
        output, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert [output.count(words) for words in ("from the tone engine", "from the cache")] == [2, 1]
    assert (tmp_path / "out" / "demo.mp3").stat().st_size > 100_000


def test_a_worker_that_cannot_start_is_reported_with_its_own_message_and_one_line(tmp_path: Path) -> None:
    with demo(tmp_path, TTS_NOTHING="1") as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    own, last = errors.splitlines()
    assert own.startswith("worker: TTS_NOTHING is not a setting of this worker")
    assert last == "demo: worker exited with code 1 before taking a job: what the worker said is above"


def test_ctrl_c_is_one_line(tmp_path: Path) -> None:
    with demo(tmp_path, TTS_ENGINE="tone", TTS_TONE_SPEED="1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (130, "demo: stopped\n")
