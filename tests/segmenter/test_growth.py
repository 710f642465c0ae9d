"""The time of cutting grows with a text's length alone, however it is made; `bench.texts` has the figures."""

import pytest

from bench.texts import FAMILIES, cut, long_text, milliseconds

SHORT, LONG = 1_500, 12_000
BUSY = 3  # times that a busy machine may add; what is quadratic takes eight times as much again


@pytest.mark.parametrize("family", FAMILIES)
def test_eight_times_the_text_takes_nowhere_near_sixty_four_times_the_time(family: str) -> None:
    short, long = (milliseconds(cut, long_text(FAMILIES[family], size), 3) for size in (SHORT, LONG))
    assert long < BUSY * (LONG // SHORT) * short + 20, (short, long)
