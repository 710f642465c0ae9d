"""The command `python -m gateway.direct`: a worker of its own behind HTTP and WebSocket.

The port is open before the engine is loaded, which happens on a thread. At SIGTERM no new speech is taken,
and what is being spoken ends.
"""

import argparse
import asyncio
import logging
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

from starlette.applications import Starlette

from gateway.app import create_app
from gateway.background import BackgroundTasks
from gateway.errors import GatewayStartError
from gateway.gateway import Gateway, is_this_machine
from gateway.local_endpoint import LoadedWorker, LocalEndpoint
from gateway.metrics import Metrics
from gateway.readiness import Readiness
from gateway.server import Server, address, bind, check_installed, configured, prepare_process
from gateway.settings import DirectSettings, GatewaySettings

__all__ = ["DirectServer", "main"]

DRAIN_S = 330.0  # the longest request of RunPod's load balancer
LOOK_S = 0.05  # how often the end of what is being spoken is looked for

log = logging.getLogger("gateway")


class DirectServer(Server):
    """A server with a worker in its process; it ends when what is being spoken has ended.

    Args:
        app: As `create_app` returns it.
        settings: The operator's.
        loaded: Takes the worker that is loaded.
        load: Loads a worker, given what is to be called if its engine dies; runs on a thread.
        announce: Called when connections are accepted.
    """

    def __init__(
        self,
        app: Starlette,
        settings: GatewaySettings,
        loaded: LoadedWorker,
        load: Callable[[Callable[[], None]], Any],
        announce: Callable[[], None],
    ) -> None:
        super().__init__(configured(app, settings), self._begin, app.state.requests.end)
        self.failure: str | None = None  # why the worker could not be loaded
        self._app = app
        self._gateway: Gateway = app.state.gateway
        self._gateway.readiness = Readiness.LOADING
        self._loaded = loaded
        self._load = load
        self._announce_port = announce
        self._draining: asyncio.Task[None] | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """At the first signal begin to drain; at the next one end."""
        if self._gateway.readiness is Readiness.READY:
            self._loop.call_soon_threadsafe(self.drain)
        else:
            super().handle_exit(sig, frame)

    def drain(self) -> None:
        """Take no more speech, and end when there is none being spoken."""
        if self._draining is None:
            log.info("no more speech is taken: waiting for the end of what is being spoken")
            self._gateway.drain()
            self._draining = asyncio.create_task(self._drained())

    async def _drained(self) -> None:
        for _ in range(round(DRAIN_S / LOOK_S)):
            if not self._is_busy:
                break
            await asyncio.sleep(LOOK_S)
        else:
            log.warning("speech was broken off: it had not ended after %g s", DRAIN_S)
        self.should_exit = True

    @property
    def _is_busy(self) -> bool:
        state = self._app.state
        return bool(state.requests.count or self._gateway.metrics.connections or state.speeches.making)

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._announce_port()
        threading.Thread(target=self._load_worker, name="load", daemon=True).start()

    def _load_worker(self) -> None:
        try:
            worker = self._load(self._died)
        except Exception as error:  # noqa: BLE001 - whatever it is, the process cannot speak
            self._loop.call_soon_threadsafe(self._fail, error)
        else:
            self._loop.call_soon_threadsafe(self._ready, worker)

    def _ready(self, worker: Any) -> None:
        self._loaded.set(worker)
        if self._gateway.readiness is Readiness.LOADING:
            self._gateway.readiness = Readiness.READY
            log.info("ready")

    def _fail(self, error: Exception) -> None:
        self.failure = str(error) or type(error).__name__
        self.should_exit = True

    def _died(self) -> None:
        """Report the engine's death; from any thread."""
        self._gateway.readiness = Readiness.DEAD


def load_worker(on_death: Callable[[], None]) -> Any:
    """Load the worker that the environment's settings describe.

    Raises:
        StartError: It cannot be loaded.
    """
    from worker.assembly import direct_worker  # noqa: PLC0415 - the port is open before it is imported

    return direct_worker(on_death=on_death)


def created(settings: GatewaySettings, ping: str) -> tuple[Starlette, LoadedWorker]:
    """Return the application, and what takes its worker."""
    loaded = LoadedWorker()

    def endpoint_of(metrics: Metrics, _: BackgroundTasks) -> LocalEndpoint:
        return LocalEndpoint(loaded, metrics)

    return create_app(settings, endpoint_of, ping), loaded


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("gateway: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        direct = DirectSettings.from_env()
        args = parser(direct).parse_args(arguments)
        settings, key = with_key(GatewaySettings.direct(), args.host)
        check_installed()
        sockets = [bind(args.host, args.port)]
        if direct.health_port is not None:
            sockets.append(bind(args.host, direct.health_port))
    except GatewayStartError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    app, loaded = created(settings, direct.health_path)
    server = DirectServer(app, settings, loaded, load_worker, partial(announce, sockets[0], settings, key))
    prepare_process(app)
    server.run(sockets)
    if loaded.now is not None:
        loaded.now.close()
    if server.failure is not None:
        sys.stderr.write(f"worker: {server.failure}\n")
    return int(server.failure is not None)


def with_key(settings: GatewaySettings, host: str) -> tuple[GatewaySettings, str | None]:
    """Return the settings, with a token that is made if the network can reach the server and none is set."""
    if settings.tokens or settings.trusted or is_this_machine(f"[{host}]" if ":" in host else host):
        return settings, None
    key = secrets.token_urlsafe(24)
    return replace(settings, tokens=(key,), voice_tokens=(*settings.voice_tokens, key)), key


def announce(listening: socket.socket, settings: GatewaySettings, key: str | None) -> None:
    """Log where the server listens, who may speak, and a command to try it."""
    host, port = listening.getsockname()[:2]
    tokens = len(settings.tokens) or (
        "none, RunPod's load balancer checks the key" if settings.trusted else "none, on this machine only"
    )
    log.info("http://%s (tokens: %s), speaking by itself", address(host, port), tokens)
    if key is not None:
        name = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
        log.info("GATEWAY_TOKENS is not set, so a token was made for this run: %s", key)
        log.info(
            "try it: curl -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' "
            """-d '{"input": "Good morning."}' http://%s/v1/audio/speech -o speech.mp3""",
            key,
            address(name, port),
        )


def parser(direct: DirectSettings) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        "python -m gateway.direct",
        description="Speech over WebSocket and HTTP, made in this process: TTS_ variables are the worker's "
        "settings, GATEWAY_ variables the server's.",
    )
    anywhere = "0.0.0.0" if direct.is_balanced else "127.0.0.1"  # noqa: S104 - RunPod leads requests here
    command.add_argument("--host", default=anywhere, help="address to listen on (default: %(default)s)")
    command.add_argument(
        "--port", type=int, default=direct.port, help="0: any free port (default: PORT, or %(default)s)"
    )
    return command


if __name__ == "__main__":
    sys.exit(main())
