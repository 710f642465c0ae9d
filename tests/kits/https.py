"""Servers with https on this machine: for files, and such as never come to an end."""

import datetime as dt
import http.server
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["SLOW", "serving", "slow", "trusting"]

# What a slow server says at first, and then, for ever, once in a while.
SLOW: dict[str, tuple[bytes, bytes]] = {
    "head": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n", b"a"),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "silence": (b"", b""),
}
PAUSE = 0.05  # seconds


@contextmanager
def slow(folder: Path, kind: str) -> Iterator[str]:
    """Run a server of a kind of `SLOW`, or one that only takes connections (`handshake`); yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certified(folder))
        ended = threading.Event()

        def answer(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                if kind == "handshake":
                    ended.wait()
                    return
                first, again = SLOW[kind]
                with context.wrap_socket(connection, server_side=True) as spoken:
                    spoken.recv(65_536)
                    spoken.sendall(first)
                    while not ended.wait(PAUSE):
                        spoken.sendall(again)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}/ann.wav"
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)


def trusting(folder: Path) -> Callable[[], ssl.SSLContext]:
    """Return what returns the certificates to trust: that of the servers in `folder`."""
    return lambda: ssl.create_default_context(cafile=str(folder / "certificate.pem"))


@contextmanager
def serving(folder: Path, files: dict[str, bytes]) -> Iterator[tuple[str, Path]]:
    """Serve files by https on this machine; yield the address and the certificate to trust."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = files.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certified(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}", folder / "certificate.pem"
        finally:
            server.shutdown()
            thread.join()


def certified(folder: Path) -> tuple[Path, Path]:
    """Return the certificate of this machine and its key, made at the first call for a folder."""
    paths = folder / "certificate.pem", folder / "key.pem"
    if paths[0].exists():
        return paths
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return paths
