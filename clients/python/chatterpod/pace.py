"""How often to ask: RunPod's limits, polling that adapts, waits after trouble. Pure.

Limits per 10 s and endpoint: docs.runpod.io, serverless/endpoints/send-requests.
"""

from collections import deque
from random import Random

__all__ = ["PASSING", "Pace", "Polling", "back_off"]

WINDOW_S = 10.0
LIMITS = {"run": 1000, "runsync": 2000, "status": 2000, "stream": 2000, "cancel": 100}
SHARE = 0.5  # of a limit for one client: it is the endpoint's, and others use it too
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
HELD_S = 0.2  # an answer that took so long was held by the endpoint: no need to wait again
QUICK_S, SLOW_S, QUEUED_S = 0.05, 0.4, 1.0
GROWTH = 1.2  # of the wait from one empty answer to the next: about a sixth of the time so far


class Pace:
    """Keeps one client under the limits, whatever it does at once."""

    def __init__(self) -> None:
        self._asked: dict[str, deque[float]] = {name: deque() for name in LIMITS}

    def delay(self, operation: str, now: float) -> float:
        """Book one request; return the seconds to wait before it is sent."""
        asked = self._asked.get(operation)
        if asked is None:
            return 0.0
        most = int(LIMITS[operation] * SHARE)
        at = max(now, asked[-most] + WINDOW_S) if len(asked) >= most else now
        asked.append(at)
        while len(asked) > most:
            asked.popleft()
        return at - now


class Polling:
    """When to ask for a job's audio again, from what the last answer was like.

    An endpoint that holds its answer until there is something is asked again at once. One that
    answers at once, with nothing, is asked ever less often: up to 0.4 s while the job runs, 1 s
    while it waits in the queue.
    """

    def __init__(self) -> None:
        self._idle = 0

    def wait(self, took: float, *, brought: bool, queued: bool) -> float:
        """Return the seconds to wait after an answer that took `took` seconds."""
        if brought:
            self._idle = 0
            return 0.0
        self._idle += 1
        if took >= HELD_S:
            return 0.0
        wait: float = QUICK_S * GROWTH ** min(self._idle - 1, 40)
        return min(QUEUED_S if queued else SLOW_S, wait)


def back_off(tried: int, random: Random, at_least: float = 0.0) -> float:
    """Return the seconds before the next try, after `tried` ones: ever more, with jitter, to 10 s."""
    return max(at_least, min(10.0, 0.2 * (1 << tried)) * random.uniform(0.5, 1.0))
