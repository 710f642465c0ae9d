"""A load-balancing worker for tests: any HTTP server on PORT. Its argument is JSON, as `OPTIONS`."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

OPTIONS = {"loading_s": 0.0, "exit": None, "mute": False} | json.loads(sys.argv[1] if sys.argv[1:] else "{}")
BORN = time.monotonic()
health = {"status": 200}
counts: Counter[str] = Counter()  # what is open, and what was seen


async def ping(_request: Request) -> Response:
    loading = time.monotonic() - BORN < OPTIONS["loading_s"]
    return Response(status_code=204 if loading else health["status"])


async def become(request: Request) -> Response:
    """Answer pings with another status from now on."""
    health["status"] = int(request.query_params["status"])
    return Response()


async def echo(request: Request) -> Response:
    body = await request.body()
    seen = {
        "method": request.method,
        "target": request.scope["raw_path"].decode() + "?" + request.scope["query_string"].decode(),
        "headers": request.headers.items(),
        "bytes": len(body),
        "pid": os.getpid(),
        "worker": os.environ["RUNPOD_POD_ID"],
    }
    return JSONResponse(seen, headers={"X-Mine": "yes"})


async def counted(_request: Request) -> Response:
    return JSONResponse(counts)


async def stream(request: Request) -> Response:
    query = request.query_params
    parts, size, pause = int(query["parts"]), int(query.get("size", 10)), float(query.get("pause", 0))

    async def content() -> AsyncGenerator[bytes]:
        counts["open"] += 1
        try:
            for number in range(parts):
                yield bytes([number % 250]) * size
                counts["sent"] += size
                if query.get("die") == str(number):
                    os.kill(os.getpid(), signal.SIGKILL)
                await asyncio.sleep(pause)
        finally:
            counts["open"] -= 1

    return StreamingResponse(content())


async def hang(request: Request) -> Response:
    counts["open"] += 1
    try:
        while not await request.is_disconnected():
            await asyncio.sleep(0.01)
    finally:
        counts["open"] -= 1
    return Response()


async def talk(socket: WebSocket) -> None:
    """Echo; obey `close CODE`, `flood COUNT`, `hold` (read no more) and `die`."""
    await socket.accept(next(iter(socket.scope["subprotocols"]), None))
    counts["open"] += 1
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                counts[f"closed {message['code']}"] += 1
                return
            await obey(socket, message)
    except WebSocketDisconnect:
        return
    finally:
        counts["open"] -= 1


async def obey(socket: WebSocket, message: object) -> None:
    assert isinstance(message, dict)
    counts["received"] += 1
    if (text := message.get("text")) is None:
        await socket.send_bytes(message["bytes"])
        return
    match text.split():
        case ["close", code]:
            await socket.close(int(code), "as told")
        case ["flood", count]:
            for _ in range(int(count)):
                await socket.send_bytes(bytes(65_536))
                counts["flooded"] += 1
        case ["hold"]:
            await asyncio.sleep(3600)
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case _:
            await socket.send_text(text)


async def refuse(socket: WebSocket) -> None:
    await socket.send_denial_response(Response("no tea", 418, {"X-Mine": "yes"}))


if __name__ == "__main__":
    if OPTIONS["exit"] is not None:
        sys.exit(OPTIONS["exit"])
    app = Starlette(
        routes=[
            Route("/ping", ping),
            Route("/become", become),
            Route("/counted", counted),
            Route("/stream", stream),
            Route("/hang", hang),
            WebSocketRoute("/talk", talk),
            WebSocketRoute("/refuse", refuse),
            Route("/{path:path}", echo, methods=["GET", "POST", "PUT", "DELETE", "HEAD"]),
        ]
    )
    port = 0 if OPTIONS["mute"] else int(os.environ["PORT"])
    uvicorn.run(app, port=port, ws="websockets-sansio", log_level="warning", ws_per_message_deflate=False)
