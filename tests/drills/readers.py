"""Drills of those who listen: slow ones, late ones, ones that leave, many of one speech."""

import socket
from urllib.parse import urlsplit

from chatterpod import Client

from tests.drills.kit import SIDE_BY_SIDE, TEXTS, Endpoint, Outcome, Watch, drilled, side_by_side, wrong
from tests.kits.pods import until

__all__ = ["crowd", "readers"]

SLOW_SECONDS = 0.3  # between two questions of a slow reader
CROWD = 50


def readers(times: int) -> Outcome:
    """Read slowly, late, not to the end with and without a word; each job must end as it should."""
    watch = Watch()
    kinds = (slow, late, hung_up, cancelled)
    with drilled(speed=60) as endpoint:
        lost = sum(side_by_side(lambda n: not kinds[n % 4](endpoint, TEXTS[n % len(TEXTS)]), times))
    note = "slow, late, gone without a word, cancelled"
    return Outcome("readers", times, lost, watch.seconds, note, tuple(endpoint.left))


def slow(endpoint: Endpoint, said: str) -> bool:
    """Ask for records now and then; return whether all came."""
    return endpoint.hears(said, endpoint.run(said, cache="off"), pause=SLOW_SECONDS)


def late(endpoint: Endpoint, said: str) -> bool:
    """Ask for records when the job has ended; return whether all are there."""
    job = endpoint.run(said, cache="off")
    endpoint.end(job)
    return endpoint.hears(said, job)


def hung_up(endpoint: Endpoint, said: str) -> bool:
    """Ask for records and hang up; return whether the job ends right for who asks later."""
    job = endpoint.run(said, cache="off")
    where = urlsplit(endpoint.pod.url)
    asked = (
        f"GET {where.path}/stream/{job} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer any\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as line:
        line.sendall(asked.encode())
        line.recv(1)
    return not wrong(endpoint, said, job)


def cancelled(endpoint: Endpoint, said: str) -> bool:
    """Leave after the first record, as the client does; return whether that was right."""
    base = endpoint.pod.url.removesuffix("/local")
    with Client("local", "any", base) as client, client.stream(said, cache="off") as chunks:
        return endpoint.right(said).startswith(next(chunks).audio)


def crowd(times: int) -> Outcome:
    """Ask for one speech fifty times at once, and cancel the first: it must be spoken once."""
    watch = Watch()
    with drilled(speed=8) as endpoint:
        lost = sum(not once(endpoint, TEXTS[number % len(TEXTS)]) for number in range(times))
    note = f"{CROWD} jobs each time, the first cancelled"
    return Outcome("crowd of one key", times, lost, watch.seconds, note, tuple(endpoint.left))


def once(endpoint: Endpoint, said: str) -> bool:
    """Have a crowd ask for a text; return whether all but the first heard it and it was spoken once."""
    for path in endpoint.folder.iterdir():
        path.unlink()
    begun = endpoint.work()["begun"]
    first, *rest = side_by_side(lambda _: endpoint.run(said), CROWD, width=CROWD // 2)
    until(lambda: endpoint.health()["inProgress"] > SIDE_BY_SIDE)
    endpoint.cancel(first)
    ends = [endpoint.end(job) for job in rest]
    heard = all(end["status"] == "COMPLETED" and endpoint.is_right(said, end["output"]) for end in ends)
    return heard and endpoint.work()["begun"] - begun == ends[0]["output"][-1]["chunks_processed"]
