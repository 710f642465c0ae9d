"""A hub on this machine: the listing and the files of one repository, with the faults of real ones."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from worker.engines.chatterbox.lock import REPOSITORY, git_hash

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the stand-in serves; `cuts` says how often a file's connection breaks in the middle."""

    files: dict[str, bytes]
    url: str = ""
    repository: str = REPOSITORY
    cuts: dict[str, int] = field(default_factory=dict)
    tokens_seen: list[str] = field(default_factory=list)

    def listing(self) -> dict[str, Any]:
        """Answer as the hub: large files with their SHA-256, small ones with git's hash alone."""
        rows: list[dict[str, Any]] = []
        for name, data in self.files.items():
            row: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git_hash(data)}
            if name.endswith((".safetensors", ".pt")):
                row["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            rows.append(row)
        return {"id": self.repository, "sha": REVISION, "siblings": rows}


@contextmanager
def serving(files: dict[str, bytes], repository: str = REPOSITORY) -> Iterator[Hub]:
    """Serve files; files redirect once, as the hub's do."""
    hub = Hub(files, repository=repository)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.tokens_seen.extend(self.headers.get_all("Authorization") or [])
            path = self.path.split("?")[0]
            if path.startswith(f"/api/models/{repository}/revision/"):
                return self.answer(json.dumps(hub.listing()).encode())
            name = path.rsplit("/", 1)[-1]
            if name not in hub.files:
                return self.send_error(404)
            if path == f"/{repository}/resolve/{REVISION}/{name}":
                self.send_response(302)
                self.send_header("Location", f"/storage/{name}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            return (
                self.answer(hub.files[name], name) if path.startswith("/storage/") else self.send_error(404)
            )

        def answer(self, data: bytes, name: str = "") -> None:
            begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            rest = data[begin:]
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            if hub.cuts.get(name, 0):
                hub.cuts[name] -= 1
                rest = rest[: len(rest) // 2]
            self.wfile.write(rest)

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
