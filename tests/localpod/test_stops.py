from localpod.stops import REPEAT_S, Stops


def requested() -> Stops:
    stops = Stops()
    stops.request("w", "a", 0.0)
    return stops


def test_a_stop_is_due_at_once_and_again_after_a_while() -> None:
    stops = requested()
    assert stops.due("w", 0.0) == ["a"]
    assert stops.due("w", REPEAT_S / 2) == []
    assert stops.next_due("w") == REPEAT_S
    assert stops.due("w", REPEAT_S) == ["a"]


def test_a_stop_is_repeated_for_as_long_as_pings_name_the_job() -> None:
    stops = requested()
    for _ in range(5):
        stops.pinged("w", {"a"})
    assert stops.due("w", 9.0) == ["a"]


def test_one_ping_without_the_job_may_be_older_than_the_job() -> None:
    stops = requested()
    stops.pinged("w", set())
    stops.pinged("w", {"a"})
    stops.pinged("w", set())
    assert stops.pending("w") == ["a"]


def test_two_pings_without_the_job_prove_that_it_has_ended() -> None:
    stops = requested()
    stops.pinged("w", set())
    stops.pinged("w", set())
    assert stops.pending("w") == []
    assert stops.next_due("w") == float("inf")


def test_no_stop_is_due_for_a_job_that_has_ended() -> None:
    stops = requested()
    stops.settle("w", "a")
    assert stops.due("w", 9.0) == []


def test_no_stop_is_due_for_a_worker_that_has_ended() -> None:
    stops = requested()
    stops.forget("w")
    assert stops.due("w", 9.0) == []


def test_a_stop_concerns_one_worker_only() -> None:
    assert requested().due("v", 9.0) == []
