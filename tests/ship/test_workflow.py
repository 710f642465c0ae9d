"""The workflow that builds the image names what is there, and its scripts do what they say."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.kits.workflows import ROOT, actions, complaints, read, steps

WORKFLOW = read("image.yml")
STEPS = steps(WORKFLOW)
ACTIONS = {  # the newest major versions, read in the actions' repositories on 2026-11-25
    "actions/checkout": "v7",
    "docker/setup-buildx-action": "v4",
    "docker/login-action": "v4",
    "docker/build-push-action": "v7",
}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_it_runs_for_a_versions_tag_alone_and_may_only_read() -> None:
    assert WORKFLOW[True] == {"push": {"tags": ["v*"]}}
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_each_action_is_pinned_to_a_major_version_that_exists() -> None:
    assert actions(WORKFLOW) == ACTIONS


def test_it_builds_the_file_with_arguments_that_the_file_has() -> None:
    with_ = next(step["with"] for step in STEPS if step.get("uses", "").startswith("docker/build-push"))
    text = (ROOT / with_["file"]).read_text()
    names = [line.split("=")[0] for line in with_["build-args"].split() if "=" in line]
    assert names == ["VERSION", "REVISION"]
    for name in names:
        assert re.search(rf"^ARG {name}=", text, re.MULTILINE)
    assert (with_["platforms"], with_["push"]) == ("linux/amd64", True)


def test_the_images_labels_say_what_it_is_and_which_commit_made_it() -> None:
    text = (ROOT / "Dockerfile.serverless").read_text()
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', text))
    assert labels["title"] == "chatterpod"
    assert labels["licenses"] == "Apache-2.0"
    assert (labels["version"], labels["revision"]) == ("${VERSION}", "${REVISION}")


def test_every_step_that_is_named_later_exists_and_gives_what_is_taken() -> None:
    ids = {step["id"]: step.get("run", "") for step in STEPS if "id" in step}
    taken = re.findall(r"steps\.(\w+)\.outputs\.(\w+)", str(STEPS))
    assert taken
    for step, output in taken:
        assert f'echo "{output}=' in ids[step]


def test_shellcheck_has_nothing_to_say() -> None:
    assert [complaints(step["run"]) for step in STEPS if "run" in step] == [""] * 3


@pytest.mark.parametrize(
    ("tag", "account", "said"),
    [
        (f"v{VERSION}", "me", ""),
        ("v99.0.0", "me", f"the tag is v99.0.0, pyproject.toml says {VERSION}"),
        (f"v{VERSION}", "", "set the variable DOCKER_USERNAME"),
    ],
)
def test_the_tag_must_be_the_version_and_the_account_be_set(
    tmp_path: Path, tag: str, account: str, said: str
) -> None:
    out = tmp_path / "out"
    script = next(step["run"] for step in STEPS if step.get("id") == "version")
    env = {"GITHUB_REF_NAME": tag, "ACCOUNT": account, "GITHUB_OUTPUT": str(out), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == (1 if said else 0)
    assert said in done.stdout
    if not said:
        assert out.read_text() == f"image=me/chatterpod:{VERSION}\nversion={VERSION}\n"
