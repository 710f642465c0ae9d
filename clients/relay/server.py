"""How uvicorn serves the relay: the same for the command and for tests."""

from typing import Any

import uvicorn
from starlette.applications import Starlette

from clients.relay.settings import Settings

__all__ = ["configured"]

FRAME_LIMIT = 2  # times what a message may have: so much is read, to be refused with a code
PING_S = 20.0  # a peer that does not answer a ping for so long is gone


def configured(app: Starlette, settings: Settings, **options: Any) -> uvicorn.Config:
    """Return uvicorn's configuration; its log holds no addresses, since these may hold ids."""
    return uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        access_log=False,
        log_level="warning",
        ws_max_size=settings.max_message_bytes * FRAME_LIMIT,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,  # audio does not get smaller
        timeout_graceful_shutdown=5,
        server_header=False,
        **options,
    )
