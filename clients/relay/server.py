"""How uvicorn serves the relay: the same for the command and for tests."""

import importlib
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette

from clients.relay.errors import StartError
from clients.relay.settings import Settings

__all__ = ["bind", "check_installed", "configured", "serve"]

NEEDED = ("httptools", "websockets")  # what uvicorn would miss only when it already listens
BACKLOG = 2048  # uvicorn's own
FRAME_LIMIT = 2  # times what a message may have: so much is read, to be refused with a code
PING_S = 20.0  # a peer that does not answer a ping for so long is gone


def configured(app: Starlette, settings: Settings, **options: Any) -> uvicorn.Config:
    """Return uvicorn's configuration; its log holds no addresses, since these may hold ids."""
    return uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        access_log=False,
        log_level="warning",
        ws_max_size=settings.max_message_bytes * FRAME_LIMIT,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,  # audio does not get smaller
        timeout_graceful_shutdown=5,
        server_header=False,
        **options,
    )


class Server(uvicorn.Server):
    """uvicorn, that says when it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self._announce()


def check_installed() -> None:
    """Look for the packages that serve.

    Raises:
        StartError: One is missing.
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            raise StartError(f"the package {name} is missing: pip install '.[relay]'") from None


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 is any free one.

    Raises:
        StartError: The port is taken or none, the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = str(error).partition(" (while")[0]  # socket's own words name the address again
        raise StartError(f"cannot listen on {address(host, port)}: {why}") from None


def address(host: str, port: int) -> str:
    """Return an address as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(app: Starlette, settings: Settings, sock: socket.socket, announce: Callable[[str], None]) -> None:
    """Serve on the socket until SIGINT or SIGTERM; `announce` gets the address once it answers."""
    host, port = sock.getsockname()[:2]
    # uvicorn raises a signal again after it has shut down: with these, the exit is a clean one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    Server(configured(app, settings), lambda: announce(f"http://{address(host, port)}")).run(sockets=[sock])
