"""The drills in short, four at a time; `python -m tests.drills` does them in full, one by one."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.drills.kit import TEXTS, Outcome, drilled, right, spoken
from tests.drills.leavers import endpoint_of, left_behind
from tests.drills.roll import DRILLS
from tests.drills.soaking import dry_seconds

TOGETHER = 4  # they wait more than they compute


@pytest.fixture(scope="module")
def outcome_of(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Outcome]]:
    """Begin the drills that were asked for; yield what waits for the outcome of one."""
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {spec.params.get("name") for spec in specs if spec}
    right("tone")
    with ThreadPoolExecutor(TOGETHER) as pool:
        begun: dict[str, Future[Outcome]] = {
            name: pool.submit(drill, few) for name, (drill, few, _) in DRILLS.items() if name in asked
        }
        yield lambda name: begun[name].result()


@pytest.mark.parametrize("name", DRILLS)
def test_nothing_is_lost_and_nothing_left_over(name: str, outcome_of: Callable[[str], Outcome]) -> None:
    outcome = outcome_of(name)
    assert outcome.times >= DRILLS[name][1]
    assert (outcome.lost, outcome.left) == (0, ()), outcome


def test_a_drill_notices_what_is_lost_and_what_is_left_over() -> None:
    with drilled("--retries", "0") as endpoint:
        endpoint.faults(kill__records=1)
        lost = spoken(endpoint, 2, cache="off")
        endpoint.faults()
        endpoint.idle_seconds = 0.5
        endpoint.run(TEXTS[0] * 40, cache="off")
        (endpoint.folder / f"{'0' * 64}.mp3").write_bytes(b"half a fil")
    assert lost > 0
    assert endpoint.left[0].startswith("still at {'speeches': 1, ")
    assert [left.split(":")[0] for left in endpoint.left[1:]] == [f"{'0' * 64}.mp3"]


def test_the_drill_of_leavers_notices_a_gateway_that_does_not() -> None:
    with endpoint_of(0) as endpoint:
        lost = left_behind(endpoint, 4, Counter(), speaks=False, gateway=("-m", "tests.drills.unwatched"))
    assert lost == 3  # one of the four left before it had asked


def test_a_player_that_waits_for_the_next_record_is_seen_to_starve() -> None:
    assert dry_seconds([(10.0, 1_000), (10.5, 1_000), (11.9, 500)]) == 0.0
    assert dry_seconds([(10.0, 1_000), (12.5, 1_000), (13.0, 500)]) == 1.5
