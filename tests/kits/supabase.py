"""The parts of Supabase that the functions call: Auth's user, and Storage's objects, in memory."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["ANON_KEY", "SERVICE_KEY", "USER", "USER_TOKEN", "Supabase", "supabase"]

USER = "0b6e6a9e-1111-4222-8333-123456789abc"
USER_TOKEN = "a-signed-in-users-token"
ANON_KEY = "the-anon-key-that-everybody-has"
SERVICE_KEY = "the-service-key-that-nobody-may-see"


class Supabase(ThreadingHTTPServer):
    """What was stored, and how often somebody tried."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.uploads: list[str] = []
        self.failures = 0  # uploads that will be answered 500

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Supabase

    def do_GET(self) -> None:
        if self.path == "/auth/v1/user":
            known = (
                self.headers["Authorization"] == f"Bearer {USER_TOKEN}" and self.headers["apikey"] == ANON_KEY
            )
            self.answer(200 if known else 401, {"id": USER} if known else {"msg": "invalid token"})
        elif self.path.startswith("/storage/v1/object/info/"):
            name = self.path.removeprefix("/storage/v1/object/info/")
            self.answer(200 if name in self.server.objects else 400, {})
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.removeprefix("/storage/v1/object/")
        self.server.uploads.append(name)
        if self.headers["Authorization"] != f"Bearer {SERVICE_KEY}":
            self.answer(403, {})
        elif self.server.failures:
            self.server.failures -= 1
            self.answer(500, {})
        elif name in self.server.objects:
            self.answer(
                400, {"statusCode": "409", "error": "Duplicate", "message": "The resource already exists"}
            )
        else:
            self.server.objects[name] = (self.headers["Content-Type"], body)
            self.answer(200, {"Key": name})

    def answer(self, status: int, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def supabase() -> Iterator[Supabase]:
    """Serve it on this machine."""
    server = Supabase()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
