"""A site that has the player, speech whose connections break, and the examples of the docs."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np

from encoder import Mp3Encoder

ROOT = Path(__file__).resolve().parents[2]
PLAYER = ROOT / "clients/web/chatterpod-player.js"
EXAMPLES = re.findall(r"```html\n(.*?)```", (ROOT / "docs/how-to/web.md").read_text(), re.DOTALL)
SECONDS = 8
BREAK_S = 0.2  # from the last byte to the break: a browser drops what its page has not read by then
CAPTIONS = [
    {"text": f"Second {at}.", "start_ms": at * 1000, "end_ms": at * 1000 + 1000} for at in range(SECONDS)
]


def speech() -> bytes:
    """Return some seconds of tone as bare MP3 frames, as a worker streams them."""
    times = np.arange(SECONDS * 24_000) / 24_000
    encoder = Mp3Encoder()
    return encoder.push((0.3 * np.sin(2 * np.pi * 220 * times)).astype(np.float32)) + encoder.flush()


SPEECH = speech()
LONGER = 4 * SPEECH  # an element that reads by itself begins after some ten thousand bytes


class Handler(BaseHTTPRequestHandler):
    """Answers whatever the tests' pages ask for; `replaced` are addresses in the examples."""

    protocol_version = "HTTP/1.1"
    replaced: dict[str, str]
    heard: Event

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path == "/speech.mp3":
            self.breaking()
        elif self.path == "/held.mp3":
            self.holding()
        elif self.path == "/heard":
            self.heard.set()
            self.answer("text/plain", b"")
        elif self.path == "/captions.json":
            self.answer("application/json", json.dumps(CAPTIONS).encode())
        elif self.path == "/chatterpod-player.js":
            self.answer("text/javascript", PLAYER.read_bytes())
        elif self.path.startswith("/example/"):
            page = EXAMPLES[int(self.path.removeprefix("/example/"))]
            for address, ours in self.replaced.items():
                page = page.replace(address, ours)
            self.answer(
                "text/html",
                page.replace("./chatterpod", "/chatterpod")
                .replace('"chatterpod-player.js', '"/chatterpod-player.js')
                .encode(),
            )
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer("audio/mpeg", SPEECH)

    def answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def holding(self) -> None:
        """Send most of a longer speech and break off when it is heard; then answer with all of it."""
        if self.heard.is_set():
            self.answer("audio/mpeg", LONGER)
            return
        self.send_response(200)
        self.send_header("Content-Type", "audio/mpeg")
        self.send_header("Content-Length", str(len(LONGER)))
        self.end_headers()
        self.wfile.write(LONGER[: len(LONGER) * 3 // 4])
        self.heard.wait(60)
        self.close_connection = True

    def breaking(self) -> None:
        """Answer with the speech from where it is asked for, and break off a third of the whole later."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))
        start = int(wanted[1]) if wanted else 0
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", "audio/mpeg")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(SPEECH) - start))
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{len(SPEECH) - 1}/{len(SPEECH)}")
        self.end_headers()
        self.wfile.write(SPEECH[start : start + len(SPEECH) // 3])
        time.sleep(BREAK_S)
        self.close_connection = True


@contextmanager
def serving(port: int, replaced: dict[str, str]) -> Iterator[str]:
    """Serve on a port of this machine; yield the address."""
    handler = type("Replacing", (Handler,), {"replaced": replaced, "heard": Event()})
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()
            thread.join()
