"""A drill of `voice_url`: servers that never come to an end, and a worker that is to end meanwhile."""

import os
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.drills.kit import Endpoint, Outcome, Watch, drilled, spoken
from tests.kits.https import SLOW, slow
from tests.kits.pods import until
from tests.kits.timing import SECOND

__all__ = ["slow_clips"]

KINDS = (*SLOW, "handshake")
DEADLINE_SECONDS = 30.0  # of a fetch
END_SECONDS = 10.0 * SECOND  # from SIGTERM to the process's end
FULL = 4  # times, from which on the deadline is waited for too


def slow_clips(times: int) -> Outcome:
    """Have jobs wait for slow servers; others are spoken. Then cancel them, end the worker, or wait."""
    watch, lost, longest = Watch(), 0, 0.0
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        urls = [servers.enter_context(slow(Path(name), kind)) for kind in KINDS]
        certificate = f"{name}/certificate.pem"
        with drilled(
            speed=400, SSL_CERT_FILE=certificate, RUNPOD_ALLOW_PRIVATE_DOWNLOAD_URLS="true"
        ) as endpoint:
            for number in range(times):
                jobs = [endpoint.run("Hello.", voice_url=url) for url in urls]
                until(lambda: endpoint.health()["inProgress"] == len(KINDS))
                lost += spoken(endpoint, 4, cache="off") + ("voices" not in listed(endpoint))
                if times >= FULL and number == 0:
                    lost += sum(not refused(endpoint, job) for job in jobs)
                elif number % 2:
                    for job in jobs:
                        endpoint.cancel(job)
                    until(lambda: not endpoint.work()["speeches"] and not endpoint.health()["inProgress"])
                else:
                    seconds = seconds_to_end(endpoint)
                    longest = max(longest, seconds)
                    lost += seconds > END_SECONDS
                    lost += sum(not shut_down(endpoint, job) for job in jobs)
    note = f"{', '.join(KINDS)}; SIGTERM ended the worker within {longest:.1f} s"
    return Outcome("slow clips", times * len(KINDS), lost, watch.seconds, note, tuple(endpoint.left))


def listed(endpoint: Endpoint) -> dict[str, object]:
    """Return the record of a listing of the voices, which needs no clip."""
    return dict(endpoint.pod.runsync({"op": "voices"})["output"][0])


def refused(endpoint: Endpoint, job: str) -> bool:
    """Whether a job was refused at the deadline."""
    ended = endpoint.end(job, 2 * DEADLINE_SECONDS)
    return bool(ended) and str(ended.get("error", "")).startswith(
        f"voice_unusable: voice_url did not deliver the clip within {DEADLINE_SECONDS:g} s"
    )


def shut_down(endpoint: Endpoint, job: str) -> bool:
    """Whether a job failed because its worker was to end."""
    ended = endpoint.end(job)
    return bool(ended) and str(ended.get("error", "")).startswith("shutting_down: ")


def seconds_to_end(endpoint: Endpoint) -> float:
    """SIGTERM the worker; return how long its process then takes to end."""
    [worker] = endpoint.workers()
    process = psutil.Process(worker["pid"])
    watch = Watch()
    os.kill(process.pid, signal.SIGTERM)
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and watch.seconds < 60:
        time.sleep(0.02)
    return watch.seconds
