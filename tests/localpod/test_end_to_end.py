"""The unmodified SDK in a child process, from the first request to scale to zero."""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import DEVNULL
from time import sleep
from typing import Any

import httpx
import pytest

from bench.running import running
from tests.kits.timing import MS, SECOND, until

COMMAND = shlex.join([sys.executable, str(Path(__file__).parents[1] / "kits/sdk_worker.py")])
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"}


class Client:
    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"Authorization": "Bearer any"}, timeout=60 * SECOND)

    def run(self, **job_input: Any) -> str:
        return str(self.http.post("/v2/local/run", json={"input": job_input}).json()["id"])

    def status(self, job: str) -> dict[str, Any]:
        return dict(self.http.get(f"/v2/local/status/{job}").json())

    def cancel(self, job: str) -> None:
        self.http.post(f"/v2/local/cancel/{job}")

    def end(self, job: str) -> dict[str, Any]:
        return dict(self.http.get(f"/v2/local/status-sync/{job}?wait=60000").json())

    def stream(self, job: str) -> Iterator[dict[str, Any]]:
        while True:
            reply = self.http.get(f"/v2/local/stream/{job}").json()
            yield from (item["output"] for item in reply["stream"])
            if reply["status"] in FINAL and not reply["stream"]:
                return

    def workers(self) -> list[dict[str, Any]]:
        return list(self.http.get("/localpod/state").json()["workers"])

    def faults(self, **faults: float) -> None:
        """Have these faults and no others from now on; `kill__records` is `kill.records`."""
        self.http.delete("/localpod/faults")
        named = {name.replace("__", "."): value for name, value in faults.items()}
        self.http.post("/localpod/faults", json=named).raise_for_status()

    def struck(self) -> dict[str, int]:
        return dict(self.http.get("/localpod/faults").json()["struck"])


@contextmanager
def started(*arguments: str, log: int | None = DEVNULL) -> Iterator[Client]:
    """Run localpod with the SDK worker."""
    with running("--command", COMMAND, *arguments, log=log) as url:
        client = Client(url)
        try:
            yield client
        finally:
            client.http.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Client]]:
    """Start localpods with the SDK worker; they are stopped at the end of the test."""
    with ExitStack() as opened:
        yield lambda *arguments, **log: opened.enter_context(started(*arguments, **log))


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    """A localpod for all tests that need no options."""
    with started("--idle-timeout", "60") as client:
        yield client


@pytest.fixture
def client(shared: Client) -> Iterator[Client]:
    """The shared localpod, without faults before and after."""
    shared.faults()
    yield shared
    shared.faults()


