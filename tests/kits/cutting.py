"""A TCP proxy that refuses or cuts connections as told, before a server of this machine."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["CuttingProxy", "cutting"]


@dataclass
class CuttingProxy:
    """What happens to the next connections: `400` … is answered to one, a number cuts after as many bytes."""

    url: str = ""
    faults: list[str | int] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def cutting(target: str) -> AsyncGenerator[CuttingProxy]:
    """Serve a proxy of the URL `target`."""
    proxy, to = CuttingProxy(), urlsplit(target)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.connections += 1
        fault = proxy.faults.pop(0) if proxy.faults else None
        try:
            if isinstance(fault, str):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(
                    f"HTTP/1.1 {fault} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                return
            there, back = await asyncio.open_connection(to.hostname, to.port)
            copying = asyncio.create_task(copy(reader, back))
            with suppress(OSError):
                await copy(there, writer, fault)
            copying.cancel()
            back.transport.abort()
        finally:
            if fault is None or isinstance(fault, str):
                writer.close()
            else:
                writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None = None) -> None:
    """Copy until the end, or for at most so many bytes."""
    while data := await reader.read(65_536 if most is None else max(0, most)):
        writer.write(data)
        await writer.drain()
        most = None if most is None else most - len(data)
