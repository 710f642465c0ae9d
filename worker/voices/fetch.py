"""Clips from the web: by https, from public addresses, limited in size, with one deadline for all of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Any, Self

import httpcore
import httpx

from worker.errors import VoiceUnusableError
from worker.voices.addresses import GuardedNetwork, NotPublicError
from worker.voices.clips import MOST_BYTES

__all__ = ["ClipFetcher"]

SECONDS = 30.0  # for the whole fetch
MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REFUSED = f"voice_url was refused: expected a public https address and at most {MOST_BYTES} bytes"
HEADERS = [(b"Accept", b"*/*"), (b"Accept-Encoding", b"identity"), (b"User-Agent", b"chatterpod")]
Answer = httpcore.Response


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificates to trust: certifi's, or those of `SSL_CERT_FILE`."""
    return httpx.create_ssl_context()


class ClipFetcher:
    """Returns the bytes at an address; on the event loop, where cancelling the call ends the connection.

    Args:
        network: Connects to hosts.
        certificates: Returns those to trust.
        seconds: From the name's look-up to the last byte, redirects included.
    """

    def __init__(
        self,
        network: httpcore.AsyncNetworkBackend | None = None,
        certificates: Callable[[], ssl.SSLContext] = trusted,
        seconds: float = SECONDS,
    ) -> None:
        self._network = network or GuardedNetwork()
        self._certificates = certificates
        self._seconds = seconds

    async def __call__(self, url: str) -> bytes:
        """Return the clip at `url`: at most 10 MB, from a public https address.

        Error messages hold nothing of the address or the answer, except the answer's status.

        Raises:
            VoiceUnusableError: The clip cannot be fetched in time, or the address is not allowed.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._fetched(url)
        except TimeoutError:
            message = f"voice_url did not deliver the clip within {self._seconds:g} s"
        except (NotPublicError, ValueError, httpx.InvalidURL):
            message = REFUSED
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            message = "voice_url could not be fetched: its server cannot be reached"
        raise VoiceUnusableError(message)

    async def _fetched(self, url: str) -> bytes:
        at = httpx.URL(url)
        async with (
            Connections(self._network) as network,
            httpcore.AsyncConnectionPool(self._certificates(), network_backend=network) as pool,
        ):
            for _ in range(MOST_REDIRECTS + 1):
                if at.scheme != "https":
                    raise VoiceUnusableError("voice_url redirects to an address that is not https")
                async with asked(pool, at) as answer:
                    if answer.status not in REDIRECTS:
                        return await clip_of(answer)
                    at = at.join(header(answer, b"location"))
        raise NotPublicError


class Connections(httpcore.AsyncNetworkBackend):
    """The connections of one fetch, closed at its end: httpcore leaves one open if cancelled amid TLS."""

    def __init__(self, network: httpcore.AsyncNetworkBackend) -> None:
        self._network = network
        self._streams: list[httpcore.AsyncNetworkStream] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in self._streams:
            with suppress(httpcore.NetworkError, OSError):
                await stream.aclose()

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        """Return a new connection."""
        stream = await self._network.connect_tcp(*args, **options)
        self._streams.append(stream)
        return stream


@asynccontextmanager
async def asked(pool: httpcore.AsyncConnectionPool, at: httpx.URL) -> AsyncIterator[Answer]:
    """Yield the answer to a GET; its body is not read yet."""
    target = httpcore.URL(scheme=at.raw_scheme, host=at.raw_host, port=at.port, target=at.raw_path)
    headers = [(b"Host", at.netloc), *HEADERS]
    async with pool.stream("GET", target, headers=headers) as answer:
        yield answer


async def clip_of(answer: Answer) -> bytes:
    """Return the body.

    Raises:
        VoiceUnusableError: The status is not 200.
        NotPublicError: The body is longer than allowed.
    """
    if answer.status != 200:
        raise VoiceUnusableError(f"voice_url answered with status {answer.status}")
    length = header(answer, b"content-length")
    body = bytearray()
    if length.isdecimal() and int(length[:20]) > MOST_BYTES:
        raise NotPublicError
    async for piece in answer.aiter_stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise NotPublicError
    return bytes(body)


def header(answer: Answer, name: bytes) -> str:
    """Return the last header of a name, in lower case; "" without one."""
    found = [value for each, value in answer.headers if each.lower() == name]
    return found[-1].decode("latin-1") if found else ""
