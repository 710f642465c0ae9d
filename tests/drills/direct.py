"""Drills of direct workers behind the load balancer: killed, stopped, and scaled away in mid-speech."""

import os
import random
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from chatterpod import ChatterpodError, Client

from tests.drills.kit import TEXTS, Outcome, Watch, settings, side_by_side
from tests.drills.leaks import processes_of
from tests.kits.pods import running as pod_running
from tests.kits.pods import until

__all__ = ["killed", "scaled_away", "stopped"]

AT_ONCE = 8  # speeches, for two workers with room for four each
TWO = ("--workers", "2", "--workers-min", "2", "--requests", str(AT_ONCE // 2))
HEARD = 6  # of them have begun when something happens to a worker
SPEED = 4.0  # so a speech takes some seconds
STOPPED_SECONDS = 3.0  # more than the balancer waits for a ping
MARK = "DRILL_MARK"


class Balancer:
    """A load balancer, what is done to its workers, and speeches through it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cut = 0  # connections that ended after a speech had begun
        self.sounding = 0  # speeches that have begun and not ended
        self.refused = 0  # before that: to a worker that is asked to end at that very moment
        self._http = httpx.Client(base_url=url, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def workers(self) -> list[dict[str, Any]]:
        return list(self._http.get("/localpod/state").json()["workers"])

    def busy(self) -> list[dict[str, Any]]:
        """Return the ready workers with speeches, once there are two."""
        busy = [each for each in self.workers() if each["state"] == "ready" and each["in_flight"]]
        return busy if len(busy) == 2 else []

    def scale(self, workers: int) -> None:
        self._http.post("/localpod/scale", json={"workers": workers}).raise_for_status()

    def spoken(self, said: str) -> bytes:
        """Return the audio of a text, and count the connections that it took more than one."""
        made: list[bytes] = []

        def count(seconds: float) -> None:
            self.cut += bool(made)
            self.refused += not made
            time.sleep(seconds)

        with (
            Client(url=self.url, api_key="any", timeout=120, sleep=count) as client,
            client.stream(said, cache="off") as chunks,
        ):
            for chunk in chunks:
                self.sounding += not made
                made.append(chunk.audio)
        self.sounding -= bool(made)
        return b"".join(made)

    def wrong(self, number: int) -> bool:
        """Whether a text does not come out right."""
        said = TEXTS[number % len(TEXTS)]
        try:
            return self.spoken(said) != right()[said]
        except ChatterpodError:
            return True

    def left(self) -> list[str]:
        """Return what is left over when all clients have left."""
        try:
            until(lambda: not any(worker["in_flight"] for worker in self.workers()), 10)
        except AssertionError:
            return [f"still in flight: {self.workers()}"]
        return []


@contextmanager
def balanced(left: list[str], speed: float = SPEED, options: tuple[str, ...] = TWO) -> Iterator[Balancer]:
    """Run a balancer in a new folder; at the end add to `left` what is left over."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        env = settings("tone", speed) | {MARK: mark, "TTS_SLOTS": str(AT_ONCE)}
        with pod_running(Path(folder), "--load-balancer", "--idle-timeout", "600", *options, **env) as pod:
            balancer = Balancer(pod.url.removesuffix("/v2/local"))
            yield balancer
            left += balancer.left()
            balancer.close()
        left += processes_of(MARK, mark)


@cache
def right() -> dict[str, bytes]:
    """Return the right audio of `TEXTS`, spoken once where nothing goes wrong."""
    with balanced([], 10_000) as balancer:
        return dict(zip(TEXTS, side_by_side(lambda at: balancer.spoken(TEXTS[at]), len(TEXTS)), strict=True))


def amid(balancer: Balancer, strike: Callable[[], object]) -> int:
    """Speak at both workers, strike when most are heard; return how many speeches were not right."""
    until(lambda: len([each for each in balancer.workers() if each["state"] == "ready"]) == 2)
    balancer.sounding = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        speeches = [pool.submit(balancer.wrong, number) for number in range(AT_ONCE)]
        until(lambda: balancer.sounding >= HEARD or all(speech.done() for speech in speeches))
        strike()
        return sum(speech.result() for speech in speeches)


def killed(times: int) -> Outcome:
    """SIGKILL a worker behind open sockets; clients go on where they were, at another worker."""
    right()
    watch, lost, struck, left = Watch(), 0, 0, list[str]()
    dice = random.Random(5)  # noqa: S311 - the same moments each time

    def kill() -> None:
        nonlocal struck
        time.sleep(dice.uniform(0, 0.3))
        for worker in balancer.busy()[:1]:
            os.kill(worker["pid"], signal.SIGKILL)
            struck += worker["in_flight"]

    with balanced(left) as balancer:
        while struck < times:
            lost += amid(balancer, kill)
        note = f"open sockets; {balancer.cut} speeches cut, {balancer.refused} not begun"
        lost += not balancer.cut  # else nothing was drilled
    return Outcome("direct: kill -9", struck, lost, watch.seconds, note, tuple(left))


def scaled_away(times: int) -> Outcome:
    """Have the balancer scale a worker away in mid-speech; what has begun ends whole, over one connection."""
    right()
    watch, lost, struck, left = Watch(), 0, 0, list[str]()

    def scale() -> None:
        nonlocal struck
        before = {worker["id"]: worker["in_flight"] for worker in balancer.busy()}
        balancer.scale(1)
        gone = until(lambda: [each for each in balancer.workers() if each["state"] == "stopping"], 10)
        struck += sum(before.get(each["id"], 0) for each in gone)

    with balanced(left) as balancer:
        while struck < times:
            lost += amid(balancer, scale)
            until(lambda: len(balancer.workers()) == 1, 20)  # it has gone once its speeches had ended
            balancer.scale(2)
        lost += balancer.cut
        note = f"speeches; {balancer.refused} not begun, and spoken elsewhere"
    return Outcome("direct: scaled away", struck, lost, watch.seconds, note, tuple(left))


def stopped(times: int) -> Outcome:
    """SIGSTOP a worker in mid-speech; others are served meanwhile, and its own go on after SIGCONT."""
    right()
    watch, lost, struck, left = Watch(), 0, 0, list[str]()

    def stop() -> None:
        nonlocal lost, struck
        for worker in balancer.busy()[:1]:
            os.kill(worker["pid"], signal.SIGSTOP)
            began = time.monotonic()
            try:
                struck += worker["in_flight"]
                until(lambda: any(each["state"] == "unhealthy" for each in balancer.workers()), 10)
                lost += balancer.wrong(0)
                time.sleep(max(0, STOPPED_SECONDS - (time.monotonic() - began)))
            finally:
                os.kill(worker["pid"], signal.SIGCONT)

    with balanced(left) as balancer:
        while struck < times:
            lost += amid(balancer, stop)
        lost += balancer.cut
    return Outcome("direct: SIGSTOP", struck, lost, watch.seconds, "speeches", tuple(left))
