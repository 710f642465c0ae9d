"""How both drivers of a WebSocket set up `websockets`, and what its failures mean."""

import importlib
from typing import Any

from chatterpod.config import Address
from chatterpod.errors import ConfigError
from chatterpod.talk import Lost

__all__ = ["QUIET_S", "failures", "imported", "lost_of", "socket_options"]

QUIET_S = 60.0  # without a message, after which a connection is given up: a server sends one each 15 s
OPEN_S = 150.0  # RunPod's load balancer waits two minutes for a worker
CLOSE_S = 1.0
NOT_REACHED = (ConnectionRefusedError,)


def imported(name: str) -> Any:
    """Return a module of `websockets`.

    Raises:
        ConfigError: The package is not installed.
    """
    try:
        return importlib.import_module(f"websockets.{name}")
    except ImportError:
        raise ConfigError("a URL needs the package websockets: pip install 'chatterpod[url]'") from None


def socket_options(address: Address) -> dict[str, Any]:
    """Return the arguments of `connect` for a server."""
    headers = {"Authorization": f"Bearer {address.token}"} if address.token else {}
    return {
        "uri": f"ws{address.url.removeprefix('http')}/v1/stream",
        "additional_headers": headers,
        "compression": None,  # audio cannot be compressed further
        "max_size": None,
        "open_timeout": OPEN_S,
        "close_timeout": CLOSE_S,
    }


def failures() -> tuple[type[Exception], ...]:
    """Return the exceptions that mean that a connection failed, or was not made."""
    return (OSError, EOFError, imported("exceptions").WebSocketException)


def lost_of(error: Exception, address: Address) -> Lost:
    """Return what is known of a failure."""
    response = getattr(error, "response", None)
    host = address.url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    status = getattr(response, "status_code", None)
    return Lost(host, type(error).__name__, status, reached=not isinstance(error, NOT_REACHED))
