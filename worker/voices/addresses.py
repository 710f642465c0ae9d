"""Where a clip may come from: public addresses alone, and the one that was checked is the one dialled."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

from worker.threads import DaemonThreads

__all__ = ["GuardedNetwork", "NotPublicError", "is_public", "look_up"]

LOOK_UPS = 4  # at once: a resolver that hangs keeps its thread
# Beside what the standard library knows as not global: addresses that lead to a private IPv4 one, or may.
CLOSED = tuple(
    map(
        ipaddress.ip_network,
        (
            *("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4"),
            *("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10"),
        ),
    )
)
RESOLVING = DaemonThreads(LOOK_UPS, "resolve")


class NotPublicError(Exception):
    """A name or an address does not lead to public addresses alone."""


def is_public(address: str) -> bool:
    """Whether an IPv4 or IPv6 address is one of the public internet; what is no address is not."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    is_closed = any(found.version == closed.version and found in closed for closed in CLOSED)
    return found.is_global and not (is_closed or found.is_multicast or found.is_reserved)


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once; raises OSError. It may take as long as the resolver does."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects as httpcore does, but only to hosts all of whose addresses are allowed.

    Args:
        is_allowed: Whether an address is.
        resolve: Returns the addresses of a host, on a thread of its own.
        network: Connects to an address.
    """

    def __init__(
        self,
        is_allowed: Callable[[str], bool] = is_public,
        resolve: Callable[[str, int], list[str]] = look_up,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._is_allowed = is_allowed
        self._resolve = resolve
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to the first address that takes one.

        Raises:
            NotPublicError: One of the addresses is not allowed, or there is none.
            httpcore.ConnectError: None takes a connection.
        """
        addresses = await self._addresses(host, port)
        if not addresses or not all(map(self._is_allowed, addresses)):
            raise NotPublicError
        refused: Exception = httpcore.ConnectError()
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                refused = error
        raise refused

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return await asyncio.wrap_future(RESOLVING.submit(self._resolve, host, port))
        except (OSError, OverflowError, UnicodeError):
            return []
