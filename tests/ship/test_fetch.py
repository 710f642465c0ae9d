"""The released files come from the hub whole and checked, or not at all."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import shake_256
from pathlib import Path

import pytest

from bench.checkpoints import MANIFEST
from tests.kits.hub import REVISION, Hub, serving
from worker.engines.chatterbox.catalogue import TURBO
from worker.engines.chatterbox.files import Manifest
from worker.engines.chatterbox.multilingual.entry import MULTILINGUAL
from worker.engines.chatterbox.weights.fetch import fetch, main, newest
from worker.engines.chatterbox.weights.lock import Lock, Pin
from worker.errors import StartError
from worker.settings import model_hub

SMALL = {
    name: shake_256(name.encode()).digest(len(name) * 5_000) for name in TURBO.released
}  # nothing repeats
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(dict(SMALL, **{"README.md": b"not used"})) as started:
        yield started


def refusal(lock: Lock, target: Path, hub: Hub) -> str:
    with pytest.raises(StartError) as caught:
        fetch(lock, target, hub.url, patience=0, report=lambda _: None)
    assert "\n" not in str(caught.value)
    assert not target.exists()
    assert list(target.parent.glob("*.part")) == []
    return str(caught.value)


def test_the_files_that_are_used_come_and_no_others_and_no_token_is_sent(hub: Hub, tmp_path: Path) -> None:
    target = tmp_path / "released"
    fetch(newest(hub.url), target, hub.url, report=lambda _: None)
    assert {file.name: file.read_bytes() for file in target.iterdir() if file.name in TURBO.released} == SMALL
    assert {file.name for file in target.iterdir()} == {*TURBO.released, "manifest.json"}
    assert Manifest.read(target).revision == REVISION
    assert hub.tokens_seen == []


def test_a_lock_of_the_hubs_own_digests_reads_back_as_it_was_written(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "weights.lock"
    assert main(["--lock", str(file), "--hub", hub.url]) == 0
    assert Lock.read(file) == newest(hub.url)
    assert main([str(tmp_path / "released"), "--lock-file", str(file), "--hub", hub.url]) == 0


@pytest.mark.parametrize("kind", ["cuts", "resets"])
def test_a_broken_connection_is_gone_on_with_from_the_byte_where_it_broke(
    hub: Hub, tmp_path: Path, kind: str
) -> None:
    lock = newest(hub.url)
    getattr(hub, kind)["conds.pt"] = 3
    fetch(lock, tmp_path / "released", hub.url, patience=0, report=lambda _: None)
    assert (tmp_path / "released" / "conds.pt").read_bytes() == SMALL["conds.pt"]
    halves = [0, 20_000, 30_000, 35_000]  # of 40,000 bytes
    assert [start for name, start in hub.begun if name == "conds.pt"] == halves


def test_a_hub_that_begins_anew_each_time_is_no_trouble(hub: Hub, tmp_path: Path) -> None:
    lock = newest(hub.url)
    hub.cuts["conds.pt"], hub.ranges = 3, False
    fetch(lock, tmp_path / "released", hub.url, patience=0, report=lambda _: None)
    assert (tmp_path / "released" / "conds.pt").read_bytes() == SMALL["conds.pt"]


@pytest.mark.parametrize(("ranges", "attempts"), [(True, 8), (False, 4)])
def test_only_attempts_that_bring_next_to_nothing_more_are_counted(
    tmp_path: Path, *, ranges: bool, attempts: int
) -> None:
    large = SMALL | {"conds.pt": bytes(40_000_000)}
    with serving(large) as hub:
        lock = newest(hub.url)
        hub.cuts["conds.pt"], hub.ranges = 99, ranges
        assert "conds.pt: the connection was cut" in refusal(lock, tmp_path / "released", hub)
    assert [name for name, _ in hub.begun].count("conds.pt") == attempts


def test_a_connection_that_is_always_cut_ends_with_one_line(hub: Hub, tmp_path: Path) -> None:
    lock = newest(hub.url)
    hub.cuts["conds.pt"] = 99
    assert "conds.pt: the connection was cut" in refusal(lock, tmp_path / "released", hub)


def test_another_file_of_the_same_size_is_refused_by_its_hash(hub: Hub, tmp_path: Path) -> None:
    lock = newest(hub.url)
    hub.files["ve.safetensors"] = b"x" * len(SMALL["ve.safetensors"])
    assert "ve.safetensors: SHA-256 is " in refusal(lock, tmp_path / "released", hub)


@pytest.mark.parametrize("size", [10, 60_000_000])
def test_a_file_of_another_size_is_refused(hub: Hub, tmp_path: Path, size: int) -> None:
    lock = newest(hub.url)
    hub.files["ve.safetensors"] = b"x" * size
    assert "the lock says 70,000" in refusal(lock, tmp_path / "released", hub)


def test_a_file_that_the_hub_lost_is_named(hub: Hub, tmp_path: Path) -> None:
    lock = newest(hub.url)
    del hub.files["vocab.json"]
    assert "vocab.json: HTTP 404" in refusal(lock, tmp_path / "released", hub)
    with pytest.raises(StartError, match=r"has no vocab\.json"):
        newest(hub.url)


def test_a_hub_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="127"):
        newest("http://127.0.0.1:9")


def test_files_that_do_not_fit_are_not_begun(hub: Hub, tmp_path: Path) -> None:
    lock = newest(hub.url)
    huge = replace(lock, files={**lock.files, "conds.pt": Pin(10**18, "0" * 64)})
    assert "the weights need 1000000000.0 GB" in refusal(huge, tmp_path / "released", hub)


def test_a_disk_that_fills_meanwhile_leaves_nothing(hub: Hub, tmp_path: Path) -> None:
    full = next((Path(name) for name in ("/dev/full",) if Path(name).exists()), None)
    assert full is not None, "this test needs /dev/full"
    lock = newest(hub.url)
    made = Path.mkdir

    class Folder(type(tmp_path)):  # type: ignore[misc]  # the platform's own class of paths
        """A folder on a disk without room: one of its files is /dev/full."""

        def mkdir(self, *args: object, **kwargs: object) -> None:
            made(self, parents=True)
            (self / "conds.pt").symlink_to(full)

    assert "no space left" in refusal(lock, Folder(tmp_path / "released"), hub)


def test_a_folder_that_exists_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="exists: remove it"):
        fetch(newest(hub.url), tmp_path, hub.url, report=lambda _: None)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("revision = ", "revision = 'main' #"), "revision is 'main'"),
        (("revision = ", "#"), "revision is ''"),
        (('"vocab.json"', '"other.json"'), "does not pin vocab.json"),
        (("sha256 = ", "hash = "), "a file needs `size` and `sha256`"),
        (("size = 50000", "size = 0"), "size or sha256 of 'merges.txt' cannot be one, or it is not used"),
        (("[files]", "[files"), "is not a lock"),
    ],
)
def test_a_lock_that_cannot_be_is_refused(
    hub: Hub, tmp_path: Path, changed: tuple[str, str], said: str
) -> None:
    file = tmp_path / "weights.lock"
    file.write_text(newest(hub.url).text().replace(*changed))
    with pytest.raises(StartError, match=said):
        Lock.read(file)


def test_newest_weights_print_the_lock_to_commit(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "released"), "--weights", "main", "--hub", hub.url]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith(newest(hub.url).text() + "\n")


def test_weights_that_were_fetched_bake_and_speak(tmp_path: Path, tiny_checkpoint: Path) -> None:
    files = {name: (tiny_checkpoint / name).read_bytes() for name in TURBO.released}
    released, baked = tmp_path / "released", tmp_path / "baked"
    with serving(files) as hub:
        assert main([str(released), "--weights", "main", "--hub", hub.url]) == 0
    told = json.loads((released / "manifest.json").read_text())
    (released / "manifest.json").write_text(
        json.dumps(told | MANIFEST)
    )  # else its noise fails the smoke test
    run("-W", "ignore", "-m", "worker.engines.chatterbox.weights.bake", str(released), str(baked))
    assert Manifest.read(baked).revision == REVISION
    settings = {"TTS_ENGINE": "chatterbox-turbo", "TTS_DEVICE": "cpu", "TTS_MODEL_DIR": str(baked)}
    assert "spoke 'Hello.': an MP3 of" in run("-m", "worker.check", **settings)


def run(*arguments: str, **env: str) -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TTS_")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=plain | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_other_models_files_come_by_their_own_lock_and_never_by_this_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: name.encode() * 50 for name in MULTILINGUAL.released}
    lock, target = tmp_path / "weights-multilingual.lock", tmp_path / "released"
    with serving(files, MULTILINGUAL.repository) as hub:
        model = ["--model", "multilingual", "--hub", hub.url]
        assert main(["--lock", str(lock), *model]) == 0
        assert main([str(target), "--lock-file", str(lock), *model]) == 0
        assert {file.name for file in target.iterdir()} == {*files, "manifest.json"}
        capsys.readouterr()
        assert main([str(tmp_path / "other"), "--lock-file", str(lock), "--hub", hub.url]) == 1
    assert f"pins {MULTILINGUAL.repository}, expected ResembleAI/chatterbox-turbo" in capsys.readouterr().err


def test_a_lock_that_is_missing_is_one_line_with_the_command_that_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "none.lock"
    assert main([str(tmp_path / "released"), "--model", "multilingual", "--lock-file", str(lock)]) == 1
    command = f"python -m worker.engines.chatterbox.weights.fetch --model multilingual --lock {lock}"
    assert capsys.readouterr().err == f"fetch: {lock} is missing: `{command}` makes another\n"


def test_a_lock_can_be_made_of_a_revision_that_is_not_the_newest(hub: Hub, tmp_path: Path) -> None:
    lock = tmp_path / "weights.lock"
    assert main(["--lock", str(lock), "--hub", hub.url, "--revision", "refs/pr/1"]) == 0
    assert "/revision/refs%2Fpr%2F1" in hub.listings[-1]


def test_a_revision_is_refused_where_a_lock_names_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path / "released"), "--revision", "main"])
    assert "--revision goes with --lock or --weights main" in capsys.readouterr().err


def test_the_hub_is_hf_endpoints_unless_the_command_line_names_one(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.url}/")
    assert main([str(tmp_path / "released"), "--weights", "main"]) == 0
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert main(["--lock", str(tmp_path / "weights.lock"), "--hub", hub.url]) == 0


@pytest.mark.parametrize(
    ("value", "hub"),
    [
        ({}, "https://huggingface.co"),
        ({"HF_ENDPOINT": ""}, "https://huggingface.co"),
        ({"HF_ENDPOINT": "x"}, "x"),
    ],
)
def test_an_hf_endpoint_that_is_empty_is_as_one_that_is_not_set(value: dict[str, str], hub: str) -> None:
    assert model_hub(value) == hub


@pytest.mark.parametrize(
    "address",
    ["mirror.example", "ftp://mirror.example", "https://", "http://a:b", "file:///x", "/"],
)
def test_a_hub_that_is_not_a_url_is_one_line_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert main([str(tmp_path / "released")]) == 1
    said = f"fetch: the hub's address {address!r} is not a URL with http or https: HF_ENDPOINT, --hub\n"
    assert capsys.readouterr().err == said
