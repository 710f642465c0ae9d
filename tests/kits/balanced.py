"""localpod's load balancer in a thread of the tests, with stand-in workers in processes of their own."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from localpod.balancer import create_app
from localpod.server import LocalServer, bind, configured
from localpod.settings import BalancerOptions
from tests.kits.timing import SECOND

__all__ = ["Balanced", "balanced", "standin_command"]

WORKER = Path(__file__).with_name("http_worker.py")


def standin_command(**options: Any) -> tuple[str, ...]:
    """Return the command of a stand-in worker."""
    return (sys.executable, str(WORKER), json.dumps(options))


class Balanced:
    """A running balancer, and a client of it."""

    def __init__(self, url: str, key: str = "any") -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, headers=self.headers, timeout=60 * SECOND)

    def state(self) -> dict[str, Any]:
        return dict(self.http.get("/localpod/state").json())

    def workers(self, *states: str) -> list[dict[str, Any]]:
        """Return the workers, or those in one of these states."""
        return [each for each in self.state()["workers"] if not states or each["state"] in states]

    def counts(self) -> dict[str, int]:
        """Return what the worker has counted."""
        return dict(self.http.get("/counted").json())

    def echo(self, affinity: str = "") -> httpx.Response:
        return self.http.get("/echo", headers={"X-Runpod-Worker-Id": affinity})

    def socket(self, path: str = "/talk", **options: Any) -> AbstractContextManager[ClientConnection]:
        """Return a connection to a WebSocket, as a context manager."""
        headers = self.headers | options.pop("headers", {})
        opened: AbstractContextManager[ClientConnection] = connect(
            self.url.replace("http", "ws") + path,
            additional_headers=headers,
            compression=None,
            proxy=None,
            max_size=None,
            **options,
        )
        return opened

    def scale(self, workers: int) -> None:
        self.http.post("/localpod/scale", json={"workers": workers}).raise_for_status()


@contextmanager
def balanced(worker: dict[str, Any] | None = None, /, key: str = "any", **options: Any) -> Iterator[Balanced]:
    """Run a balancer; `worker` are its stand-in workers' options, `options` those of `BalancerOptions`."""
    chosen = BalancerOptions(command=standin_command(**(worker or {})), idle_timeout_s=60, ping_every_s=0.05)
    app = create_app(replace(chosen, **options))
    sock = bind(0)
    server = LocalServer(configured(app), app, lambda: None)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])))
    thread.start()
    while not server.started:
        time.sleep(0.005)
    client = Balanced(f"http://127.0.0.1:{sock.getsockname()[1]}", key)
    try:
        yield client
    finally:
        client.http.close()
        server.should_exit = True
        thread.join()
