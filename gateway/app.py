"""The application: its routes, middleware and shutdown."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from gateway import openai, speech_urls, voices
from gateway.background import BackgroundTasks
from gateway.endpoint import Endpoint
from gateway.errors import GatewayError, GatewayShutdown
from gateway.gateway import Gateway
from gateway.http_common import authorized, error_answer, gateway_of, internal_error
from gateway.metrics import Metrics
from gateway.open_requests import ClientWatch, OpenRequests
from gateway.settings import GatewaySettings
from gateway.speech_urls import GrowingSpeeches
from gateway.websocket_route import stream

__all__ = ["create_app"]

SETTLE_S = 4.0  # for cancelling jobs at the gateway's end

PAGE = Path(__file__).with_name("page.html")
PLAYER = Path(__file__).resolve().parents[1] / "clients" / "web"
EXPOSED_HEADERS = [
    "Content-Range",
    "Accept-Ranges",
    "Content-Length",
    "Retry-After",
    "X-Gateway-Voice",
    "X-Gateway-Substituted",
    "X-Gateway-Ignored",
    "X-Gateway-Speed",
    "X-Gateway-Warnings",
]


def create_app(
    settings: GatewaySettings,
    endpoint_of: Callable[[Metrics, BackgroundTasks], Endpoint],
    ping: str = "/ping",
) -> Starlette:
    """Return the ASGI application.

    Args:
        settings: The operator's.
        endpoint_of: Returns what it speaks through, given the counters and the tasks that outlive requests.
        ping: The path of the health check.
    """
    gateway = Gateway(settings, endpoint_of)
    requests = OpenRequests(gateway.background.keep)
    app = Starlette(
        routes=[*routes(), Route(ping, pinged)],
        exception_handlers={
            GatewayError: error_answer,
            HTTPException: error_answer,
            Exception: internal_error,
        },
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=["GET", "HEAD", "POST", "DELETE"],
                allow_headers=["*"],  # whatever the page asks for: OpenAI's package sends a dozen of its own
                expose_headers=EXPOSED_HEADERS,
            ),
            Middleware(ClientWatch, requests=requests, shutdown_answer=shutdown_answer),
        ],
        lifespan=lifespan,
    )
    app.state.gateway = gateway
    app.state.requests = requests
    app.state.speeches = GrowingSpeeches(gateway)
    return app


def routes() -> list[BaseRoute]:
    """Return the routes, with the web player if its files are there."""
    player = [Mount("/player", StaticFiles(directory=PLAYER, html=True))] if PLAYER.is_dir() else []
    return [
        WebSocketRoute("/v1/stream", stream),
        Route("/v1/audio/speech", openai.speech, methods=["POST"]),
        Route("/v1/audio/voices", voices.list_all),
        Route("/v1/audio/voices", voices.add, methods=["POST"]),
        Route("/v1/audio/voices/{name}", voices.remove, methods=["DELETE"]),
        Route("/v1/audio/models", openai.models),
        Route("/v1/models", openai.models),
        Route("/v1/models/{name:path}", openai.model),
        Route("/v1/speech", speech_urls.create, methods=["POST"]),
        Route("/v1/speech/{name}.mp3", speech_urls.listen),
        Route("/v1/speech/{name}", speech_urls.describe),
        Route("/v1/speech/{name}", speech_urls.remove, methods=["DELETE"]),
        Route("/", page),
        Route("/healthz", health),
        Route("/metrics", metrics),
        *player,
    ]


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    """At the end, stop all speeches and wait for their jobs to be cancelled."""
    yield
    app.state.speeches.close()
    await app.state.gateway.close(SETTLE_S)


async def shutdown_answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that the gateway's end interrupts."""
    request = Request(scope, receive)
    answer = await error_answer(request, GatewayShutdown("the gateway is shutting down: try again", 1.0))
    await answer(scope, receive, send)


async def page(_request: Request) -> Response:
    """Answer with a page that says what is where."""
    return FileResponse(PAGE)


async def health(_request: Request) -> Response:
    """Answer that the process runs, without a request to RunPod."""
    return JSONResponse({"status": "ok"})


async def pinged(request: Request) -> Response:
    """Answer whether speech is taken now: 200, or 204 while the engine is loaded; any other takes none."""
    return Response(status_code=gateway_of(request).readiness.status)


async def metrics(request: Request) -> Response:
    """Answer with the counters, in Prometheus's text format."""
    authorized(request)
    gateway = gateway_of(request)
    text = gateway.metrics.text(gateway.endpoint.figures())
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
