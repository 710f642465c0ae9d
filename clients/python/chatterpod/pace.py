"""How often requests are made: RunPod's rate limits, polling, and pauses before retries. Pure.

Limits per 10 s and endpoint: docs.runpod.io, serverless/endpoints/send-requests.
"""

from collections import deque
from random import Random

__all__ = ["RETRIED", "Pace", "Polling", "back_off"]

WINDOW_S = 10.0
LIMITS = {"run": 1000, "runsync": 2000, "status": 2000, "stream": 2000, "cancel": 100}
SHARE = 0.5  # of a limit for one client: all clients of an endpoint share its limits
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
HELD_S = 0.2  # an endpoint that answers later than this held the request: ask again at once
QUICK_S, SLOW_S, QUEUED_S = 0.05, 0.4, 1.0
GROWTH = 1.2  # of the pause from one empty answer to the next: about a sixth of the time so far


class Pace:
    """Keeps one client below the limits, however many requests it makes at once."""

    def __init__(self) -> None:
        self._sent: dict[str, deque[float]] = {name: deque() for name in LIMITS}

    def delay(self, operation: str, now: float) -> float:
        """Count one request; return the seconds to wait before it is sent."""
        sent = self._sent.get(operation)
        if sent is None:
            return 0.0
        limit = int(LIMITS[operation] * SHARE)
        at = max(now, sent[-limit] + WINDOW_S) if len(sent) >= limit else now
        sent.append(at)
        while len(sent) > limit:
            sent.popleft()
        return at - now


class Polling:
    """When to ask for a job's audio again, judged by the last answer.

    An endpoint that holds a request until there is audio is asked again at once. If it answers at
    once without audio, the pauses grow: to 0.4 s while the job runs, to 1 s while it is queued.
    """

    def __init__(self) -> None:
        self._idle = 0

    def wait(self, took: float, *, brought: bool, queued: bool) -> float:
        """Return the seconds to wait after an answer that took `took` seconds and `brought` audio, or not."""
        if brought:
            self._idle = 0
            return 0.0
        self._idle += 1
        if took >= HELD_S:
            return 0.0
        wait: float = QUICK_S * GROWTH ** min(self._idle - 1, 40)
        return min(QUEUED_S if queued else SLOW_S, wait)


def back_off(tried: int, random: Random, at_least: float = 0.0) -> float:
    """Return the seconds before the next try, after `tried` ones: doubled each time to 10 s, with jitter."""
    return max(at_least, min(10.0, 0.2 * (1 << tried)) * random.uniform(0.5, 1.0))
