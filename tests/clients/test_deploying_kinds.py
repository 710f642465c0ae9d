"""`chatterpod deploy --type load-balancer`: an endpoint whose requests go straight to workers."""

from collections.abc import Callable, Iterator

import pytest
from chatterpod.cli import main

from tests.kits.runpod_api import KEY, RunPodApi, account

Run = Callable[..., tuple[int, str, str]]
NEW = ("--image", "me/chatterpod:0.1.0", "--data-center", "EU-RO-1")
BALANCED = (*NEW, "--type", "load-balancer")


@pytest.fixture
def api() -> Iterator[RunPodApi]:
    with account() as served:
        yield served


@pytest.fixture
def run(api: RunPodApi, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(["deploy", *arguments, "--yes", "--api-key", KEY, "--api-url", api.url])
        return code, *capsys.readouterr()

    return command


def test_a_load_balancer_runs_the_direct_server_and_scales_by_requests(run: Run, api: RunPodApi) -> None:
    code, out, err = run(*BALANCED)
    assert (code, err) == (0, "")
    (endpoint,) = api.endpoints.values()
    assert endpoint["type"] == "LOAD_BALANCER"
    assert endpoint["scaling"] == {"type": "REQUEST_COUNT", "requestCount": 16}
    assert endpoint["workers"] == {"min": 0, "max": 3}
    assert endpoint["ports"] == ["80/http"]
    assert endpoint["env"] == {
        "RUNPOD_LOG_LEVEL": "INFO",
        "TTS_MODE": "direct",
        "PORT": "80",
        "PORT_HEALTH": "80",
    }
    assert "timeout" not in api.changes[-1][2]
    assert "export CHATTERPOD_URL=https://ep0.api.runpod.ai" in out


def test_a_second_run_changes_nothing_and_later_ones_need_no_type(run: Run, api: RunPodApi) -> None:
    run(*BALANCED)
    changes = len(api.changes)
    for arguments in (BALANCED, NEW):
        assert run(*arguments)[1] == "chatterpod is as wanted: nothing to do\n"
    assert len(api.changes) == changes
    assert run("--requests", "8", "--workers-max", "5")[0] == 0
    endpoint = api.endpoints["ep0"]
    assert (endpoint["scaling"]["requestCount"], endpoint["workers"]["max"]) == (8, 5)
    assert endpoint["env"]["TTS_MODE"] == "direct"


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (NEW, BALANCED, "the endpoint 'chatterpod' is a queue: choose another --name"),
        (BALANCED, (*NEW, "--type", "queue"), "the endpoint 'chatterpod' is a load balancer: choose another"),
        (BALANCED, ("--queue-delay", "4"), "a load balancer has no queue: choose --requests instead"),
        (BALANCED, ("--idle", "9"), "--idle is for a queue"),
        (BALANCED, ("--timeout", "300"), "--timeout is for a queue"),
        ((), (*BALANCED, "--queue-delay", "4"), "a load balancer has no queue"),
        ((), (*BALANCED, "--idle", "9"), "--idle is for a queue"),
    ],
)
def test_what_belongs_to_the_other_kind_is_refused_before_anything_is_changed(
    run: Run, api: RunPodApi, first: tuple[str, ...], second: tuple[str, ...], message: str
) -> None:
    if first:
        run(*first)
    changes = len(api.changes)
    code, _, err = run(*second)
    assert (code, len(api.changes)) == (2, changes)
    assert message in err


def test_the_standin_refuses_a_load_balancer_that_scales_by_its_queue(run: Run, api: RunPodApi) -> None:
    run(*BALANCED)
    wrong = api.changes[-1][2] | {"scaling": {"type": "QUEUE_DELAY", "queueDelay": 4}}
    with pytest.raises(Exception, match="does not fit the schema"):
        api.create(wrong)
