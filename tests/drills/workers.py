"""Drills of workers that die, and of posts and jobs that are lost on the way."""

import os
import random
import signal
import sys
from pathlib import Path
from time import sleep

from tests.drills.kit import TEXTS, Outcome, Watch, drilled, hit, side_by_side, spoken, wrong
from tests.kits.pods import until

__all__ = [
    "cancels",
    "chunks",
    "clock",
    "frozen",
    "hangs",
    "kills",
    "lost_ends",
    "polite_ends",
    "publishing",
    "unanswered",
]

TWO = ("--retries", "1000", "--workers", "2", "--queue-delay", "0")
AT_ONCE = 16  # jobs at a time: each can be struck once


def standin(kind: str) -> tuple[str, str]:
    """Return localpod's option for a worker of `tests.drills.standin`."""
    return "--command", f"{sys.executable} -m tests.drills.standin {kind}"


def kills(times: int) -> Outcome:
    """SIGKILL the worker at random moments of jobs; all must be spoken right by others in the end."""
    watch = Watch()
    with drilled(*TWO, speed=12) as endpoint:
        endpoint.faults(kill__random=1.2, seed=1)
        lost = struck = 0
        while struck < times:
            lost += spoken(endpoint, min(AT_ONCE, times - struck), width=AT_ONCE, cache="refresh")
            struck = endpoint.struck()
    return Outcome("kill -9", struck, lost, watch.seconds, left=tuple(endpoint.left))


def publishing(times: int) -> Outcome:
    """Have the worker killed before, amid and after the write of a file, and after its publication."""
    watch, lost, deaths, parts = Watch(), 0, 0, 0

    def forget(path: Path) -> bool:
        path.unlink()
        return path.suffix == ".part"

    with drilled(*TWO, *standin("dying"), speed=1_000) as endpoint:
        while deaths < times:
            lost += spoken(endpoint, 8)
            deaths = endpoint.logged("exited with code -9")
            if deaths < times:  # what the last ones left is for the sweep to find
                parts += sum(forget(path) for path in list(endpoint.folder.iterdir()))
    note = f"{parts} temporary files left by the dead"
    return Outcome("killed publishing", deaths, lost, watch.seconds, note, tuple(endpoint.left))


def polite_ends(times: int) -> Outcome:
    """SIGTERM the worker while it speaks, politely and rudely; nothing may be lost."""
    watch = Watch()
    with drilled("--retries", "1000", speed=20) as endpoint:
        lost = struck = 0
        for rude in (0, 1):
            endpoint.faults(term__random=0.6, rude=rude, seed=2)
            while endpoint.struck() < times // 2:
                lost += spoken(endpoint, 4, cache="refresh")
            struck += endpoint.struck()
    return Outcome("SIGTERM", struck, lost, watch.seconds, "half of them rude", tuple(endpoint.left))


