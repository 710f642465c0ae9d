"""How uvicorn serves the gateway: the same for the command and for tests."""

import asyncio
import importlib
import signal
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette

from gateway.errors import GatewayStartError
from gateway.requests import Protocol
from gateway.settings import GatewaySettings

__all__ = ["Server", "bind", "check_installed", "configured", "serve"]

NEEDED = ("httptools", "websockets")  # what uvicorn would miss only when it already listens
BACKLOG = 2048  # uvicorn's own
FRAME_LIMIT = 2  # times what a message may have: so much is read, to be refused with a code
GRACE_S = 3.0  # at the end, for what is being served: short speeches come to theirs
PING_S = 20.0  # a peer that does not answer a ping for so long is gone


def configured(app: Starlette, settings: GatewaySettings, **options: Any) -> uvicorn.Config:
    """Return uvicorn's configuration; its log holds no addresses, since these may hold ids."""
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="websockets-sansio",
        access_log=False,
        log_level="warning",
        ws_max_size=settings.max_message_bytes * FRAME_LIMIT,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,  # audio does not get smaller
        timeout_graceful_shutdown=5,  # more than GRACE_S: then nothing is left to be cut off by uvicorn
        server_header=False,
        **options,
    )


class Server(uvicorn.Server):
    """uvicorn, that says when it answers, and at its end gives up what takes longer than `GRACE_S`.

    Args:
        config: uvicorn's, as `configured` returns it.
        announce: Called when it answers.
        give_up: Ends all requests that are being served.
    """

    def __init__(
        self, config: uvicorn.Config, announce: Callable[[], None], give_up: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._give_up = give_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more; return when all is answered or given up, and the application has ended."""
        ending = asyncio.get_running_loop().call_later(GRACE_S, self._give_up)
        await super().shutdown(sockets)
        ending.cancel()


def check_installed() -> None:
    """Look for the packages that serve.

    Raises:
        StartError: One is missing.
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            raise GatewayStartError(f"the package {name} is missing: pip install '.[gateway]'") from None


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
        raise GatewayStartError(f"cannot listen on {address(host, port)}: {why}") from None


def address(host: str, port: int) -> str:
    """Return an address as it stands in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(
    app: Starlette, settings: GatewaySettings, sock: socket.socket, announce: Callable[[str], None]
) -> None:
    """Serve on the socket until SIGINT or SIGTERM; `announce` gets the address once it answers."""
    host, port = sock.getsockname()[:2]
    # uvicorn raises a signal again after it has shut down: with these, the exit is a clean one.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    url = f"http://{address(host, port)}"
    Server(configured(app, settings), lambda: announce(url), app.state.requests.end).run(sockets=[sock])
