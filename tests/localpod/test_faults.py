import math
import re
from itertools import product
from pathlib import Path

import pytest

from localpod.faults import NAMES, FaultError, Faults, RequestFault


def actions(faults: Faults, path: str, count: int) -> list[str | None]:
    return [faults.on_request(path).action for _ in range(count)]


def test_without_faults_nothing_happens() -> None:
    faults = Faults()
    faults.on_take("a")
    assert faults.on_request("stream") == RequestFault()
    assert faults.due("a", 100, 100.0) == []
    assert (faults.active(), dict(faults.applied)) == ({}, {})


@pytest.mark.parametrize(("one_in", "seed"), list(product([1, 2, 5, 7], range(4))))
def test_a_fault_applies_to_exactly_one_request_in_so_many(one_in: int, seed: int) -> None:
    faults = Faults({"drop.stream": one_in, "seed": seed})
    applied = actions(faults, "stream", one_in * 20)
    blocks = [applied[at : at + one_in] for at in range(0, len(applied), one_in)]
    assert [block.count("drop") for block in blocks] == [1] * 20
    assert faults.applied["drop.stream"] == 20


def test_the_seed_alone_decides_which_requests() -> None:
    def run(seed: int) -> list[str | None]:
        return actions(Faults({"500.status": 5, "seed": seed}), "status", 100)

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_fault_of_one_route_leaves_the_others_alone() -> None:
    faults = Faults({"close.chunk": 1})
    paths = ("run", "stream", "job-take", "job-done", "page")
    assert [faults.on_request(path).action for path in paths] == [None] * 5
    assert faults.on_request("job-stream").action == "close"


def test_the_group_of_public_routes_counts_them_together_and_leaves_the_workers_alone() -> None:
    faults = Faults({"429.api": 5})
    applied = [faults.on_request(path).action for path in ("run", "status", "stream", "cancel", "health") * 4]
    assert applied.count("429") == 4
    assert actions(faults, "job-stream", 20) == [None] * 20


def test_a_delay_applies_to_every_request_and_combines_with_an_action() -> None:
    faults = Faults({"delay.api": 0.5, "delay.stream": 2, "drop.stream": 1})
    assert faults.on_request("status") == RequestFault(None, 0.5)
    assert faults.on_request("stream") == RequestFault("drop", 2)


def test_a_fault_is_off_again_when_it_is_set_to_0_and_all_are_when_cleared() -> None:
    faults = Faults({"drop.run": 1, "500.run": 1, "rude": 1})
    faults.set({"500.run": 0})
    assert faults.active() == {"drop.run": 1, "rude": 1}
    faults.clear()
    assert faults.active() == {}
    assert faults.on_request("run") == RequestFault()


def test_an_event_happens_after_so_many_records_and_once_for_each_job() -> None:
    faults = Faults({"kill.records": 3})
    faults.on_take("a")
    assert [faults.due("a", records, 0.0) for records in (1, 2, 3, 4)] == [[], [], ["kill"], []]
    faults.on_take("a")  # the second attempt
    assert faults.due("a", 9, 9.0) == []


def test_an_event_happens_after_so_many_seconds() -> None:
    faults = Faults({"term.seconds": 2, "cancel.seconds": 3})
    faults.on_take("a")
    assert [faults.due("a", 0, ran_s) for ran_s in (0.0, 1.9, 2.0, 3.5)] == [[], [], ["term"], ["cancel"]]
    assert faults.timed


def test_random_moments_are_spread_over_the_time_and_the_same_for_a_seed() -> None:
    def moments(seed: int) -> list[int]:
        faults = Faults({"kill.random": 100, "seed": seed})
        found = []
        for job in map(str, range(50)):
            faults.on_take(job)
            found.append(next(second for second in range(101) if faults.due(job, 0, second)))
        return found

    assert moments(1) == moments(1) != moments(2)
    assert min(moments(1)) < 20
    assert max(moments(1)) > 80


def test_events_can_be_limited_to_one_job_in_so_many() -> None:
    faults = Faults({"kill.records": 1, "jobs": 4})
    applied = []
    for job in map(str, range(40)):
        faults.on_take(job)
        applied += faults.due(job, 1, 0.0)
    assert applied == ["kill"] * 10


def test_a_job_can_be_cancelled_as_it_is_handed_over() -> None:
    faults = Faults({"cancel.take": 2})
    assert sum(faults.on_take(str(job)) == ["cancel"] for job in range(20)) == 10


def test_forgotten_jobs_do_not_change_what_happens_to_the_next() -> None:
    def applied(*, forget: bool) -> list[str]:
        faults = Faults({"kill.take": 3})
        found = []
        for job in map(str, range(30)):
            found += [job for _ in faults.on_take(job)]
            if forget:
                faults.forget([job])
        return found

    assert applied(forget=True) == applied(forget=False)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("drop.strem", 1, "'drop.strem' is not a fault, did you mean 'drop.stream'"),
        ("lose.run", 1, "'lose.run' is not a fault"),
        ("drop.api", 1.5, "drop.api is 1.5, expected a whole number"),
        ("drop.api", -1, "drop.api is -1, expected a whole number from 0"),
        ("drop.api", True, "drop.api is True"),
        ("drop.api", "2", "drop.api is '2'"),
        ("delay.api", math.nan, "delay.api is nan, expected a number"),
        ("kill.random", math.inf, "kill.random is inf"),
    ],
)
def test_a_wrong_name_or_value_is_refused_and_nothing_changes(name: str, value: object, message: str) -> None:
    faults = Faults({"rude": 1})
    with pytest.raises(FaultError, match=message):
        faults.set({"stop-once": 1, name: value})
    assert faults.active() == {"rude": 1}


def test_the_page_names_every_fault() -> None:
    page = (Path(__file__).parents[2] / "docs" / "start" / "local.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w-]+", page))
    parts = {part for name in NAMES for part in name.split(".")}
    assert parts - named == set()