def is_alive(pid: int) -> bool:
    """Whether a process of the group that `pid` heads is left."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_worker_streams_completes_fails_and_stops_jobs(client: Client) -> None:
    job = client.run(count=4)
    assert [record["number"] for record in client.stream(job)] == [0, 1, 2, 3]
    assert [record["number"] for record in client.status(job)["output"]] == [0, 1, 2, 3]

    failed = client.run(count=1, error="unknown_voice: nobody")
    assert [record["number"] for record in client.stream(failed)] == [0]
    assert (client.end(failed)["status"], client.end(failed)["error"]) == ("FAILED", "unknown_voice: nobody")

    first, second, waiting = (
        client.run(count=1, hang=True),
        client.run(count=1, hang=True),
        client.run(count=1),
    )
    until(lambda: [client.status(job)["status"] for job in (first, second)] == ["IN_PROGRESS"] * 2)
    for job in (waiting, first, second):
        client.cancel(job)
    # Its slots are free again: both jobs were stopped, and the one cancelled in the queue never ran.
    done = client.end(client.run(count=1))
    assert done["status"] == "COMPLETED"
    assert [client.status(job)["status"] for job in (first, second, waiting)] == ["CANCELLED"] * 3
    assert "workerId" not in client.status(waiting)


@pytest.mark.timing
def test_a_job_that_runs_too_long_is_stopped_and_its_slot_free_again(start: Callable[..., Client]) -> None:
    client = start("--execution-timeout", "1")
    late = [client.end(job) for job in [client.run(count=1, hang=True) for _ in range(2)]]
    assert [job["status"] for job in late] == ["TIMED_OUT"] * 2
    assert client.end(client.run(count=1))["workerId"] == late[0]["workerId"]


def test_a_worker_is_stopped_when_idle_and_another_started_for_the_next_job(
    start: Callable[..., Client],
) -> None:
    client = start("--idle-timeout", "0.2")
    assert client.workers() == []
    first = client.end(client.run(count=1))
    until(lambda: client.workers() == [])
    assert not is_alive(first["output"][0]["pid"])
    second = client.end(client.run(count=1))
    assert second["workerId"] != first["workerId"]


def test_a_job_whose_worker_was_killed_is_run_by_another(client: Client) -> None:
    job = client.run(count=8, pause_s=0.2)
    records = client.stream(job)
    seen = [next(records)]
    os.kill(seen[0]["pid"], signal.SIGKILL)
    seen += records
    assert [record["number"] for record in seen][-8:] == list(range(8))
    status = client.status(job)
    assert (status["status"], status["retries"]) == ("COMPLETED", 1)
    assert {record["pid"] for record in status["output"]} == {seen[-1]["pid"]} != {seen[0]["pid"]}
    assert not is_alive(seen[0]["pid"])


def test_a_second_worker_is_started_when_the_first_is_full(start: Callable[..., Client]) -> None:
    client = start("--workers", "2", "--queue-delay", "0")
    jobs = [client.run(count=1, hang=True) for _ in range(3)]
    until(lambda: all(client.status(job)["status"] == "IN_PROGRESS" for job in jobs))
    assert len({client.status(job)["workerId"] for job in jobs}) == 2


def numbers(job: dict[str, Any]) -> list[int]:
    return [record["number"] for record in job["output"]]


@pytest.mark.timing
@pytest.mark.parametrize(
    "moment", [{"kill__records": 2}, {"kill__seconds": 0.4}, {"kill__random": 1}], ids=str
)
def test_a_worker_killed_at_a_moment_of_its_job_leaves_the_job_to_another(
    client: Client, moment: dict[str, float]
) -> None:
    client.faults(**moment)
    done = client.end(client.run(count=12, pause_s=150 * MS))
    assert (done["status"], done["retries"], numbers(done)) == ("COMPLETED", 1, list(range(12)))
    assert client.struck() == {"kill": 1}


def test_a_worker_that_gets_sigterm_ends_its_job_first(client: Client) -> None:
    client.faults(term__records=1)
    first = client.end(client.run(count=8, pause_s=0.1))
    client.faults()
    second = client.end(client.run(count=1))
    assert (first["status"], numbers(first), "retries" in first) == ("COMPLETED", list(range(8)), False)
    assert second["workerId"] != first["workerId"]


@pytest.mark.timing
def test_a_job_handed_over_after_sigterm_is_run_again_by_another_worker(
    start: Callable[..., Client], tmp_path: Path
) -> None:
    with (tmp_path / "log").open("w") as log:
        client = start("--idle-timeout", f"{2 * SECOND}", "--fault", "rude=1", log=log.fileno())
    first = client.end(client.run(count=1))
    # The SDK, which may pause for a second after a job, asks for jobs again before the idle worker gets its
    # signal, and so cannot leave before an answer.
    until(lambda: "Received shutdown signal" in (tmp_path / "log").read_text())
    assert [worker["id"] for worker in client.workers()] == [first["workerId"]]
    sleep(SECOND)  # for a tenth of it the SDK would still begin a job
    second = client.end(client.run(count=2))
    assert (second["status"], second["retries"], numbers(second)) == ("COMPLETED", 1, [0, 1])
    assert second["workerId"] != first["workerId"]


@pytest.mark.timing
def test_the_sdk_loses_a_stop_that_comes_once_between_take_and_start_and_obeys_a_repeated_one(
    start: Callable[..., Client], tmp_path: Path
) -> None:
    client = start("--fault", "cancel.take=1", "--fault", "stop-once=1")
    once, again = tmp_path / "once", tmp_path / "again"
    job = client.run(count=3, pause_s=0.2, note_at_end=str(once))
    until(lambda: client.status(job)["status"] == "CANCELLED")
    until(once.exists)
    client.http.post("/localpod/faults", json={"stop-once": 0})
    job = client.run(count=3, pause_s=0.5, note_at_end=str(again))
    until(lambda: client.status(job)["status"] == "CANCELLED")
    client.faults()
    later = client.end(client.run(count=4, pause_s=0.5))  # longer than the other had to go
    assert later["workerId"] == client.workers()[0]["id"]
    assert not again.exists()


def test_chunks_answered_with_500_come_when_the_sdk_tries_again(client: Client) -> None:
    client.faults(**{"500__chunk": 3})
    job = client.run(count=3)
    assert [record["number"] for record in client.stream(job)] == [0, 1, 2]


def test_chunks_refused_are_missing_from_the_stream_and_there_in_the_end(client: Client) -> None:
    client.faults(**{"400__chunk": 2})
    job = client.run(count=4)
    assert len(list(client.stream(job))) == 2
    assert numbers(client.status(job)) == [0, 1, 2, 3]
