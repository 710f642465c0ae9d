"""What is built once: shared by processes, and built anew when its builders change."""

from pathlib import Path

import pytest

from bench.built import ROOT, SOURCES, key, once


def one_file(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "file").write_text(text)


def test_a_folder_is_built_by_the_first_call_alone(tmp_path: Path) -> None:
    first = once("a", lambda folder: one_file(folder, "first"), tmp_path)
    second = once("a", lambda folder: one_file(folder, "second"), tmp_path)
    assert first == second
    assert (second / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [first]


def test_of_two_processes_that_build_at_once_the_first_to_finish_wins(tmp_path: Path) -> None:
    def slower(folder: Path) -> None:
        one_file(folder, "slower")
        once("a", lambda other: one_file(other, "faster"), tmp_path)

    folder = once("a", slower, tmp_path)
    assert (folder / "file").read_text() == "faster"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_build_that_fails_leaves_no_folder_to_be_taken_for_a_whole_one(tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        one_file(folder, "half")
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        once("a", broken, tmp_path)
    with pytest.raises(FileNotFoundError):  # a builder that made nothing
        once("a", lambda folder: None, tmp_path)
    assert (once("a", lambda folder: one_file(folder, "whole"), tmp_path) / "file").read_text() == "whole"


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_changes_changes_the_key(source: str, tmp_path: Path) -> None:
    files = [file for each in SOURCES for file in ROOT.glob(each)]
    for file in files:
        (tmp_path / file.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.relative_to(ROOT)).write_bytes(file.read_bytes())
    before = key.__wrapped__(tmp_path)
    assert before == key(ROOT)
    changed = next(tmp_path.glob(source))
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert key.__wrapped__(tmp_path) != before
