"""WebSockets through the load balancer."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection
from websockets.typing import Subprotocol

from tests.kits.balanced import Balanced, balanced
from tests.kits.timing import SECOND, until


@pytest.fixture(scope="module")
def one() -> Iterator[Balanced]:
    with balanced() as served:
        yield served


def test_messages_go_both_ways_as_they_are(one: Balanced) -> None:
    with one.socket(subprotocols=[Subprotocol("speech")]) as socket:
        assert socket.subprotocol == "speech"
        assert socket.response is not None
        assert socket.response.headers["X-Runpod-Worker-Id"] == one.workers()[0]["id"]
        long = os.urandom(5_000_000)
        for message in ("text", "", b"\0bytes", long):
            socket.send(message)
            assert socket.recv() == message


def test_a_close_comes_through_with_its_code_from_either_side(one: Balanced) -> None:
    with one.socket() as socket:
        socket.send("close 4001")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as told")
    with one.socket() as socket:
        socket.close(4002)
    until(lambda: one.counts().get("closed 4002") == 1)


def test_a_client_that_vanishes_is_closed_at_the_worker(one: Balanced) -> None:
    before = one.counts().get("closed 1000", 0)
    with one.socket() as socket:
        until(lambda: one.counts()["open"] == 1)
        socket.socket.shutdown(2)
        until(lambda: one.counts()["open"] == 0)
    assert one.counts()["closed 1000"] == before + 1


def test_a_workers_refusal_of_a_socket_comes_through(one: Balanced) -> None:
    with pytest.raises(InvalidStatus) as refused, one.socket("/refuse"):
        pass
    answer = refused.value.response
    assert (answer.status_code, bytes(answer.body or b""), answer.headers["X-Mine"]) == (
        418,
        b"no tea",
        "yes",
    )


def test_a_client_that_takes_nothing_holds_its_worker_back(one: Balanced) -> None:
    with one.socket(close_timeout=0.1) as socket:
        socket.send("flood 1000")
        time.sleep(0.5 * SECOND)
        assert one.counts().get("flooded", 0) < 500  # of 65 MB, less than half is on the way
        assert one.echo().status_code == 200


def test_a_worker_that_takes_nothing_holds_its_client_back() -> None:
    with balanced() as served, served.socket(close_timeout=0.1) as socket:
        before = served.counts().get("received", 0)
        socket.send("hold")
        sent = Counter[str]()
        sending = threading.Thread(target=send_many, args=(socket, sent))
        sending.start()
        time.sleep(0.5 * SECOND)
        assert sent["messages"] < 500  # of 1,000, 65 MB: less than half is on the way
        assert served.counts()["received"] == before + 1
        os.kill(served.workers()[0]["pid"], signal.SIGKILL)
        sending.join()
    assert 0 < sent["messages"] < 500


def send_many(socket: ClientConnection, sent: Counter[str]) -> None:
    """Send as much as the other side takes, until the connection ends."""
    with suppress(ConnectionClosed):
        for _ in range(1000):
            socket.send(bytes(65_536))
            sent["messages"] += 1


def test_a_socket_stays_when_it_is_idle_and_counts_as_a_request(one: Balanced) -> None:
    until(lambda: one.workers()[0]["in_flight"] == 0)
    with one.socket() as socket:
        time.sleep(0.5 * SECOND)
        assert one.workers()[0]["in_flight"] == 1
        socket.send("still there")
        assert socket.recv() == "still there"
        assert socket.protocol.close_code != CloseCode.NORMAL_CLOSURE
    until(lambda: one.workers()[0]["in_flight"] == 0)
