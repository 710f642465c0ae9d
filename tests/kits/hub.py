"""A hub on this machine: the listing and the files of one repository, with the faults of real ones."""

import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from worker.engines.chatterbox.catalogue import TURBO
from worker.engines.chatterbox.weights.lock import git_hash

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the stand-in serves, and how often a file's connection breaks in the middle."""

    files: dict[str, bytes]
    url: str = ""
    repository: str = TURBO.repository
    revision: str = REVISION
    cuts: dict[str, int] = field(default_factory=dict)  # the end of the stream comes too early
    resets: dict[str, int] = field(default_factory=dict)  # TCP's reset comes
    status: dict[str, int] = field(default_factory=dict)  # instead of the file
    ranges: bool = True  # whether a file can be had from its middle on
    begun: list[tuple[str, int]] = field(
        default_factory=list
    )  # each file that was asked for, from which byte
    listings: list[str] = field(default_factory=list)  # the paths of the listings that were asked for
    tokens_seen: list[str] = field(default_factory=list)

    def listing(self) -> dict[str, Any]:
        """Answer as the hub: large files with their SHA-256, small ones with git's hash alone."""
        rows: list[dict[str, Any]] = []
        for name, data in self.files.items():
            row: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": git_hash(data)}
            if name.endswith((".safetensors", ".pt")):
                row["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            rows.append(row)
        return {"id": self.repository, "sha": self.revision, "siblings": rows}

    def breaks(self, faults: dict[str, int], name: str) -> bool:
        """Whether one of the breaks that a file has left comes now."""
        left = faults.get(name, 0)
        faults[name] = max(0, left - 1)
        return left > 0


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub: files redirect once."""

    hub: Hub

    def do_GET(self) -> None:
        hub = self.hub
        hub.tokens_seen.extend(self.headers.get_all("Authorization") or [])
        path = self.path.split("?")[0]
        if path.startswith(f"/api/models/{hub.repository}/revision/"):
            hub.listings.append(path)
            return self.answer(json.dumps(hub.listing()).encode())
        name = path.rsplit("/", 1)[-1]
        if name in hub.status or name not in hub.files:
            return self.send_error(hub.status.get(name, 404))
        if path == f"/{hub.repository}/resolve/{hub.revision}/{name}":
            self.send_response(302)
            self.send_header("Location", f"/storage/{name}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        return self.send_file(name) if path.startswith("/storage/") else self.send_error(404)

    def send_file(self, name: str) -> None:
        hub, data = self.hub, self.hub.files[name]
        asked = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        hub.begun.append((name, asked))
        begin = asked if hub.ranges else 0
        half = begin + (len(data) - begin) // 2
        if hub.breaks(hub.cuts, name):
            return self.answer(data, begin, half)
        if hub.breaks(hub.resets, name):
            self.answer(data, begin, half)
            return self.reset()
        return self.answer(data, begin)

    def answer(self, data: bytes, begin: int = 0, end: int | None = None) -> None:
        """Announce all from `begin` on, and send it up to `end`."""
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        self.wfile.write(data[begin:end])

    def reset(self) -> None:
        """Close the connection as a machine does that forgot it, once what was sent is read."""
        self.wfile.flush()
        self.connection.settimeout(0.2)
        with suppress(TimeoutError):
            self.connection.recv(1)  # the client sends nothing: this waits for it to read
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output clean."""


class Server(ThreadingHTTPServer):
    """Closes as the handler closed; a plain one says goodbye first, which ends the stream without a reset."""

    def shutdown_request(self, request: Any) -> None:
        if request.fileno() != -1:
            super().shutdown_request(request)


@contextmanager
def serving(
    files: dict[str, bytes], repository: str = TURBO.repository, revision: str = REVISION
) -> Iterator[Hub]:
    """Serve a repository's files at one revision."""
    hub = Hub(files, repository=repository, revision=revision)
    server = Server(("127.0.0.1", 0), type("Answering", (Handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))  # seconds until it sees its end
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
