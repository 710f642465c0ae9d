"""uvicorn for the gateway, the same for the command and for tests."""

import asyncio
import importlib
import resource
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette

from gateway.door import Door
from gateway.errors import GatewayStartError
from gateway.settings import GatewaySettings

__all__ = [
    "Server",
    "address",
    "bind",
    "check_installed",
    "configured",
    "prepare_process",
    "serve",
]

NEEDED = ("httptools", "websockets")  # uvicorn reports them missing only after it has begun to listen
BACKLOG = 2048  # uvicorn's default
FRAME_LIMIT = 2  # times `max_message_bytes`: up to that a message is read, to be refused with a code
GRACE_S = 3.0  # at the end, for requests being served: short speeches are completed
RESERVED = 100  # descriptors for the endpoint's connections and files
MANY = 1_000_000
SEND_BYTES = 262_144  # that the system keeps of a connection: half a minute of MP3, not minutes
PING_S = 20.0  # a client that does not answer a ping for so long is disconnected


def configured(app: Starlette, settings: GatewaySettings, **options: Any) -> uvicorn.Config:
    """Return uvicorn's configuration, without an access log, whose addresses could have ids in them.

    `check_installed` says whether it can.
    """
    from gateway.connections import HttpConnection, SocketConnection  # noqa: PLC0415 - needs what may be missing

    door: Door = app.state.gateway.door
    return uvicorn.Config(
        app,
        http=partial(HttpConnection, door=door),  # type: ignore[arg-type]  # called as a class would be
        ws=partial(SocketConnection, door=door),  # type: ignore[arg-type]
        access_log=False,
        log_level="warning",
        ws_max_size=settings.max_message_bytes * FRAME_LIMIT,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,  # audio cannot be compressed further
        timeout_graceful_shutdown=5,  # more than GRACE_S, so that uvicorn itself aborts no request
        server_header=False,
        **options,
    )


class Server(uvicorn.Server):
    """uvicorn, with a callback at its start; at its end it gives requests `GRACE_S` to complete.

    Args:
        config: uvicorn's, as `configured` returns it.
        announce: Called when it accepts requests.
        give_up: Ends all requests that are being served.
    """

    def __init__(
        self, config: uvicorn.Config, announce: Callable[[], None], give_up: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._give_up = give_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept requests, and call `announce`."""
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more requests; return when all are answered or ended, and the application too."""
        ending = asyncio.get_running_loop().call_later(GRACE_S, self._give_up)
        await super().shutdown(sockets)
        ending.cancel()


def check_installed() -> None:
    """Check that the packages that uvicorn needs are installed.

    Raises:
        GatewayStartError: One is missing.
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            raise GatewayStartError(f"the package {name} is missing: pip install '.[gateway]'") from None


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is any free one.

    Raises:
        GatewayStartError: The port is taken or out of range, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        why = str(error).partition(" (while")[0]  # the rest repeats the address
        raise GatewayStartError(f"cannot listen on {address(host, port)}: {why}") from None
    # Accepted sockets inherit it; asyncio sets it only on sockets of its own making. Without it audio waits
    # until the client's kernel has acknowledged the headers, or the caption, before it.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    return sock


def address(host: str, port: int) -> str:
    """Return host and port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def descriptors() -> int:
    """Return how many files and sockets this process may open, once it may open as many as it can get."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else MANY


def prepare_process(app: Starlette) -> None:
    """Let the process have as many connections as it can get, and handle what uvicorn does not.

    uvicorn raises the signals again after its shutdown: handled here, they do not change the exit code.
    """
    door: Door = app.state.gateway.door
    door.room = min(door.room, descriptors() - RESERVED)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


def serve(
    app: Starlette, settings: GatewaySettings, sock: socket.socket, announce: Callable[[str], None]
) -> None:
    """Serve on the socket until SIGINT or SIGTERM; `announce` gets the URL when it accepts requests."""
    host, port = sock.getsockname()[:2]
    prepare_process(app)
    url = f"http://{address(host, port)}"
    Server(configured(app, settings), lambda: announce(url), app.state.requests.end).run(sockets=[sock])
