"""Drills of workers that die, and of posts and jobs that are lost on the way."""

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

from tests.drills.kit import Endpoint, Known, Outcome, Watch, audio, drilled, side_by_side, text

__all__ = ["cancels", "chunks", "kills", "lost_ends", "polite_ends"]

TEXTS = [text(number) for number in range(24)]


@cache
def known() -> Known:
    """Return the right audio of `TEXTS`, spoken once for all drills."""
    with TemporaryDirectory() as name:
        return Known(Path(name), TEXTS)


def wrong(endpoint: Endpoint, said: str, job: str) -> bool:
    """Whether a job has not ended as COMPLETED with the right audio."""
    ended = endpoint.end(job)
    return not (ended and ended["status"] == "COMPLETED" and known().is_right(said, audio(ended["output"])))


def spoken(endpoint: Endpoint, times: int, **fields: object) -> int:
    """Have `times` jobs spoken side by side; return how many did not come out right."""

    def one(number: int) -> bool:
        said = TEXTS[number % len(TEXTS)]
        return wrong(endpoint, said, endpoint.run(said, **fields))

    return sum(side_by_side(one, times))


def kills(times: int) -> Outcome:
    """SIGKILL the worker at random moments of jobs; all must be spoken right by others in the end."""
    watch = Watch()
    with drilled("--retries", "1000", "--workers", "2", speed=12) as endpoint:
        endpoint.faults(kill__random=1.2, seed=1)
        lost, struck = 0, 0
        while struck < times:
            lost += spoken(endpoint, 8, cache="refresh")
            struck = endpoint.struck()
        endpoint.faults()
        lost += spoken(endpoint, 8)
    return Outcome("kill -9", struck, lost, watch.seconds)


def polite_ends(times: int) -> Outcome:
    """SIGTERM the worker while it speaks, politely and rudely; nothing may be lost."""
    watch = Watch()
    with drilled("--retries", "1000", speed=20) as endpoint:
        lost, struck = 0, 0
        for rude in (0, 1):
            endpoint.faults(term__random=0.6, rude=rude, seed=2)
            while endpoint.struck() < times // 2:
                lost += spoken(endpoint, 4, cache="refresh")
            struck += endpoint.struck()
    return Outcome("SIGTERM", struck, lost, watch.seconds, "half of them rude")


def chunks(times: int) -> Outcome:
    """Answer chunk posts with 400 and 500, slowly and not at all; the end result must be whole."""
    watch, each = Watch(), max(times // 4, 1)
    with drilled("--execution-timeout", "10") as endpoint:
        lost = 0
        for fault in ({"400__chunk": 2}, {"500__chunk": 6}, {"delay__chunk": 0.3}, {"lose__chunk": 2}):
            endpoint.faults(**fault)
            lost += spoken(endpoint, each, cache="refresh")
    return Outcome("chunk posts", 4 * each, lost, watch.seconds, "400, 500, slowly, lost")


def lost_ends(times: int) -> Outcome:
    """Lose every second job-done; who read the stream must have all of it all the same."""
    watch = Watch()

    def one(number: int) -> bool:
        said = TEXTS[number % len(TEXTS)]
        return not known().is_right(said, endpoint.heard(endpoint.run(said, cache="off")))

    with drilled("--execution-timeout", "5") as endpoint:
        endpoint.faults(lose__done=2)
        lost = sum(side_by_side(one, times))
        struck = endpoint.struck()
    return Outcome("job-done lost", times, lost, watch.seconds, f"as heard by /stream; {struck} lost")


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
            return not known().is_right(said, audio(ended["output"]))
        return not ended or ended["status"] != "CANCELLED"

    with drilled() as endpoint:
        lost = sum(side_by_side(one, times))
        endpoint.faults(cancel__take=2)
        at_take = max(times // 10, 4)
        lost += sum(side_by_side(one, at_take))
        endpoint.faults()
        lost += spoken(endpoint, 16)
    return Outcome("cancel", times + at_take, lost, watch.seconds, "queued, at take, running, ended")
