"""chatterpod serve: starts the direct server, a worker behind HTTP and WebSocket, on this machine."""

import argparse
import importlib.util
import os
import sys
from typing import Any

from chatterpod.cli.output import Printer
from chatterpod.errors import ConfigError

__all__ = ["add_to", "serve"]

SERVER = "gateway.direct"
# The server takes this variable, which users of a queue have set, as the sign that it runs at RunPod.
NOT_PASSED = "RUNPOD_ENDPOINT_ID"


def add_to(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "serve",
        parents=parents,
        help="speak on this machine, over HTTP and WebSocket",
        description="Become the server `python -m gateway.direct`: a worker with its engine in one process, "
        "without a queue. TTS_ and GATEWAY_ variables are its settings. `chatterpod speak --url` uses it.",
    )
    command.set_defaults(alone=serve)
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=8010, help="default: %(default)s")


def serve(args: argparse.Namespace, _printer: Printer) -> int:
    """Replace this process by the server.

    Raises:
        ConfigError: The server is not installed.
    """
    if importlib.util.find_spec(SERVER.partition(".")[0]) is None:
        raise ConfigError(
            "serve needs the server, which is not installed: "
            "pip install '.[gateway,speech,preview]' in the repository's folder"
        )
    env = {name: value for name, value in os.environ.items() if name != NOT_PASSED}
    command = [sys.executable, "-m", SERVER, "--host", args.host, "--port", str(args.port)]
    sys.stdout.flush()
    os.execve(sys.executable, command, env)  # noqa: S606 - its signals and exit code are this command's
