"""`chatterpod deploy` tells of the volume that an endpoint leaves behind."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chatterpod.cli import main

from tests.kits.runpod_api import KEY, RunPodApi, account

Run = Callable[..., Any]
NEW = ("--image", "me/chatterpod:0.1.0", "--data-center", "EU-RO-1", "--yes")


@pytest.fixture
def api() -> Iterator[RunPodApi]:
    with account() as served:
        yield served


@pytest.fixture
def run(api: RunPodApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what deploys, with nobody to ask, and gives the output, parsed where it is JSON."""
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def command(*arguments: str) -> Any:
        main(["deploy", *arguments, "--api-key", KEY, "--api-url", api.url])
        out = capsys.readouterr().out
        return json.loads(out) if "--json" in arguments else out

    return command


@pytest.mark.parametrize("place", [("--no-volume",), ("--data-center", "US-KS-2"), ("--volume", "v9")])
def test_the_plan_names_a_volume_that_is_left_behind_and_its_cost(
    run: Run, api: RunPodApi, place: tuple[str, ...]
) -> None:
    assert "left behind" not in run(*NEW, "--volume-size", "50")
    api.volumes["v9"] = {"id": "v9", "name": "speech", "size": 50, "dataCenter": "US-KS-2"}
    report = run(*place, "--json")
    assert [left["id"] for step in report["plan"] for left in step["leaves"]] == ["vol0"]
    assert (
        "left behind            chatterpod (vol0, 50 GB, EU-RO-1): it stays, with its cache and voices, "
        "about $3.50 a month, until you delete it at RunPod\n"
    ) in run(*place, "--yes")
    assert api.endpoints["ep0"]["networkVolumes"] != ["vol0"]
    assert "vol0" in api.volumes
    assert "left behind" not in run("--workers-max", "4", "--yes")


def test_the_plan_names_a_volume_whose_price_or_size_is_unknown(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    api.volumes["vol0"]["type"] = "HIGH_PERFORMANCE"
    assert "voices, paid by the month, until" in run("--no-volume")
    del api.volumes["vol0"]
    assert "left behind            a volume (vol0): it stays" in run("--no-volume")
