"""Limits of one token: a bucket of requests a minute, and characters a day. No I/O, no clock.

`now` is seconds since 1970. Usage is kept in memory: a restart resets it.
"""

from dataclasses import dataclass, field

from gateway.errors import Exhausted

__all__ = ["Limits", "MessagePace", "TokenUsage"]

DAY_S = 86_400
MINUTE_S = 60
MESSAGES = 500  # of one connection a second: ten language models' tokens


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one token; 0: no limit."""

    characters_a_day: int = 0
    requests_a_minute: int = 0
    connections: int = 20  # open at once


@dataclass(slots=True)
class TokenUsage:
    """The usage of one token."""

    limits: Limits
    connections: int = 0
    _day: int = 0
    _characters: int = 0
    _tokens: float | None = field(default=None)  # requests left in the bucket
    _filled_at: float = 0.0

    def request(self, now: float) -> None:
        """Count a request.

        Raises:
            Exhausted: The bucket of `requests_a_minute` is empty.
        """
        most = self.limits.requests_a_minute
        if not most:
            return
        left = float(most) if self._tokens is None else self._tokens
        left = min(float(most), left + (now - self._filled_at) * most / MINUTE_S)
        self._filled_at = now
        self._tokens = left
        if left < 1:
            wait = (1 - left) * MINUTE_S / most
            raise Exhausted(f"more than {most} requests a minute", wait)
        self._tokens = left - 1

    def characters(self, count: int, now: float) -> None:
        """Count the characters of a text, all or none; days are UTC's.

        Raises:
            Exhausted: Fewer are left for today.
        """
        day = int(now // DAY_S)
        if day != self._day:
            self._day, self._characters = day, 0
        most = self.limits.characters_a_day
        if most and self._characters + count > most:
            left = most - self._characters
            message = f"the text has {count} characters, and {left} of {most} are left for today"
            raise Exhausted(message, (day + 1) * DAY_S - now)
        self._characters += count

    def connect(self) -> None:
        """Count an open connection, until `disconnect`.

        Raises:
            Exhausted: The most connections allowed are open.
        """
        if self.limits.connections and self.connections >= self.limits.connections:
            raise Exhausted(f"{self.connections} connections are open, expected at most that many", 1.0)
        self.connections += 1

    def disconnect(self) -> None:
        """Count a connection as closed."""
        self.connections -= 1


@dataclass(slots=True)
class MessagePace:
    """The messages of one connection: `MESSAGES` at once, and as many a second; more have to wait."""

    _left: float = MESSAGES
    _at: float = 0.0

    def wait(self, now: float) -> float:
        """Count a message; return the seconds until it may be handled."""
        self._left = min(MESSAGES, self._left + (now - self._at) * MESSAGES) - 1
        self._at = now
        return max(0.0, -self._left / MESSAGES)
