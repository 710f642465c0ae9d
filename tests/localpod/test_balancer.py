"""The load balancer with real workers: starting, routing, limits, scaling."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.kits.balanced import Balanced, balanced
from tests.kits.timing import SECOND, until


@pytest.fixture(scope="module")
def one() -> Iterator[Balanced]:
    """A balancer with one worker, for all tests that leave both alive."""
    with balanced(requests=4) as served:
        yield served


def test_a_request_comes_to_the_worker_as_it_was_sent_and_the_answer_as_it_was_given(one: Balanced) -> None:
    answer = one.http.request(
        "PUT", "/any/p%20ath?a=1&b=%2F", content=b"x" * 100_000, headers={"X-Theirs": "1", "Cookie": "a=b"}
    )
    seen = answer.json()
    assert (seen["method"], seen["target"], seen["bytes"]) == ("PUT", "/any/p%20ath?a=1&b=%2F", 100_000)
    headers = dict(seen["headers"])
    assert (headers["x-theirs"], headers["cookie"]) == ("1", "a=b")
    assert headers["host"] == one.url.removeprefix("http://")
    assert answer.headers["x-mine"] == "yes"
    assert answer.headers["x-runpod-worker-id"] == seen["worker"] == one.workers()[0]["id"]
    assert one.http.head("/any").status_code == 200


def test_the_key_is_asked_of_everything(one: Balanced) -> None:
    with balanced(api_key="right", key="right") as strict:
        assert strict.http.get("/ping").status_code == 200
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "right"}):
            assert httpx.get(f"{strict.url}/ping", headers=header).status_code == 401
        with pytest.raises(InvalidStatus) as refused, strict.socket(headers={"Authorization": "Bearer no"}):
            pass
        assert refused.value.response.status_code == 401
    assert httpx.get(f"{one.url}/ping").json() == {"error": "send the header Authorization: Bearer KEY"}


def test_a_worker_gets_requests_only_once_its_pings_say_that_it_is_ready() -> None:
    with balanced({"loading_s": 1.0 * SECOND}) as served:
        answers: list[httpx.Response] = []
        waiting = threading.Thread(target=lambda: answers.append(served.echo()))
        waiting.start()
        until(lambda: served.workers("initializing"))
        assert served.state()["waiting"] == 1
        assert answers == []
        until(lambda: served.workers("ready"))
        waiting.join()
        assert answers[0].status_code == 200
        assert len(served.workers()) == 1


def test_a_worker_that_calls_itself_unhealthy_gets_no_more_requests_until_it_is_well() -> None:
    with balanced(workers=2) as served:
        first = served.echo().json()["worker"]
        served.http.get("/become?status=503")
        until(lambda: served.workers("unhealthy"))
        second = served.echo().json()["worker"]
        assert second != first
        assert {row["id"] for row in served.workers("ready")} == {second}


def test_workers_are_added_as_requests_need_them_and_none_above_the_limit() -> None:
    with balanced(workers=2, requests=1, wait_s=1.5 * SECOND) as served:
        with served.socket(open_timeout=20), served.socket(open_timeout=20):
            assert len({row["id"] for row in served.workers("ready")}) == 2
            assert [row["in_flight"] for row in served.workers()] == [1, 1]
            late = served.echo()
            assert (late.status_code, late.json()) == (400, {"error": "no workers available"})
        until(lambda: [row["in_flight"] for row in served.workers()] == [0, 0])
        assert served.echo().status_code == 200


def test_idle_workers_are_stopped_down_to_none_and_the_next_request_starts_one() -> None:
    with balanced(idle_timeout_s=0.3) as served:
        first = served.echo().json()
        until(lambda: served.workers() == [])
        with pytest.raises(ProcessLookupError):
            os.killpg(first["pid"], 0)
        assert served.echo().json()["worker"] != first["worker"]


def test_the_least_number_of_workers_is_there_before_the_first_request_and_stays() -> None:
    with balanced(workers_min=1, idle_timeout_s=0.0) as served:
        until(lambda: served.workers("ready"))
        time.sleep(0.3 * SECOND)
        assert len(served.workers("ready")) == 1


def test_affinity_leads_to_the_named_worker_softly_or_strictly() -> None:
    with balanced(workers=2, requests=1, strict_wait_s=0.5 * SECOND) as served:
        with served.socket() as held:
            busy = held.response.headers["X-Runpod-Worker-Id"] if held.response else ""
            other = served.echo().json()["worker"]
            assert other != busy
            until(lambda: sorted(row["in_flight"] for row in served.workers()) == [0, 1])
            assert served.echo(busy).json()["worker"] == other
            late = served.echo(f"strict {busy}")
            assert (late.status_code, late.json()) == (400, {"error": "timed out waiting for worker"})
            gone = served.echo("strict nobody")
            assert (gone.status_code, gone.json()) == (404, {"error": "affinity_worker_gone"})
        for header in (busy, other, f"strict {busy}", f"strict {other}"):
            until(lambda: not any(row["in_flight"] for row in served.workers()))
            assert served.echo(header).json()["worker"] == header.removeprefix("strict ")


def test_a_worker_that_was_scaled_away_is_resumed_under_its_name_if_a_request_insists() -> None:
    with balanced(idle_timeout_s=0.2) as served:
        first = served.echo().json()
        until(lambda: served.workers() == [])
        assert served.echo(f"strict {first['worker']}").status_code == 404
        again = served.echo(f"strict-resume {first['worker']}").json()
        assert again["worker"] == first["worker"]
        assert again["pid"] != first["pid"]


def test_bodies_are_limited_both_ways(one: Balanced) -> None:
    with balanced(body_bytes=100_000) as small:
        assert small.http.post("/echo", content=bytes(100_001)).status_code == 413
        assert small.http.post("/echo", content=bytes(100_000)).json()["bytes"] == 100_000
        with pytest.raises(httpx.RemoteProtocolError):
            small.http.get("/stream?parts=3&size=50000")
    assert len(one.http.get("/stream?parts=3&size=50000").content) == 150_000


def test_a_request_may_take_only_so_long() -> None:
    with balanced(request_s=0.5 * SECOND) as served:
        late = served.http.get("/hang")
        assert (late.status_code, late.headers["x-runpod-worker-id"]) == (524, served.workers()[0]["id"])
        with pytest.raises(httpx.RemoteProtocolError):
            served.http.get("/stream?parts=1000&pause=0.05")
        with served.socket() as socket, pytest.raises(ConnectionClosed) as closed:
            socket.recv(20 * SECOND)
        assert closed.value.rcvd is None
        until(lambda: served.counts().get("open") == 0)


def test_parts_of_an_answer_come_as_they_are_made(one: Balanced) -> None:
    with one.http.stream("GET", "/stream?parts=3&pause=60") as answer:
        assert next(answer.iter_raw()) == b"\0" * 10  # the second comes after a minute


def test_a_client_that_leaves_ends_its_request_at_the_worker(one: Balanced) -> None:
    with one.http.stream("GET", "/stream?parts=1000&pause=0.05") as answer:
        parts = answer.iter_raw()
        next(parts)
        assert one.counts()["open"] == 1
    until(lambda: one.counts()["open"] == 0)
    with pytest.raises(httpx.ReadTimeout):
        one.http.get("/hang", timeout=0.3)
    until(lambda: one.counts()["open"] == 0 and one.workers()[0]["in_flight"] == 0)


def test_a_client_that_leaves_while_it_waits_for_a_worker_waits_no_longer() -> None:
    with balanced({"loading_s": 60}) as served:
        with pytest.raises(httpx.ReadTimeout):
            served.http.get("/echo", timeout=0.3)
        with pytest.raises(TimeoutError), served.socket(open_timeout=0.3):
            pass
        until(lambda: served.state()["waiting"] == 0)


def test_a_client_that_takes_nothing_holds_back_only_its_own_worker_side(one: Balanced) -> None:
    before = one.counts().get("sent", 0)
    with one.http.stream("GET", "/stream?parts=400&size=100000") as answer:
        parts = answer.iter_raw()
        next(parts)
        time.sleep(0.5 * SECOND)
        assert one.counts()["sent"] - before < 20_000_000  # of 40
        assert one.echo().status_code == 200


def test_a_worker_that_is_killed_cuts_its_own_requests_and_no_others() -> None:
    with balanced(workers=2, requests=1) as served:
        with served.socket() as held:
            with pytest.raises(httpx.RemoteProtocolError):
                served.http.get("/stream?parts=9&die=2&pause=0.1")
            held.send("still there")
            assert held.recv() == "still there"
            until(lambda: len(served.workers()) == 1)  # the dead one is out of the pool
        with served.socket() as held, served.http.stream("GET", "/stream?parts=20&pause=0.05") as other:
            held.send("die")
            with pytest.raises(ConnectionClosed) as closed:
                held.recv(20 * SECOND)
            assert closed.value.rcvd is None
            assert len(b"".join(other.iter_raw())) == 200
        assert served.echo().status_code == 200


def test_a_worker_that_dies_before_it_answers_is_a_502() -> None:
    with balanced() as served:
        served.echo()
        pid = served.workers()[0]["pid"]
        threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
        broken = served.http.get("/hang")
        assert broken.status_code == 502
        assert broken.json()["error"].startswith("the worker broke off (")


def test_workers_that_are_too_many_finish_what_they_do(one: Balanced) -> None:
    with balanced(workers=2, workers_min=2, requests=1) as served:
        until(lambda: len(served.workers("ready")) == 2)
        with (
            served.http.stream("GET", "/stream?parts=20&pause=0.1") as first,
            served.http.stream("GET", "/stream?parts=20&pause=0.1") as second,
        ):
            served.scale(1)
            until(lambda: served.workers("stopping"))
            for answer in (first, second):
                assert len(b"".join(answer.iter_raw())) == 200
        until(lambda: len(served.workers()) == 1)
    assert one.http.post("/localpod/scale", content=b'{"workers": 2}').status_code == 415
    assert one.http.post("/localpod/scale", json={"workers": -1}).status_code == 400


def test_requests_are_refused_with_the_reason_when_no_worker_starts() -> None:
    with balanced({"exit": 3}) as served:
        refused = served.echo()
    assert refused.status_code == 502
    assert refused.json() == {"error": "worker exited with code 3 before it was ready"}


def test_a_worker_that_does_not_listen_on_its_port_is_a_502_after_the_wait_and_stopped_in_the_end() -> None:
    with balanced({"mute": True}, wait_s=0.5 * SECOND, silent_s=1.5 * SECOND) as served:
        refused = served.echo()
        assert (refused.status_code, refused.json()) == (502, {"error": "the worker does not listen on PORT"})
        first = served.workers()[0]["id"]
        until(lambda: first not in {row["id"] for row in served.workers("starting")})


def test_a_stopped_process_is_out_of_the_pool_until_it_goes_on() -> None:
    with balanced(workers=2) as served:
        first = served.echo().json()
        os.kill(first["pid"], signal.SIGSTOP)
        try:
            until(lambda: served.workers("unhealthy"))
            assert served.echo().json()["worker"] != first["worker"]
        finally:
            os.kill(first["pid"], signal.SIGCONT)
        until(lambda: len(served.workers("ready")) == 2)
