"""A fake endpoint over HTTP, for the command line, which takes an address and no transport."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.kits.endpoint import FakeEndpoint
from tests.kits.runpod_platform import Platform

__all__ = ["listening", "serving"]


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer requests on this machine; yield the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v2"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving(endpoint: FakeEndpoint | Platform) -> Iterator[str]:
    """Serve an endpoint on this machine; yield the base URL of its id, `ep`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = endpoint.answer(httpx.Request(self.command, f"http://fake{self.path}", content=body))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    with listening(Handler) as url:
        yield url
