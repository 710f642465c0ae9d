"""The drill of clients that leave the gateway: whatever they asked for ends with them."""

import json
import random
import socket
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.drills.kit import TEXTS, Endpoint, Outcome, Watch, drilled, side_by_side, spoken, text
from tests.kits.pods import gatewaying
from tests.kits.pods import running as pod_running

__all__ = ["endpoint_of", "leavers", "left_behind"]

WORKERS = (0, 1, 3)
APART_SECONDS = 0.15  # between two clients: RunPod takes 100 cancels in ten seconds, the gateway sends half
LONGEST_SECONDS = 1.6  # that a client stays
GRACE_SECONDS = 3.0  # after which no job may be left
LATER_SECONDS = 2.0  # in which none may end that was not left
AMID, STAYS = 4, 8  # every fourth client leaves amid its request, every eighth hears all
AT_ONCE = 32
REFUSED = "refused"  # which tells nothing of what becomes of a job
TEXTS_EACH = 6  # in one speech, so that most are still spoken when their client leaves
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the connection is reset, not closed


def leavers(times: int) -> Outcome:
    """Leave the gateway at random moments of requests, with 0, 1 and 3 workers; no job may run on."""
    watch, lost, moments, left = Watch(), 0, Counter[str](), []
    for workers in WORKERS:
        with endpoint_of(workers) as endpoint:
            lost += left_behind(endpoint, times, moments, speaks=workers > 0)
        left += endpoint.left
    note = f"each with {', '.join(map(str, WORKERS))} workers; left " + ", ".join(
        f"{moment}: {count}" for moment, count in sorted(moments.items())
    )
    return Outcome("leavers", times * len(WORKERS), lost, watch.seconds, note, tuple(left))


@contextmanager
def endpoint_of(workers: int) -> Iterator[Endpoint]:
    """Run an endpoint with so many workers, all of them ready."""
    if not workers:
        with (
            tempfile.TemporaryDirectory(prefix="drill-") as name,
            pod_running(Path(name), "--workers", "0") as pod,
        ):
            yield Endpoint(pod, Path(name), "tone")
        return
    with drilled("--workers", str(workers), "--queue-delay", "0", speed=30) as endpoint:
        while len([worker for worker in endpoint.workers() if worker["state"] != "initializing"]) < workers:
            spoken(endpoint, AT_ONCE * workers, width=AT_ONCE * workers, cache="off")
        endpoint.begin()  # again: that crowd is not what is measured, nor were all workers there before
        yield endpoint


def left_behind(
    endpoint: Endpoint, times: int, moments: Counter[str], *, speaks: bool, gateway: Sequence[str] = ()
) -> int:
    """Have so many clients come and leave; return the jobs left, those that ended later, and what was cut.

    Args:
        endpoint: What the gateway speaks through.
        times: Clients.
        moments: Counts when they left.
        speaks: Whether the endpoint has a worker: then some clients stay, and must hear all.
        gateway: The command that runs the gateway, if not the usual.
    """
    dice = random.Random(7)  # noqa: S311 - the same moments each time
    site = endpoint.pod.url.removesuffix("/v2/local")
    plans = [(dice.random(), dice.uniform(0, LONGEST_SECONDS), dice.random() < 0.5) for _ in range(times)]
    began = time.monotonic()
    with gatewaying(site, *gateway) as (url, log):

        def one(number: int) -> bool:
            time.sleep(max(0.0, began + number * APART_SECONDS - time.monotonic()))
            if speaks and number % STAYS == STAYS - 1:
                return not hears_all(endpoint, url, TEXTS[number % len(TEXTS)])
            part, seconds, is_rude = plans[number]
            moment = left(url, asked(number), part if number % AMID == 0 else 1.0, seconds, is_rude=is_rude)
            moments[moment] += 1
            return moment == REFUSED

        cut = sum(side_by_side(one, times, width=AT_ONCE))
        time.sleep(GRACE_SECONDS)
        jobs = endpoint.health()
        time.sleep(LATER_SECONDS)
        ended = endpoint.health()["completed"] - jobs["completed"]
    if any("Traceback" in line for line in log):
        endpoint.left.append(f"the gateway's log has a traceback: {log[-1]}")
    return cut + jobs["inQueue"] + jobs["inProgress"] + ended


def asked(number: int) -> bytes:
    """Return a request: for speech in one of three forms, or for the voices."""
    forms: tuple[dict[str, str], ...] = ({}, {"response_format": "wav"}, {"stream_format": "sse"})
    head = "Host: localhost\r\nContent-Type: application/json\r\n"
    if number % 5 == 4:
        return f"GET /v1/audio/voices HTTP/1.1\r\n{head}\r\n".encode()
    said = " ".join(text(number + at) for at in range(TEXTS_EACH))
    body = json.dumps({"input": said, "cache": "off", **forms[number % 3]})
    return f"POST /v1/audio/speech HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def left(url: str, request: bytes, part: float, seconds: float, *, is_rude: bool) -> str:
    """Send a part of a request and leave; return in which moment that was.

    Args:
        url: The gateway.
        request: What is asked.
        part: How much of it is sent, 1.0 for all; the first byte is sent in any case.
        seconds: How long the client stays.
        is_rude: Whether it resets the connection instead of closing it.
    """
    where, leaves = urlsplit(url), time.monotonic() + seconds
    came = b""
    with socket.create_connection((where.hostname, where.port)) as line:
        line.sendall(request[: max(1, round(part * len(request)))])
        while (rest := leaves - time.monotonic()) > 0:
            line.settimeout(rest)
            try:
                received = line.recv(65_536)
            except TimeoutError:
                break
            if not received:
                break
            came += received
        if is_rude:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    if part < 1:
        return "amid the request"
    if came and not came.startswith(b"HTTP/1.1 200"):
        return REFUSED
    return "after the first audio" if came else "before it"


def hears_all(endpoint: Endpoint, url: str, said: str) -> bool:
    """Whether a client who stays has the whole speech, whoever else leaves."""
    answer = httpx.post(f"{url}/v1/audio/speech", json={"input": said, "cache": "off"}, timeout=60)
    return answer.content == endpoint.right(said)
