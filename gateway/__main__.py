"""The command: python -m gateway."""

import argparse
import logging
import sys
from collections.abc import Callable
from functools import partial

from gateway.app import create_app
from gateway.background import BackgroundTasks
from gateway.endpoint import Endpoint
from gateway.errors import GatewayStartError
from gateway.gateway import is_this_machine
from gateway.metrics import Metrics
from gateway.queue_endpoint import QueueEndpoint
from gateway.runpod_queue import RunPodQueue
from gateway.server import bind, check_installed, serve
from gateway.settings import GatewaySettings

__all__ = ["main"]

log = logging.getLogger("gateway")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; return the exit code."""
    args = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="gateway: %(message)s", stream=sys.stderr)
    for library in ("httpx", "uvicorn.access"):  # their lines have RunPod's addresses and ids in them
        logging.getLogger(library).setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of each body that is not a form
    try:
        settings = GatewaySettings.from_env()
        check_open(settings, args.host)
        check_installed()
        app = create_app(settings, endpoint_of(settings))
        sock = bind(args.host, args.port)
    except GatewayStartError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 1
    serve(app, settings, sock, lambda url: announce(url, settings))
    return 0


def endpoint_of(settings: GatewaySettings) -> Callable[[Metrics, BackgroundTasks], Endpoint]:
    """Return what makes the endpoint that the settings name: a direct worker, or a queue.

    Raises:
        GatewayStartError: The endpoint's id or the base URL is wrong.
    """
    if settings.worker_url:
        from gateway.direct_endpoint import DirectEndpoint, RemoteWorker  # noqa: PLC0415 - after the check

        worker = RemoteWorker(settings.worker_url, settings.api_key, settings.cold_seconds)
        return lambda metrics, _: DirectEndpoint(worker, metrics)
    return partial(QueueEndpoint, RunPodQueue(settings))


def announce(url: str, settings: GatewaySettings) -> None:
    """Log where the gateway listens, how many tokens there are, and which endpoint it uses."""
    tokens = len(settings.tokens) or "none, every client on this machine may speak"
    through = settings.worker_url or f"{settings.base_url}/{settings.endpoint_id}"
    log.info("%s (tokens: %s), speaking through %s", url, tokens, through)


def check_open(settings: GatewaySettings, host: str) -> None:
    """Refuse to listen on the network without tokens.

    Raises:
        GatewayStartError: `host` is not a loopback address and GATEWAY_TOKENS is not set.
    """
    if not settings.tokens and not is_this_machine(f"[{host}]" if ":" in host else host):
        raise GatewayStartError(
            "GATEWAY_TOKENS is not set: without tokens the gateway listens on 127.0.0.1 only"
        )


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        "python -m gateway", description="Speech over WebSocket and HTTP, with RunPod's key kept here."
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=8010, help="0: any free port (default: %(default)s)")
    return command


if __name__ == "__main__":
    sys.exit(main())
