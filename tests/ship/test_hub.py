"""What RunPod's Hub reads is what it documents, and says nothing that the worker would refuse."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from chatterpod.cards import unfit_cards

from tests.kits.hub_schemas import HUB, TESTS
from tests.kits.runpod_api import POOLS
from worker.engines.tone import ToneEngine
from worker.request import parse
from worker.settings import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".runpod"
HUB_JSON: dict[str, Any] = json.loads((FOLDER / "hub.json").read_text())
TESTS_JSON: dict[str, Any] = json.loads((FOLDER / "tests.json").read_text())
INPUTS = {each["key"]: each["input"] for each in HUB_JSON["config"]["env"] if "input" in each}


@pytest.mark.parametrize(("content", "schema"), [(HUB_JSON, HUB), (TESTS_JSON, TESTS)])
def test_the_files_are_as_the_hub_documents_them(content: Any, schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema, jsonschema.Draft202012Validator)


def test_a_file_that_is_not_as_documented_would_be_noticed() -> None:
    for wrong in ({"category": "speech"}, {"config": {"runsOn": "GPU"}}, {"licence": "Apache-2.0"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(HUB_JSON | wrong, HUB, jsonschema.Draft202012Validator)


def test_each_setting_is_offered_with_the_workers_own_default() -> None:
    own = Settings()
    for key, given in INPUTS.items():
        set_to = getattr(Settings.from_env({key: str(given["default"])}), key.removeprefix("TTS_").lower())
        default = getattr(own, key.removeprefix("TTS_").lower())
        assert set_to == ("chatterbox-turbo" if key == "TTS_ENGINE" else default)


def test_whatever_can_be_chosen_is_a_setting_that_the_worker_takes() -> None:
    chosen = [(key, option["value"]) for key, given in INPUTS.items() for option in given.get("options", ())]
    chosen += [
        (key, given[end])
        for key, given in INPUTS.items()
        for end in ("min", "max")
        if given["type"] == "number"
    ]
    for key, value in chosen:
        Settings.from_env({key: str(value)})
    for preset in HUB_JSON["config"]["presets"]:
        assert preset["defaults"].keys() <= INPUTS.keys()
        Settings.from_env(preset["defaults"])
    assert len(chosen) >= 10


def test_no_card_is_offered_that_the_images_torch_has_no_kernels_for() -> None:
    offered = HUB_JSON["config"]["gpuIds"].split(",")
    pools = [each for each in offered if not each.startswith("-")]
    piece = "NVIDIA RTX PRO 6000 Blackwell Server Edition MIG 1g.24gb"  # that RunPod puts among 24 GB cards
    catalogue = [{"id": card, "pool": pool} for card, pool in {**POOLS, piece: "AMPERE_24"}.items()]
    unfit = unfit_cards(pools, min(HUB_JSON["config"]["allowedCudaVersions"]), catalogue)
    assert [f"-{card}" for card in unfit] == [each for each in offered if each not in pools] != []


def test_the_log_level_that_keeps_text_out_is_set_for_users_and_for_the_hubs_tests() -> None:
    level = {"key": "RUNPOD_LOG_LEVEL", "value": "INFO"}
    assert level in HUB_JSON["config"]["env"]
    assert level in TESTS_JSON["config"]["env"]


def test_a_listing_without_a_queue_runs_the_direct_server_and_its_tests_the_queues_worker() -> None:
    mode = {"key": "TTS_MODE", "value": "direct"}
    assert HUB_JSON["config"].get("endpointType") == "LB"
    assert mode in HUB_JSON["config"]["env"]
    assert "TTS_MODE" not in {each["key"] for each in TESTS_JSON["config"]["env"]}  # jobs are its tests


def test_the_hubs_tests_are_jobs_that_the_worker_takes() -> None:
    for each in TESTS_JSON["tests"]:
        parse(each["input"], ToneEngine(speed=1_000.0, slots=1), 10_000)


def test_the_hubs_dockerfile_is_the_image_of_this_version_and_cannot_be_somebody_elses() -> None:
    lines = [line for line in (FOLDER / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    image = lines[0].removeprefix("ARG IMAGE=")
    assert lines[1:] == ["FROM ${IMAGE}"]
    name, version = image.rsplit(":", 1)
    assert version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"ARG VERSION={version}\n" in (ROOT / "Dockerfile.serverless").read_text()
    written = re.fullmatch(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*/chatterpod", name)
    assert written or name == "NAME/chatterpod"  # capitals: Docker refuses it until a name is written


def test_the_hubs_handler_is_the_worker() -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TTS_", "RUNPOD_"))}
    done = subprocess.run(
        [sys.executable, FOLDER / "handler.py", "--check"],
        env=plain | {"TTS_ENGINE": "tone"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("engine     tone\n")


def test_the_readme_has_the_hubs_badge_for_one_repository() -> None:
    readme = (ROOT / "README.md").read_text()
    badge = r"\[!\[Runpod\]\(https://api\.runpod\.io/badge/(\S+)\)\]\(https://console\.runpod\.io/hub/(\S+)\)"
    found = re.search(badge, readme)
    assert found is not None
    assert found[1] == found[2]
