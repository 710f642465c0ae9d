"""The open connections of a process, of HTTP and WebSockets alike: how many, and what each may hold up.

A connection is *known* while a request is answered, or once a WebSocket has shown its token; before that, and
between requests, it waits. Waiting ones give way to new ones: a crowd that asks for nothing keeps nobody out.
"""

import asyncio
import fcntl
import logging
import sys
import termios
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from gateway.errors import Exhausted

__all__ = ["CONNECTION", "Door", "Peer", "WriteWatch"]

log = logging.getLogger("gateway")

CONNECTION = "gateway.connection"  # the scope's extension: how to close its connection, and to make it known
WAITING = 100  # connections beside the known ones
STALL_S = 30.0  # a peer that takes no byte for so long has left
LOG_EVERY_S = 10.0


class Peer(Protocol):
    """One connection."""

    def drop(self, limit: str) -> None:
        """Break the connection off because of a limit."""


class Door:
    """All connections of a process.

    Args:
        most: How many may be known at once.
        count: Counts a limit that struck, by its name.
    """

    def __init__(self, most: int, count: Callable[[str], None]) -> None:
        self.room = most + WAITING  # sockets in all; fewer where the process may not open so many
        self._most = most
        self._count = count
        self._known: set[Peer] = set()
        self._waiting: dict[Peer, None] = {}  # the one that waits longest first
        self._unsaid: Counter[str] = Counter()
        self._said_at: dict[str, float] = {}

    def enter(self, peer: Peer) -> None:
        """Add a connection that was accepted; beyond the room, drop the one that waits longest."""
        self._waiting[peer] = None
        if len(self._waiting) + len(self._known) > self.room:
            oldest = next(iter(self._waiting))
            self.leave(oldest)
            self.strike(
                "connections", "more connections than the gateway takes: one that asked for nothing went"
            )
            oldest.drop("connections")

    def know(self, peer: Peer) -> None:
        """Count a connection as known: it asks for something, or has shown its token."""
        if self._waiting.pop(peer, peer) is None:
            self._known.add(peer)

    def rest(self, peer: Peer) -> None:
        """Count a known connection as waiting: it has its answer."""
        if peer in self._known:
            self._known.remove(peer)
            self._waiting[peer] = None

    def leave(self, peer: Peer) -> None:
        """Remove a connection."""
        self._waiting.pop(peer, None)
        self._known.discard(peer)

    def check(self) -> None:
        """Keep the number of known connections bounded; the one that asks is among them.

        Raises:
            Exhausted: More are known than allowed.
        """
        if len(self._known) > self._most:
            self.strike("connections", f"more than {self._most} connections are served: one was refused")
            raise Exhausted("the gateway has the most connections that it takes", 5.0)

    def strike(self, limit: str, what: str) -> None:
        """Count a limit that struck; log it, each limit once in a while with how often since."""
        self._count(limit)
        self._unsaid[limit] += 1
        now = time.monotonic()
        if now - self._said_at.get(limit, -LOG_EVERY_S) >= LOG_EVERY_S:
            log.warning("limit %s: %s (%d since the last line)", limit, what, self._unsaid[limit])
            self._said_at[limit], self._unsaid[limit] = now, 0


class WriteWatch:
    """Calls `stalled` when a peer takes none of what was written to it for `STALL_S`."""

    def __init__(self, transport: asyncio.Transport, stalled: Callable[[], None]) -> None:
        self._transport = transport
        self._stalled = stalled
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0

    def start(self) -> None:
        """Watch until all is taken, or until `stop`."""
        self.stop()
        if self._transport.get_write_buffer_size():
            self._left = self._outstanding()
            self._timer = asyncio.get_running_loop().call_later(STALL_S, self._look)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _outstanding(self) -> int:
        """Return the bytes that the peer has not taken, with those that the system keeps for it.

        The system asks for more only when a third of what it keeps is gone, which takes a slow peer minutes.
        """
        kept = bytearray(4)
        with suppress(OSError, ValueError, AttributeError):  # it is closed, or the system does not say
            fcntl.ioctl(self._transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, kept)
        return self._transport.get_write_buffer_size() + int.from_bytes(kept, sys.byteorder)

    def _look(self) -> None:
        self._timer = None
        if self._outstanding() >= self._left:
            self._stalled()
        else:
            self.start()
