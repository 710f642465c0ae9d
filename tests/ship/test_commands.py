"""`make quick` and `make test`: which tests they run, and how."""

import re
import subprocess
import sys

import pytest

from tests.parts import SLOW, TESTS, minutes, rank, within

ROOT = TESTS.parent


def recipe(target: str) -> str:
    """Return the commands that a target of the Makefile runs, and those it needs, without running any."""
    command = ["make", "--dry-run", "--always-make", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def chosen(expression: str) -> set[str]:
    """Return the files whose tests a run would take; of the small folders only, so that it is quick."""
    command = [sys.executable, "-m", "pytest", "-qq", "--collect-only", "-m", expression]
    command += ["tests/web", "tests/fuzz", "tests/encoder"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"^(tests/\S+\.py)", said, re.MULTILINE))


def test_every_part_that_is_marked_is_there() -> None:
    assert [part for part in SLOW if not (TESTS / part).exists()] == []


def test_tests_are_marked_by_where_they_lie() -> None:
    assert chosen("not slow") == {"tests/encoder/test_encoder.py"}


def test_a_part_is_a_file_or_what_a_folder_holds() -> None:
    assert within(TESTS / "gateway/test_real.py", ("gateway/test_real.py",))
    assert within(TESTS / "web/deep/test_a.py", ("web",))
    assert not within(TESTS / "website/test_a.py", ("web",))
    assert (
        rank(TESTS / SLOW[0] / "test_a.py") < rank(TESTS / SLOW[1] / "test_a.py") < rank(TESTS / "test_a.py")
    )


def test_the_minutes_are_those_of_a_folder_over_all_its_files_and_the_longest_comes_first() -> None:
    took = {
        "tests/gateway/test_a.py::test": 30,
        "tests/web/test_a.py::test": 90,
        "tests/gateway/b/test_b.py::test": 90,
    }
    reports = [
        pytest.TestReport(name, ("", 0, ""), {}, "passed", None, "call", duration=seconds)
        for name, seconds in took.items()
    ]
    assert minutes(reports) == ["  2.0 min  gateway", "  1.5 min  web"]


def test_quick_and_test_share_nothing_out_but_whole_files_and_test_leaves_none_out() -> None:
    quick, everything = recipe("quick"), recipe("test")
    assert re.findall(r"pytest .*", quick) == [
        '''pytest --dist loadfile --no-loadscope-reorder -n 3 -m "not slow"'''
    ]
    assert re.findall(r"pytest .*", everything) == ["pytest --dist loadfile --no-loadscope-reorder -n 3"]
    for command in ("ruff format --check", "ruff check", "lint-imports"):
        assert command in quick
        assert command in everything