def chunks(times: int) -> Outcome:
    """Answer chunk posts with 400 and 500, slowly and not at all; the end result must be whole."""
    watch, each = Watch(), max(times // 4, 1)
    with drilled("--execution-timeout", "10") as endpoint:
        lost = 0
        for fault in ({"400__chunk": 2}, {"500__chunk": 6}, {"delay__chunk": 0.3}, {"lose__chunk": 2}):
            endpoint.faults(**fault)
            lost += spoken(endpoint, each, cache="refresh")
    note = "400, 500, slowly, lost"
    return Outcome("chunk posts", 4 * each, lost, watch.seconds, note, tuple(endpoint.left))


def unanswered(times: int) -> Outcome:
    """Never answer one chunk post in six; the job times out or is right, and its slot comes back."""
    watch, timed_out = Watch(), 0

    def one(number: int) -> tuple[bool, bool]:
        said = TEXTS[number % len(TEXTS)]
        ended = endpoint.end(endpoint.run(said, cache="off"))
        if ended and ended["status"] == "TIMED_OUT":
            return False, True
        return not (
            ended and ended["status"] == "COMPLETED" and endpoint.is_right(said, ended["output"])
        ), False

    with drilled("--execution-timeout", "5") as endpoint:
        endpoint.faults(never__chunk=6)
        ends = side_by_side(one, times, width=AT_ONCE)
    lost, timed_out = (sum(column) for column in zip(*ends, strict=True))
    note = f"{timed_out} reported as TIMED_OUT"
    return Outcome("chunks unanswered", times, lost, watch.seconds, note, tuple(endpoint.left))


def lost_ends(times: int) -> Outcome:
    """Lose every second job-done; who read the stream must have all of it all the same."""
    watch = Watch()

    def one(number: int) -> bool:
        said = TEXTS[number % len(TEXTS)]
        return not endpoint.hears(said, endpoint.run(said, cache="off"))

    with drilled("--execution-timeout", "10") as endpoint:
        endpoint.faults(lose__done=2)
        lost = sum(side_by_side(one, times))
        struck = endpoint.struck()
    note = f"as heard by /stream; {struck} lost"
    return Outcome("job-done lost", times, lost, watch.seconds, note, tuple(endpoint.left))


def cancels(times: int) -> Outcome:
    """Cancel jobs at every moment of their lives; what ends all the same must be right."""
    watch, dice = Watch(), random.Random(3)  # noqa: S311 - the same moments each time
    moments = [dice.uniform(0, 0.5) for _ in range(times)]

    def one(number: int) -> bool:
        said = TEXTS[number % len(TEXTS)]
        job = endpoint.run(said, cache="off")
        if number % 4:  # every fourth is cancelled in the queue
            sleep(moments[number])
        endpoint.cancel(job)
        ended = endpoint.end(job)
        if ended and ended["status"] == "COMPLETED":
            return not endpoint.is_right(said, ended["output"])
        return not ended or ended["status"] != "CANCELLED"

    with drilled() as endpoint:
        lost = sum(side_by_side(one, times))
        endpoint.faults(cancel__take=2)
        at_take = max(times // 10, 4)
        lost += sum(side_by_side(one, at_take))
    note = "queued, at take, running, ended"
    return Outcome("cancel", times + at_take, lost, watch.seconds, note, tuple(endpoint.left))


def clock(times: int) -> Outcome:
    """Put the worker's clock back and forth by hours while it speaks, stores, finds and sweeps."""
    watch = Watch()
    # A bound of which each fiftieth is some two speeches: so it sweeps all the time.
    with drilled(*standin("jumping"), speed=400, TTS_CACHE_MAX_BYTES="10000000") as endpoint:
        lost = spoken(endpoint, times // 2, cache="refresh") + spoken(endpoint, times - times // 2)
        found = sum(hit(endpoint, said) for said in TEXTS[:8])
    note = f"by up to three hours; {found} of 8 then from the cache"
    return Outcome("clock jumps", times, lost, watch.seconds, note, tuple(endpoint.left))


def frozen(times: int) -> Outcome:
    """SIGSTOP the worker in the midst of jobs: they and the next ones must be spoken by another."""
    watch, lost = Watch(), 0
    with drilled("--retries", "1000", speed=20) as endpoint:
        for _ in range(times):
            jobs = [(said, endpoint.run(said, cache="off")) for said in TEXTS[:4]]
            until(lambda: endpoint.health()["inProgress"])
            pids = {worker["pid"] for worker in endpoint.workers()}
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            jobs += [(said, endpoint.run(said, cache="off")) for said in TEXTS[4:6]]
            lost += sum(wrong(endpoint, said, job) for said, job in jobs)
            lost += len(pids & {worker["pid"] for worker in endpoint.workers()})
    return Outcome("worker frozen", times, lost, watch.seconds, "by SIGSTOP", tuple(endpoint.left))


def hangs(times: int) -> Outcome:
    """Have the engine hang or raise; its jobs fail with a word, and a fresh worker goes on."""
    watch, lost, deaths = Watch(), 0, 0

    def one(number: int) -> bool:
        said = TEXTS[number % len(TEXTS)]
        ended = endpoint.end(endpoint.run(said, cache="off"))
        if ended and ended["status"] == "FAILED":
            return not ended["error"].startswith(("engine_failed: ", "shutting_down: "))
        return not (ended and ended["status"] == "COMPLETED" and endpoint.is_right(said, ended["output"]))

    with drilled(*standin("hanging"), speed=400) as endpoint:
        (endpoint.folder / "hang").touch()
        while deaths < times:
            lost += sum(side_by_side(one, 8))
            deaths = endpoint.logged("exited with code 1")
        (endpoint.folder / "hang").unlink()
        until(
            lambda: not wrong(endpoint, TEXTS[0], endpoint.run(TEXTS[0]))
        )  # the last one may be on its way out
    return Outcome("engine hangs", deaths, lost, watch.seconds, "or raises", tuple(endpoint.left))
