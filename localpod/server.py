"""The HTTP server: uvicorn on a socket of 127.0.0.1; at the end all held requests are answered."""

import signal
import socket
from collections.abc import Callable
from dataclasses import replace

import uvicorn
from starlette.applications import Starlette

from localpod.app import create_app
from localpod.fault_middleware import HttpProtocol
from localpod.settings import EndpointOptions

__all__ = ["bind", "serve"]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: Starlette, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # First the workers are stopped, which may still post results, and all held polls are answered, since
        # uvicorn would wait for them.
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


def serve(sock: socket.socket, options: EndpointOptions, announce: Callable[[str], None]) -> None:
    """Serve on the socket until SIGINT or SIGTERM; `announce` gets the address once it answers."""
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    app = create_app(replace(options, base_url=url))
    config = uvicorn.Config(
        app, http=HttpProtocol, ws="none", access_log=False, log_level="warning", timeout_graceful_shutdown=2
    )
    # uvicorn raises the signal again after its shutdown: handled here, it does not change the exit code.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    _Server(config, app, lambda: announce(url)).run(sockets=[sock])
