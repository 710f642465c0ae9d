"""The HTTP server: uvicorn on a socket of 127.0.0.1; at the end all held requests are answered."""

import signal
import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from localpod.fault_middleware import HttpProtocol

__all__ = ["LocalServer", "bind", "configured", "serve"]

MESSAGE_BYTES = 30_000_000


class LocalServer(uvicorn.Server):
    """uvicorn, with a callback at its start; at its end it first has the application stop its workers."""

    def __init__(self, config: uvicorn.Config, app: Starlette, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept requests, and call `announce`."""
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the workers, which may still post results; then end the requests, held polls among them."""
        await self._app.state.launcher.close()
        await super().shutdown(sockets)


def bind(port: int) -> socket.socket:
    """Return a socket bound to the port of 127.0.0.1; 0 is any free one.

    Raises:
        OSError: The port is in use, or may not be used.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()  # without it, a second server on this port would fail only later
    except OSError:
        sock.close()
        raise
    return sock


def configured(app: Starlette) -> uvicorn.Config:
    """Return uvicorn's configuration. Messages of a WebSocket may be as long as a worker takes them."""
    return uvicorn.Config(
        app,
        http=HttpProtocol,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )


def serve(sock: socket.socket, create: Callable[[str], Starlette], announce: Callable[[str], None]) -> None:
    """Serve on the socket until SIGINT or SIGTERM.

    Args:
        sock: As `bind` returns it.
        create: Makes the application of an address.
        announce: Gets the address once it answers.
    """
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    app = create(url)
    # uvicorn raises the signal again after its shutdown: handled here, it does not change the exit code.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    LocalServer(configured(app), app, lambda: announce(url)).run(sockets=[sock])
