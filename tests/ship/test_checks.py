"""The workflow that runs the checks and tests of a fork, and the gate that runs all of them here."""

import re
from typing import Any

from tests.kits.workflows import ROOT, actions, complaints, read, steps

WORKFLOW = read("checks.yml")
JOB: dict[str, Any] = WORKFLOW["jobs"]["checks"]


def test_the_workflow_runs_the_three_commands_for_every_branch_and_may_only_read() -> None:
    assert WORKFLOW[True] == {"push": {"branches": ["**"]}, "pull_request": None}
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert JOB["strategy"]["matrix"] == {"command": ["quick", "check", "test"]}
    assert JOB["steps"][-1] == {"run": "make ${{ matrix.command }}"}
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"setup", *JOB["strategy"]["matrix"]["command"]} <= set(targets)


def test_its_actions_are_pinned_to_major_versions_that_exist() -> None:
    newest = {"actions/checkout": "v7", "actions/cache": "v6"}  # read on 2026-11-28
    assert actions(WORKFLOW) == newest


def test_what_pip_fetched_is_kept_where_pip_looks_until_a_requirement_changes() -> None:
    cache = next(step["with"] for step in JOB["steps"] if step.get("uses", "").startswith("actions/cache"))
    assert cache["path"] == JOB["env"]["PIP_CACHE_DIR"]
    [pattern] = re.findall(r"hashFiles\('(.*)'\)", cache["key"])
    assert ROOT / "requirements/worker.txt" in ROOT.glob(pattern)


def test_shellcheck_has_nothing_to_say_of_its_scripts_nor_of_the_gate() -> None:
    scripts = [
        step["run"].replace("${{ matrix.command }}", "test") for step in steps(WORKFLOW) if "run" in step
    ]
    assert [complaints(script) for script in [*scripts, (ROOT / ".ci/run").read_text()]] == [""] * 4
