"""Requests stay under the published limits, and polling adapts."""

from random import Random

import pytest
from chatterpod.pace import LIMITS, Pace, Polling, back_off


@pytest.mark.parametrize("operation", sorted(LIMITS))
def test_no_ten_seconds_hold_more_requests_than_half_of_the_limit(operation: str) -> None:
    pace, now, sent = Pace(), 0.0, []
    for _ in range(3 * LIMITS[operation]):
        now += 0.0001
        sent.append(now + pace.delay(operation, now))
    for start in sent[:: max(1, LIMITS[operation] // 20)]:
        assert sum(start <= at < start + 10 for at in sent) <= LIMITS[operation] // 2


def test_an_operation_without_a_limit_never_waits() -> None:
    pace = Pace()
    assert {pace.delay("health", 0.0) for _ in range(10_000)} == {0.0}


def test_after_an_answer_that_was_held_or_had_audio_the_next_request_is_made_at_once() -> None:
    polling = Polling()
    assert polling.wait(0.01, brought=True, queued=False) == 0
    assert polling.wait(5.0, brought=False, queued=False) == 0


@pytest.mark.parametrize(("queued", "most"), [(False, 0.4), (True, 1.0)])
def test_after_quick_empty_answers_the_pauses_grow(*, queued: bool, most: float) -> None:
    polling = Polling()
    waits = [polling.wait(0.01, brought=False, queued=queued) for _ in range(30)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.05, most)
    polling.wait(0.01, brought=True, queued=False)
    assert polling.wait(0.01, brought=False, queued=queued) == 0.05


def test_pauses_before_retries_grow_to_ten_seconds_and_follow_retry_after() -> None:
    random = Random(1)  # noqa: S311 - jitter
    waits = [back_off(tried, random) for tried in range(1, 12)]
    assert all(0.1 * 2**tried <= wait for tried, wait in zip(range(1, 6), waits, strict=False))
    assert max(waits) <= 10
    assert back_off(1, random, at_least=30) == 30
