"""Which worker gets a request, and how many there are: the rules alone."""

import pytest

from localpod.balancer.pool import Affinity, BalancedWorker, WorkerGone, WorkerHealth, WorkerPool

NEVER = 1e9


def pool_of(*in_flight: int, least: int = 0, most: int = 5, requests: int = 4) -> WorkerPool:
    """Return a pool of ready workers `w0`, `w1` …, with so many requests in flight, idle for 10, 9 … s."""
    pool = WorkerPool(requests, least, most)
    for number, count in enumerate(in_flight):
        worker = BalancedWorker(f"w{number}", 9000 + number, 0.0)
        worker.pinged(200, float(number))
        worker.in_flight = count
        pool.workers[worker.id] = worker
    return pool


def chosen(pool: WorkerPool, header: str = "") -> str | None:
    worker = pool.choose(Affinity.parse(header))
    return None if worker is None else worker.id


@pytest.mark.parametrize(
    ("in_flight", "header", "worker"),
    [
        ((2, 1, 3), "", "w1"),
        ((4, 4), "", None),
        ((0, 3), "w1", "w1"),
        ((0, 4), "w1", "w0"),
        ((1, 0), "nobody", "w1"),
        ((0, 3), "strict w1", "w1"),
        ((0, 4), "strict w1", None),
        ((0, 3), "  strict-resume   w1 ", "w1"),
        ((), "", None),
    ],
)
def test_a_request_goes_to_the_worker_it_asks_for_or_the_one_with_the_least_to_do(
    in_flight: tuple[int, ...], header: str, worker: str | None
) -> None:
    assert chosen(pool_of(*in_flight), header) == worker


@pytest.mark.parametrize("status", [204, 503, 404, None])
def test_only_a_worker_whose_last_ping_was_answered_with_200_gets_requests(status: int | None) -> None:
    pool = pool_of(0)
    pool.workers["w0"].pinged(status, 1.0)
    assert chosen(pool) is None
    pool.workers["w0"].pinged(200, 2.0)
    assert chosen(pool) == "w0"


def test_a_worker_that_was_not_there_is_gone_and_one_that_was_scaled_away_can_be_resumed() -> None:
    pool = pool_of(0)
    pool.scaled_away.add("w9")
    for header in ("strict nobody", "strict-resume nobody", "strict w9"):
        with pytest.raises(WorkerGone):
            chosen(pool, header)
    assert pool.missing() == []
    assert chosen(pool, "strict-resume w9") is None
    assert pool.missing() == ["w9"]


@pytest.mark.parametrize(
    ("in_flight", "waiting", "least", "started"),
    [
        ((), 0, 0, 0),
        ((), 1, 0, 1),
        ((), 5, 0, 2),
        ((4,), 1, 0, 1),
        ((3,), 1, 0, 0),
        ((4, 4, 4, 4, 4), 50, 0, 0),
        ((), 0, 2, 2),
        ((1,), 0, 2, 1),
    ],
)
def test_there_are_as_many_workers_as_the_requests_need(
    in_flight: tuple[int, ...], waiting: int, least: int, started: int
) -> None:
    pool = pool_of(*in_flight, least=least)
    pool.waiting = waiting
    assert len(pool.missing()) == started


def test_an_unhealthy_worker_is_replaced_as_far_as_the_limit_allows() -> None:
    for most, started in ((2, 1), (1, 0)):
        pool = pool_of(0, most=most)
        pool.workers["w0"].pinged(None, 1.0)
        pool.waiting = 1
        assert len(pool.missing()) == started


def test_idle_workers_are_stopped_but_for_those_that_the_requests_or_the_least_need() -> None:
    def surplus(pool: WorkerPool, now: float = NEVER) -> list[str]:
        return [worker.id for worker in pool.surplus(now, 5.0)]

    assert surplus(pool_of(0, 0)) == ["w0", "w1"]
    assert surplus(pool_of(0, 0), now=5.5) == ["w0"]
    assert surplus(pool_of(0, 0), now=4.0) == []
    assert surplus(pool_of(0, 0, least=1)) == ["w0"]
    assert surplus(pool_of(4, 0)) == ["w1"]
    assert surplus(pool_of(4, 4, 0)) == ["w2"]
    waited_for = pool_of(0)
    waited_for.waiting = 1
    assert surplus(waited_for) == []


def test_workers_above_the_limit_are_stopped_whatever_they_do() -> None:
    pool = pool_of(3, 1, 2, most=1)
    assert [worker.id for worker in pool.surplus(NEVER, 5.0)] == ["w1", "w2"]


def test_a_worker_that_is_stopping_is_not_asked_and_does_not_count() -> None:
    pool = pool_of(2, most=1)
    pool.workers["w0"].health = WorkerHealth.STOPPING
    pool.workers["w0"].pinged(200, 1.0)
    pool.waiting = 1
    assert chosen(pool) is None
    assert len(pool.missing()) == 1
