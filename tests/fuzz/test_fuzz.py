"""The fuzzing in short; `make fuzz` does it in full."""

import pytest

from tests.fuzz.inputs import TARGETS
from tests.fuzz.running import fuzz

SHORT = {"marks": 1_000, "localpod": 500, "gateway": 250, "request": 1_000}


# Sources draw from Hypothesis alone: what it notices is a thread that another test left behind.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("name", TARGETS)
def test_any_input_is_read_or_refused_as_documented(name: str) -> None:
    fuzz(TARGETS[name], SHORT.get(name, 1_500))
