"""The drills in short; `python -m tests.drills` does them in full."""

import pytest

from tests.drills.kit import drilled
from tests.drills.roll import DRILLS
from tests.drills.workers import spoken


@pytest.mark.parametrize("name", DRILLS)
def test_nothing_is_lost(name: str) -> None:
    drill, few, _ = DRILLS[name]
    outcome = drill(few)
    assert outcome.times >= few
    assert outcome.lost == 0, outcome


def test_a_drill_notices_what_is_lost() -> None:
    with drilled("--retries", "0", speed=20) as endpoint:
        endpoint.faults(kill__records=1)
        assert spoken(endpoint, 2, cache="off") > 0
