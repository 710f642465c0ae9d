"""The fuzzing in short; `make fuzz` does it in full."""

import pytest

from tests.fuzz.inputs import TARGETS
from tests.fuzz.running import fuzz

SHORT = {"localpod": 400, "segmenter": 1_000, "request": 1_500, "cache entry": 1_500}


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_is_read_or_refused_as_documented(name: str) -> None:
    fuzz(TARGETS[name], SHORT.get(name, 2_500))
