"""The build step that fetches and bakes the weights, as the Dockerfile has it, and the committed locks."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.kits.hub import Hub, serving
from tests.kits.recipe import ROOT, arguments, instructions, stage
from worker.engines.chatterbox.catalogue import MODELS, TURBO
from worker.engines.chatterbox.files import Manifest
from worker.engines.chatterbox.model import Model
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL, MULTILINGUAL_V2
from worker.engines.chatterbox.nano.entry import NANO
from worker.engines.chatterbox.weights.lock import Lock, Pin

STAGE = stage("weights")
LOCKS = {model.short: model.lock for model in MODELS.values()}
BROKEN = "conds.pt"
NOBODY = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("model", "revision", "size"),
    [
        (TURBO, "749d1c1a46eb10492095d68fbcf55691ccf137cd", 2_987_680_126),
        (NANO, "71ccd1d0081b430592cea481f4307e764e07bc64", 1_942_099_278),
        (MULTILINGUAL, "5bb1f6ee58e50c3b8d408bc82a6d3740c2db6e18", 3_208_951_924),
        (MULTILINGUAL_V2, "05e904af2b5c7f8e482687a9d7336c5c824467d9", 3_208_951_770),
    ],
)
def test_a_committed_lock_pins_every_file_of_its_model_at_one_revision(
    model: Model, revision: str, size: int
) -> None:
    lock = Lock.read(ROOT / model.lock)
    assert (lock.repository, lock.revision, lock.size) == (model.repository, revision, size)
    assert sorted(lock.files) == sorted(model.released)
    assert f"`--revision {revision}`" in (ROOT / "docs/start/deploy.md").read_text()


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.short)
def test_files_that_two_models_have_under_one_name_are_told_apart_by_what_their_locks_pin(
    model: Model,
) -> None:
    pinned = Lock.read(ROOT / model.lock).files
    assert {name: pinned[name].sha256 for name in model.sha256} == dict(model.sha256)
    others = [Lock.read(ROOT / each.lock) for each in MODELS.values() if each.repository == model.repository]
    shared = {name for lock in others for name in lock.files if lock.files[name] != pinned.get(name)}
    assert shared & pinned.keys() == {*model.sha256, *(shared & {model.t3_file})}


@pytest.mark.parametrize("name", LOCKS.values())
def test_a_committed_lock_differs_from_one_that_the_command_makes_in_comments_alone(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    made = Lock.read(ROOT / name).text().splitlines()
    assert [line for line in lines if line[:1] != "#"] == [line for line in made if line[:1] != "#"]


def made_of(model: str, files: dict[str, bytes]) -> Lock:
    """Return the committed lock, of other files with the same names."""
    pins = {name: Pin(len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}
    return replace(Lock.read(ROOT / LOCKS[model]), files=pins)


@dataclass(frozen=True)
class Ending:
    code: int
    err: str
    out: str
    left: set[str]  # what is new in the build's folder


def build(folder: Path, model: str, lock: Lock, hub: str) -> Ending:
    """Run the stage's first RUN on what its COPYs bring, with its lock in place of the committed one."""
    folder.mkdir()
    for line in instructions("COPY", STAGE):
        for name in line.split()[:-1]:
            if (ROOT / name).exists():  # not VOICES, which comes after this step
                (folder / name.rstrip("/")).symlink_to(ROOT / name)
    (folder / LOCKS[model]).unlink()
    (folder / LOCKS[model]).write_text(lock.text())
    before = {file.name for file in folder.iterdir()}
    given = {"MODEL": model, "HF_ENDPOINT": hub}
    env = {name: given.get(name, default) for name, default in arguments(STAGE).items()}
    env["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    command = instructions("RUN", STAGE)[0]
    for path in ("/tmp/released", "/opt/torch_cache"):  # noqa: S108 - the image's own folders
        assert path in command
        command = command.replace(path, str(folder / Path(path).name))
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    return Ending(
        done.returncode, done.stderr, done.stdout, {file.name for file in folder.iterdir()} - before
    )


@pytest.mark.parametrize(
    ("model", "made"),
    [("turbo", "tiny_weights"), ("nano", "tiny_nano"), ("multilingual", "tiny_multilingual")],
)
def test_the_step_passes_with_a_lock_of_what_the_hub_has_and_leaves_baked_weights_of_its_revision(
    tmp_path: Path, request: pytest.FixtureRequest, model: str, made: str
) -> None:
    tiny: Path = request.getfixturevalue(made)
    committed = Lock.read(ROOT / LOCKS[model])
    files = {name: (tiny / name).read_bytes() for name in committed.files}
    with serving(files, committed.repository, committed.revision) as hub:
        ending = build(tmp_path / "build", model, made_of(model, files), hub.url)
    assert (ending.code, ending.left) == (0, {"torch_cache"}), ending.err
    baked = tmp_path / "build/torch_cache" / f"chatterbox-{model}"
    assert Manifest.read(baked).revision == committed.revision
    assert sorted(name for name, _ in hub.begun) == sorted(files)


def other_bytes(hub: Hub) -> None:
    hub.files[BROKEN] = b"x" * len(hub.files[BROKEN])


def cut_file(hub: Hub) -> None:
    hub.files[BROKEN] = hub.files[BROKEN][:-1]


def longer_file(hub: Hub) -> None:
    hub.files[BROKEN] += b"x"


def no_file(hub: Hub) -> None:
    del hub.files[BROKEN]


def failing_hub(hub: Hub) -> None:
    hub.status[BROKEN] = 500


def cut_connection(hub: Hub) -> None:
    hub.cuts[BROKEN] = 99


def no_hub(hub: Hub) -> None:
    hub.url = NOBODY


FAULTS: dict[Callable[[Hub], None], str] = {  # what the line says of the file
    other_bytes: f"{BROKEN}: SHA-256 is {hashlib.sha256(b'x' * 400).hexdigest()}, the lock says ",
    cut_file: f"{BROKEN}: 399 bytes or more came, the lock says 400",
    longer_file: f"{BROKEN}: 401 bytes or more came, the lock says 400",
    no_file: f"{BROKEN}: HTTP 404",
    failing_hub: f"{BROKEN}: HTTP 500",
    cut_connection: f"{BROKEN}: the connection was cut or not made (peer closed",
    no_hub: "the connection was cut or not made ([Errno 111]",
}


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> dict[Callable[[Hub], None], Ending]:
    """Each fault's build, side by side: three of them try for 14 s before they give up."""
    folder = tmp_path_factory.mktemp("builds")
    committed = Lock.read(ROOT / LOCKS["turbo"])

    def end_of(fault: Callable[[Hub], None]) -> Ending:
        files = {name: (name.encode() * 50)[:400] for name in committed.files}
        lock = made_of("turbo", files)
        with serving(files, committed.repository, committed.revision) as hub:
            fault(hub)
            return build(folder / fault.__name__, "turbo", lock, hub.url)

    with ThreadPoolExecutor(len(FAULTS)) as pool:
        return dict(zip(FAULTS, pool.map(end_of, FAULTS), strict=True))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_ends_the_step_with_one_line_that_names_it_and_leaves_nothing(
    endings: dict[Callable[[Hub], None], Ending], fault: Callable[[Hub], None]
) -> None:
    ending = endings[fault]
    assert ending.code == 1
    assert ending.left == set()
    assert ending.err.startswith("fetch: http://127.0.0.1:")
    assert ending.err.count("\n") == 1
    assert ending.err.endswith("\n")
    assert FAULTS[fault] in ending.err


def test_the_step_stops_where_its_lock_is_another_models(tmp_path: Path) -> None:
    ending = build(tmp_path / "build", "multilingual", Lock.read(ROOT / LOCKS["turbo"]), NOBODY)
    assert (ending.code, ending.left) == (1, set())
    assert ending.err.startswith(
        f"fetch: weights-multilingual.lock pins {TURBO.repository}, expected {MULTILINGUAL.repository}: "
    )


def test_the_step_stops_where_its_lock_is_of_the_models_other_version(tmp_path: Path) -> None:
    ending = build(tmp_path / "build", "multilingual", Lock.read(ROOT / LOCKS["multilingual-v2"]), NOBODY)
    assert (ending.code, ending.left) == (1, set())
    assert ending.err.startswith(
        "fetch: weights-multilingual.lock does not pin t3_mtl23ls_v3.safetensors: `python -m worker"
    )
