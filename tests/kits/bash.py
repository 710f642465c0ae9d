"""The bash client against an endpoint in memory, which is served over HTTP."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.kits.endpoint import FakeEndpoint

__all__ = ["SCRIPT", "by_bash", "served"]

SCRIPT = Path(__file__).parents[2] / "clients" / "bash" / "runpod_serverless.sh"


@contextmanager
def served(endpoint: FakeEndpoint) -> Iterator[str]:
    """Serve an endpoint over HTTP; yield its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0].removeprefix("/v2/ep")
            endpoint.seen.append(path)
            reply = json.dumps(endpoint.route(path, json.loads(body or "{}"))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v2"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_bash(
    endpoint: FakeEndpoint,
    *arguments: str,
    out: int = subprocess.PIPE,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run the script before an endpoint, by default to stream to its standard output."""
    with served(endpoint) as url:
        settings = {"RUNPOD_ENDPOINT_BASE_URL": url, "RUNPOD_ENDPOINT_ID": "ep", "RUNPOD_API_KEY": "any"}
        return subprocess.run(
            [SCRIPT, *(arguments or ("stream", "Hello.", "-"))],
            env=settings | {"PATH": os.environ["PATH"]},
            cwd=cwd,
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
