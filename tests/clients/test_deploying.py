"""`chatterpod deploy` makes an endpoint as planned, changes what differs, and does nothing twice."""

import io
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chatterpod.cli import main
from chatterpod.cli.variables import SETTINGS
from chatterpod.deploying import Found, Wanted, plan
from chatterpod.errors import ApiError
from chatterpod.kinds import DEFAULTS
from chatterpod.management import Management

from tests.kits.runpod_api import FINE, KEY, LOST, POOLS, RunPodApi, account

Run = Callable[..., tuple[int, Any, str]]
NEW = ("--image", "me/chatterpod:0.1.0", "--data-center", "EU-RO-1")


@pytest.fixture
def api() -> Iterator[RunPodApi]:
    with account() as served:
        yield served


@pytest.fixture
def run(api: RunPodApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("RUNPOD_API_KEY", KEY)

    def command(*arguments: str, yes: bool = True) -> tuple[int, Any, str]:
        code = main(["deploy", *arguments, *(["--yes"] if yes else []), "--api-url", api.url])
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in arguments else out, err

    return command


def test_a_new_endpoint_has_the_default_settings_and_a_volume_of_its_own(run: Run, api: RunPodApi) -> None:
    code, out, err = run(*NEW)
    assert (code, err) == (0, "")
    assert "make the volume 'chatterpod'" in out
    assert "about $1.40 a month" in out
    assert "export RUNPOD_ENDPOINT_ID=ep0" in out
    (volume,), (endpoint,) = api.volumes.values(), api.endpoints.values()
    assert (volume["name"], volume["size"], volume["dataCenter"]) == ("chatterpod", 20, "EU-RO-1")
    assert endpoint["networkVolumes"] == [volume["id"]]
    assert endpoint["dataCenterIds"] == ["EU-RO-1"]
    assert endpoint["workers"] == {"min": 0, "max": 3, "idleTimeout": 15}
    assert 10 <= endpoint["workers"]["idleTimeout"] <= 30
    assert endpoint["timeout"] == 600_000
    assert endpoint["gpu"]["pools"] == ["AMPERE_16", "AMPERE_24"]
    assert endpoint["env"] == {"RUNPOD_LOG_LEVEL": "INFO"}
    assert endpoint["flashboot"] == "FLASHBOOT"
    assert endpoint["type"] == "QUEUE"


def test_a_second_run_changes_nothing(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    changes = len(api.changes)
    code, out, _ = run(*NEW)
    assert (code, out) == (0, "chatterpod is as wanted: nothing to do\n")
    assert len(api.changes) == changes


def test_only_differences_are_changed_and_other_settings_stay(run: Run, api: RunPodApi) -> None:
    run(*NEW, "--env", "TTS_CACHE_TAG=one", "--workers-max", "7")
    code, out, _ = run("--image", "me/chatterpod:0.2.0")
    assert code == 0
    assert "me/chatterpod:0.1.0 -> me/chatterpod:0.2.0" in out
    assert api.changes[-1] == ("PATCH", "/v2/serverless/ep0", {"image": "me/chatterpod:0.2.0"})
    run("--idle", "20")
    assert api.endpoints["ep0"]["workers"] == {"min": 0, "max": 7, "idleTimeout": 20}
    assert api.endpoints["ep0"]["env"] == {"RUNPOD_LOG_LEVEL": "INFO", "TTS_CACHE_TAG": "one"}


def test_variables_are_added_and_removed_and_possible_secrets_are_not_shown(run: Run, api: RunPodApi) -> None:
    _, out, _ = run(*NEW, "--env", "TTS_CACHE_TAG=one", "--env", "MY_TOKEN=hunter2")
    assert "one" in out
    assert "hunter2" not in out
    _, out, _ = run("--env", "TTS_CACHE_TAG=two", "--unset", "MY_TOKEN")
    assert "one -> two" in out
    assert "(not shown) -> (removed)" in out
    assert api.endpoints["ep0"]["env"] == {"RUNPOD_LOG_LEVEL": "INFO", "TTS_CACHE_TAG": "two"}


def test_without_a_yes_the_plan_is_shown_and_nothing_happens(
    run: Run, api: RunPodApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, _ = run(*NEW, yes=False)
    assert code == 1
    assert "AMPERE_16, AMPERE_24" in out
    assert "Nothing was changed" in out
    code, report, _ = run(*NEW, "--json", yes=False)
    assert (code, report["changed"]) == (1, False)
    assert [step["what"] for step in report["plan"]] == [
        "make the volume 'chatterpod'",
        "make the endpoint 'chatterpod'",
    ]
    assert api.changes == []


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "made"), [("y\n", 1), ("\n", 0), ("no\n", 0)])
def test_at_a_terminal_it_asks(
    run: Run, api: RunPodApi, monkeypatch: pytest.MonkeyPatch, typed: str, made: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    code, _, _ = run(*NEW, yes=False)
    assert (code, len(api.endpoints)) == (1 - made, made)


def test_without_a_volume_any_data_center_does(run: Run, api: RunPodApi) -> None:
    run("--image", "me/chatterpod:0.1.0", "--no-volume")
    assert (api.endpoints["ep0"]["networkVolumes"], api.endpoints["ep0"]["dataCenterIds"]) == ([], [])
    assert api.volumes == {}


def test_an_existing_volume_is_found_by_name_or_id_and_sets_the_data_center(run: Run, api: RunPodApi) -> None:
    api.volumes["v9"] = {"id": "v9", "name": "speech", "size": 50, "dataCenter": "US-KS-2"}
    for volume in ("v9", "speech"):
        run("--name", volume, "--image", "me/chatterpod:0.1.0", "--volume", volume)
    assert [each["dataCenterIds"] for each in api.endpoints.values()] == [["US-KS-2"]] * 2
    code, _, err = run("--image", "me/chatterpod:0.1.0", "--volume", "other")
    assert (code, err) == (2, "chatterpod: bad_input: there is no network volume 'other'\n")


def test_scaling_by_requests_has_no_idle_timeout_and_can_be_left_again(run: Run, api: RunPodApi) -> None:
    run(*NEW, "--requests", "16")
    assert api.endpoints["ep0"]["workers"] == {"min": 0, "max": 3}
    assert run("--idle", "20")[0] == 2
    run("--workers-max", "5")
    assert api.endpoints["ep0"]["workers"] == {"min": 0, "max": 5}
    run("--queue-delay", "2")
    assert api.endpoints["ep0"]["workers"] == {"min": 0, "max": 5, "idleTimeout": 15}
    assert api.endpoints["ep0"]["scaling"] == {"type": "QUEUE_DELAY", "queueDelay": 2.0}
    run("--requests", "16")
    assert api.endpoints["ep0"]["workers"] == {"min": 0, "max": 5}


def test_a_change_of_pools_keeps_the_excluded_cards_that_are_still_in_them(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    gpu = api.endpoints["ep0"]["gpu"]
    gpu |= {"excludedTypes": ["NVIDIA RTX A4500", "NVIDIA L4"], "minCudaVersion": None}
    gpu["allowedCudaVersions"] = ["12.4"]
    code, _, err = run("--gpu", "ADA_24", "--gpu", "AMPERE_16", "--min-cuda", "12.8")
    assert (code, err) == (0, "")
    gpu = api.endpoints["ep0"]["gpu"]
    assert gpu["excludedTypes"] == ["NVIDIA RTX A4500"]
    assert (gpu["minCudaVersion"], gpu["allowedCudaVersions"]) == ("12.8", [])


def test_an_endpoint_is_found_although_runpod_appends_a_mark_to_its_name(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    api.endpoints["ep0"]["name"] += " -fb"
    assert run(*NEW)[1].endswith("nothing to do\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--no-volume",), "there is no endpoint 'chatterpod' yet: a new one needs --image"),
        (("--image", "me/c", "--no-volume"), "expected a name in small letters with a tag of its own"),
        (("--image", "NAME/c:1", "--no-volume"), "expected a name in small letters"),
        (("--image", "me/C:1", "--no-volume"), "expected a name in small letters"),
        (("--image", "me/c:latest", "--no-volume"), "workers of several versions"),
        (("--image", "me/c:1"), "a new endpoint needs --data-center for its volume"),
        (
            (*NEW, "--gpu", "RTX_3060"),
            "there is no GPU pool 'RTX_3060': there are ADA_24, ADA_32_PRO, AMPERE_16",
        ),
        ((*NEW, "--idle", "0"), "--idle is 0, expected 1 to 3600"),
        ((*NEW, "--queue-delay", "nan"), "--queue-delay is nan, expected 0.5 to 3600"),
        ((*NEW, "--volume-size", "5"), "--volume-size is 5, expected 10 to 4096"),
        ((*NEW, "--min-cuda", "new"), "--min-cuda is 'new', expected a version such as 12.4"),
        ((*NEW, "--env", "hunter2"), "--env takes NAME=VALUE"),
        (
            (*NEW, "--env", "TTS_SLOT=hunter2"),
            "--env TTS_SLOT is not a setting of the worker: did you mean TTS_SLOTS?",
        ),
        (
            (*NEW, "--env", "tts_slots=hunter2"),
            "--env tts_slots is not a setting of the worker: did you mean TTS_SLOTS?",
        ),
        (
            (*NEW, "--env", "TTS_UNHEARD_OF=1"),
            "--env TTS_UNHEARD_OF is not a setting of the worker: the settings are TTS_CACHE_CASE, ",
        ),
        (
            (*NEW, "--workers-min", "5", "--workers-max", "2"),
            "5 workers would always be up, and at most 2 may be",
        ),
        (
            (*NEW, "--workers-min", "4"),
            "4 workers would always be up, and at most 3 may be: raise --workers-max",
        ),
        (
            (*NEW, "--requests", "4", "--idle", "9"),
            "RunPod accepts no idle timeout if it scales by requests",
        ),
    ],
)
def test_invalid_options_are_refused_before_anything_is_changed(
    run: Run, api: RunPodApi, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert message in err
    assert "hunter2" not in err
    assert api.changes == []


@pytest.mark.parametrize("fault", [429, 503])
def test_reads_are_retried_after_failures_that_may_pass(run: Run, api: RunPodApi, fault: int) -> None:
    api.faults[:] = [fault]
    assert run(*NEW)[0] == 0


def test_a_change_whose_answer_is_lost_is_made_once(run: Run, api: RunPodApi) -> None:
    run(*NEW, "--name", "first")
    api.faults[:] = [FINE, FINE, FINE, LOST]  # three looks, then the change
    code, _, err = run("--name", "first", "--image", "me/chatterpod:0.2.0")
    assert code == 3
    assert "run the command again, nothing is made twice" in err
    assert run("--name", "first", "--image", "me/chatterpod:0.2.0")[1].endswith("nothing to do\n")


def test_an_api_that_cannot_be_reached_is_named_by_its_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    with (
        Management(KEY, f"http://{host}/v2", sleep=lambda _: None) as api,
        pytest.raises(ApiError, match=rf"RunPod's API cannot be reached at {host} \(ConnectError\)$"),
    ):
        api.listed("/serverless", "endpoints")


def test_a_refusal_is_one_line_with_what_the_api_says(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    api.faults[:] = [FINE, FINE, FINE, 422]
    code, _, err = run("--workers-max", "9")
    assert (code, err.count("\n")) == (3, 1)
    assert "RunPod answered HTTP 422 to /serverless/ep0: trouble of the passing kind" in err


def test_a_wrong_key_is_reported_and_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNPOD_API_KEY", "wrong-key")
    code, _, err = run(*NEW)
    assert (code, err) == (3, "chatterpod: unauthorized: RunPod refused the API key (HTTP 401)\n")


def test_an_answer_that_differs_from_the_request_is_reported(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    kept = api.update

    def deaf(found: str, body: Any) -> dict[str, Any]:
        return kept(found, {name: value for name, value in body.items() if name != "timeout"})

    api.update = deaf  # type: ignore[method-assign]  # an API that passes over a field
    _, out, _ = run("--timeout", "300", "--disk", "30")
    assert "does not show these changes yet: timeout" in out


def test_two_endpoints_of_one_name_are_an_error(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    api.endpoints["ep1"] = api.endpoints["ep0"] | {"id": "ep1"}
    code, _, err = run("--workers-max", "4")
    assert code == 2
    assert "2 endpoints are called 'chatterpod': ep0, ep1" in err


def test_an_endpoint_without_gpus_is_not_touched(run: Run, api: RunPodApi) -> None:
    run(*NEW)
    api.endpoints["ep0"]["gpu"] = None
    code, _, err = run("--workers-max", "4")
    assert (code, len(api.changes)) == (2, 2)
    assert "is not one on GPUs" in err


def test_the_endpoints_own_number_of_workers_counts_if_only_the_other_is_changed(
    run: Run, api: RunPodApi
) -> None:
    run(*NEW, "--workers-min", "2")
    changes = len(api.changes)
    for arguments in (("--workers-min", "4"), ("--workers-max", "1")):
        assert run(*arguments)[0] == 2
    assert len(api.changes) == changes
    assert run("--workers-min", "0", "--workers-max", "0")[0] == 0
    assert run("--idle", "20")[0] == 0


def test_the_settings_that_env_accepts_are_those_of_the_worker(run: Run, api: RunPodApi) -> None:
    from worker.settings import NAMES  # noqa: PLC0415 - for the comparison alone

    known = {f"TTS_{name.upper()}" for name in NAMES}
    assert set(SETTINGS) == known
    assert run(*NEW, *(part for name in known for part in ("--env", f"{name}=1")))[0] == 0
    assert known < api.endpoints["ep0"]["env"].keys()


def test_every_default_pool_is_one_of_runpods_and_the_plan_is_pure() -> None:
    found = Found([], [], [{"id": gpu, "pool": pool} for gpu, pool in POOLS.items()])
    assert set(DEFAULTS["gpu.pools"]) <= set(POOLS.values())
    wanted = Wanted("x", {"image": "me/c:1"}, no_volume=True)
    assert plan(wanted, found) == plan(wanted, found)
