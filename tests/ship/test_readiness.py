"""What stands in the way of work is said before there is a job."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from encoder import read_file
from worker.check import LINES, cache_trouble, check, device_line, fitness, spoken_word, unwritable
from worker.engines import Engine, Fault, Take, Utterance
from worker.engines.choose import load
from worker.engines.preview import PreviewEngine
from worker.engines.takes import JudgedEngine
from worker.engines.tone import ToneEngine
from worker.errors import EngineFailedError, StartError
from worker.settings import Settings

ROOT = Path(__file__).parents[2]


def checked(env: Mapping[str, str]) -> tuple[int, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RUNPOD_"))}
    command = [sys.executable, "-m", "worker", "--check"]
    done = subprocess.run(
        command, cwd=ROOT, env={**plain, **env}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_worker_that_could_work_says_all_that_it_would_do(tmp_path: Path) -> None:
    code, said = checked({"TTS_ENGINE": "tone", "TTS_CACHE_DIR": str(tmp_path)})
    assert code == 0
    titles = [line.split()[0] for line in said.splitlines()]
    assert titles == ["engine", "weights", "device", "cache", "voices", "versions", "settings"]
    for part in ("tone", f"{tmp_path} (", "GB free", "default", "runpod 1.12.0", "engine=tone"):
        assert part in said


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"TTS_ENGIN": "tone"}, "TTS_ENGIN is not a setting"),
        ({"TTS_ENGINE": "chatterbox-turbo", "TTS_MODEL_DIR": "/no"}, "no Chatterbox-Turbo weights in /no"),
        ({"TTS_ENGINE": "tone", "TTS_CACHE_DIR": "/proc/cache"}, "/proc/cache cannot be written to"),
        ({"RUNPOD_ENDPOINT_ID": "abc", "TTS_MODEL_DIR": "/nowhere"}, "no Chatterbox weights in /nowhere"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_one_line_and_exit_code_1(env: Mapping[str, str], said: str) -> None:
    code, printed = checked(env)
    assert code == 1
    problems = [line for line in printed.splitlines() if line.startswith("problem")]
    assert any(said in line for line in problems)


def test_no_gpu_where_one_was_demanded_is_a_problem() -> None:
    code, printed = checked({"TTS_ENGINE": "tone", "TTS_DEVICE": "cuda"})
    has_gpu = "cuda (" in printed or "device     cpu" in printed
    assert has_gpu or (code == 1 and "TTS_DEVICE=cuda, and there is no GPU" in printed)


def no_kernels(_: str) -> str:
    """Stands for torch on a card that it was not built for."""
    raise StartError("torch 2.6.0 has no kernels for the NVIDIA B200")


def test_a_card_that_torch_has_no_kernels_for_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_ENGINE", "chatterbox-turbo")
    monkeypatch.setitem(LINES, "device", partial(device_line, gpus=lambda: 1, device=no_kernels))
    printed: list[str] = []
    assert check(printed.append) == 1
    assert "problem    device: torch 2.6.0 has no kernels for the NVIDIA B200" in printed


def test_torch_is_asked_for_the_device_only_where_a_card_would_be_used() -> None:
    settings = Settings(engine="chatterbox-turbo")
    assert device_line(settings, lambda: 2, lambda asked: {"auto": "cuda"}[asked]) == "cuda (2 GPU)"
    assert device_line(settings, lambda: 1, lambda _: "cpu") == "cpu"  # a driver too old for torch
    for unused in (replace(settings, device="cpu"), replace(settings, engine="tone")):
        assert device_line(unused, lambda: 1, no_kernels) == "cpu"
    assert device_line(settings, lambda: 0, no_kernels) == "cpu"


def test_a_file_of_weights_that_was_cut_is_a_problem(tmp_path: Path) -> None:
    header = b'{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}'
    whole = len(header).to_bytes(8, "little") + header + b"123456789"
    for name in ("t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors"):
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "conds.pt").write_bytes(b"voice")
    env = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(tmp_path)}
    assert checked(env)[0] == 0
    (tmp_path / "s3gen_meanflow.safetensors").write_bytes(whole[:-1])
    code, printed = checked(env)
    assert code == 1
    assert "s3gen_meanflow.safetensors is cut or damaged" in printed


def test_a_spoken_word_is_an_mp3_of_the_engines_samples() -> None:
    assert read_file(spoken_word(ToneEngine(speed=1_000.0, slots=1))).samples > 0


class Broken(ToneEngine):
    """An engine that answers what it is told to."""

    def __init__(self, answer: Take | Fault) -> None:
        super().__init__(speed=1_000.0, slots=1)
        self.answer = answer

    def advance(self, order: object) -> list[Take | Fault]:
        return [self.answer]


@pytest.mark.parametrize(
    "answer",
    [
        Fault(0, EngineFailedError("no")),
        Take(0, np.zeros(24_000, np.float32)),
        Take(0, np.full(24_000, np.nan, np.float32)),
        Take(0, np.zeros(0, np.float32)),
    ],
)
def test_an_engine_that_fails_or_says_nothing_does_not_pass(answer: Take | Fault) -> None:
    with pytest.raises(StartError):
        spoken_word(Broken(answer))


class Doubtful(ToneEngine):
    """An engine on a GPU whose first few sentences may sound wrong."""

    device = "cuda"

    def __init__(self, wrong: int) -> None:
        super().__init__(speed=1_000.0, slots=1)
        self.wrong = wrong
        self.asked: list[Utterance] = []

    def admit(self, utterance: Utterance) -> None:
        self.asked.append(utterance)
        super().admit(utterance)

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        made = super().advance(order)
        if len(self.asked) > self.wrong:
            return made
        return [replace(block, warnings=("it may sound wrong",)) for block in made if isinstance(block, Take)]


def speech_check(engine: Engine) -> Callable[[], None]:
    return {check.__name__: check for check in fitness(Settings(), engine)}["speech_and_encoder"]


def test_a_word_that_may_sound_wrong_does_not_pass_and_the_reason_is_said() -> None:
    with pytest.raises(StartError, match=r"the engine speaks, but 'Hello\.': it may sound wrong"):
        spoken_word(Doubtful(1))


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_worker_is_fit_while_one_sentence_of_three_sounds_right(wrong: int) -> None:
    engine = Doubtful(wrong)
    speech_check(engine)()
    assert len(engine.asked) == wrong + 1


def test_a_worker_is_not_fit_where_three_sentences_with_three_seeds_may_sound_wrong() -> None:
    engine = Doubtful(3)
    with pytest.raises(StartError, match=r"'Hello\.': it may sound wrong; 'The ferry.*; 'Nobody") as caught:
        speech_check(engine)()
    assert len({utterance.text for utterance in engine.asked}) == 3
    assert len({utterance.seed for utterance in engine.asked}) == 3
    assert "\n" not in str(caught.value)


class Stumbling(PreviewEngine):
    """The preview voice, whose first takes are noise."""

    device = "cuda"

    def __init__(self, noisy: int) -> None:
        super().__init__()
        self.noisy = noisy

    def advance(self, order: Sequence[int]) -> list[Take | Fault]:
        made = super().advance(order)
        if not made or not self.noisy:
            return made
        self.noisy -= 1
        noise = 0.1 * np.random.default_rng(self.noisy).standard_normal(72_000)
        return [Take(order[0], noise.astype(np.float32))]


def test_one_warning_of_the_judge_among_good_readings_leaves_a_worker_fit_and_nine_bad_takes_do_not() -> None:
    with pytest.raises(StartError, match=r"'Hello\.': .* after 3 tries: .*noise"):
        spoken_word(JudgedEngine(Stumbling(3)))
    speech_check(JudgedEngine(Stumbling(3)))()
    with pytest.raises(StartError, match="noise"):
        speech_check(JudgedEngine(Stumbling(9)))()


def linked(folder: Path, target: Path, *left_out: str) -> Path:
    target.mkdir()
    for file in folder.iterdir():
        if file.name not in left_out:
            (target / file.name).symlink_to(file)
    return target


ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # tiny models lose much by a second one where cores are shared


def smoke_tested(folder: Path) -> tuple[int, str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RUNPOD_"))}
    env = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "worker.check"],
        cwd=ROOT,
        env=plain | env | ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_random_weights_that_are_not_marked_as_random_fail_the_smoke_test_with_the_reason(
    tmp_path: Path, tiny_weights: Path
) -> None:
    code, out, err = smoke_tested(linked(tiny_weights, tmp_path / "unmarked", "manifest.json"))
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(
        "readiness: the engine speaks, but 'Hello.': a segment may sound wrong after 3 tries: "
    )
    assert "no stop token" in err


def test_random_weights_that_are_marked_as_random_pass_the_smoke_test(tiny_weights: Path) -> None:
    code, out, err = smoke_tested(tiny_weights)
    assert (code, err) == (0, "")
    assert out.startswith("spoke 'Hello.': an MP3 of")


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_random_weights_that_are_not_marked_as_random_fail_the_fitness_check_with_the_reason(
    tmp_path: Path, tiny_weights: Path
) -> None:
    folder = linked(tiny_weights, tmp_path / "unmarked", "manifest.json")
    settings = Settings(engine="chatterbox-turbo", device="cpu", model_dir=folder)
    engine = load("chatterbox-turbo", settings).engine
    engine.device = "cuda"
    with pytest.raises(StartError, match=r"'Hello\.': .*no stop token.*; 'The ferry.*; 'Nobody"):
        speech_check(engine)()


def on_gpu() -> Engine:
    engine = ToneEngine(speed=1_000.0, slots=1)
    engine.device = "cuda"
    engine.name = "chatterbox-turbo"
    return engine


def test_fitness_is_off_where_there_is_no_gpu_by_choice() -> None:
    assert fitness(Settings(), ToneEngine(speed=1_000.0, slots=1)) == []


def test_each_fitness_check_finds_its_own_trouble(tmp_path: Path) -> None:
    settings = Settings(model_dir=Path("/nowhere"), cache_dir=Path("/proc/cache"))
    checks = {check.__name__: check for check in fitness(settings, on_gpu())}
    assert list(checks) == ["weights", "speech_and_encoder", "cache_folder"]
    checks["speech_and_encoder"]()
    for name, said in (("weights", "is missing"), ("cache_folder", "cannot be written to")):
        with pytest.raises(StartError, match=said):
            checks[name]()
    good = replace(settings, cache_dir=tmp_path)
    {check.__name__: check for check in fitness(good, on_gpu())}["cache_folder"]()
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert unwritable(tmp_path / "cache")
    assert unwritable(tmp_path / "new" / "folder") is None


class Barred(type(Path())):  # type: ignore[misc]  # the platform's own class of paths
    """A folder in which every write ends with one error, as on a volume that is full or read-only."""

    number = errno.ENOSPC

    def write_bytes(self, *_: object) -> int:
        raise OSError(self.number, os.strerror(self.number))


class ReadOnly(Barred):
    """A folder on a volume that is mounted read-only."""

    number = errno.EROFS


@pytest.mark.parametrize(("kind", "said"), [(Barred, "is full"), (ReadOnly, "Read-only file system")])
def test_a_volume_that_takes_nothing_is_one_line_at_start(
    tmp_path: Path, kind: type[Path], said: str
) -> None:
    line = cache_trouble(Settings(cache_dir=kind(tmp_path)))
    assert line is not None
    assert said in line
    assert line.endswith("speech is delivered and not kept")
    assert cache_trouble(Settings(cache_dir=tmp_path)) is None


def started(**env: str) -> tuple[int, str, str]:
    """Start the worker outside of any platform, where the SDK ends at once for want of a job."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RUNPOD_"))}
    done = subprocess.run(
        [sys.executable, "-m", "worker"],
        cwd=ROOT,
        env=plain | env,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_start_without_a_place_to_keep_speech_says_so_and_goes_on() -> None:
    _, out, _ = started(TTS_ENGINE="tone", TTS_CACHE_DIR="/proc/cache")
    assert out.count("the cache's folder /proc/cache cannot be written to: ") == 1
    assert "Starting Serverless Worker" in out


@pytest.mark.parametrize(
    ("missing", "said"),
    [("s3gen_meanflow.safetensors", "s3gen_meanflow.safetensors"), ("conds.pt", "conds.pt")],
)
def test_a_start_without_a_file_of_the_weights_ends_with_one_line_that_names_it(
    tmp_path: Path, tiny_weights: Path, missing: str, said: str
) -> None:
    folder = linked(tiny_weights, tmp_path / "weights", missing)
    env = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(folder)}
    code, _, err = started(**env, TTS_CACHE_DIR=str(tmp_path / "cache"))
    assert (code, err.count("\n")) == (1, 1)
    assert said in err


def test_a_start_without_the_gpu_that_was_demanded_ends_with_one_line(
    tmp_path: Path, tiny_weights: Path
) -> None:
    env = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cuda", "TTS_MODEL_DIR": str(tiny_weights)}
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    code, _, err = started(**env, **hidden, TTS_CACHE_DIR=str(tmp_path / "cache"))
    assert (code, err.count("\n")) == (1, 1)
    assert "TTS_DEVICE=cuda, but " in err


def test_a_start_with_a_wrong_setting_ends_with_one_line() -> None:
    code, out, err = started(TTS_ENGINE="tone", TTS_CACHE_MAX_BYTES="20GB")
    assert (code, out) == (1, "")
    assert err == "worker: TTS_CACHE_MAX_BYTES='20GB': expected a whole number from 0 to 1125899906842624\n"
