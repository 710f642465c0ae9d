"""The endpoint that is a direct worker elsewhere, whose key is kept here; it may first have to start."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from gateway.context import Context
from gateway.direct_speech import AFFINITY, DirectSpeech, problem_of
from gateway.errors import EndpointFailed, MissingResource
from gateway.metrics import Metrics

__all__ = ["DirectEndpoint", "RemoteWorker"]

RETRY_S = 0.25  # between tries to reach a worker that starts; up to eight times as long later
ANSWER_S = 60.0  # for what is asked by HTTP
REFUSED = {401: "the worker does not accept the gateway's own key", 403: "the worker refuses the gateway"}
STARTING = frozenset({400, 404, 425, 429, 500, 502, 503, 504, 524})  # of a balancer that has no worker yet

log = logging.getLogger("gateway")


class RemoteWorker:
    """A direct worker, or the load balancer before such workers.

    Args:
        url: Its address, `https://…`.
        key: Its key or token.
        cold_seconds: How long to wait for a worker that starts.
    """

    def __init__(self, url: str, key: str, cold_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._cold_s = cold_seconds
        self._http = httpx.AsyncClient(base_url=self._url, headers=self._headers, timeout=ANSWER_S)

    async def connect(self, affinity: str | None) -> ClientConnection:
        """Return a connection that is ready; `affinity`: the worker that it should lead to.

        Raises:
            GatewayError: There is none within `cold_seconds`, or the key is refused.
        """
        headers = self._headers | ({AFFINITY: affinity} if affinity else {})
        address = self._url.replace("http", "ws", 1) + "/v1/stream"
        ends, pause = time.monotonic() + self._cold_s, RETRY_S
        while True:
            try:
                socket = await connect(
                    address, additional_headers=headers, max_size=None, compression=None, open_timeout=None
                )
            except InvalidHandshake as error:
                check_status(getattr(getattr(error, "response", None), "status_code", 502))
            except OSError:
                pass
            else:
                with suppress(ConnectionClosed, ValueError):
                    if json.loads(await socket.recv())["type"] == "ready":
                        return socket
                await socket.close()
            if time.monotonic() + pause > ends:
                raise EndpointFailed(f"no worker was ready within {self._cold_s:g} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, 8 * RETRY_S)

    async def ask(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        """Return the JSON of an HTTP answer.

        Raises:
            GatewayError: The worker refuses it, or does not answer.
        """
        ends, pause = time.monotonic() + self._cold_s, RETRY_S
        while True:
            try:
                answer = await self._http.request(method, path, **options)
            except httpx.TransportError:
                status = 502
            else:
                status = answer.status_code
                error = error_in(answer)
                if answer.is_success or error:
                    break
            check_status(status)
            if time.monotonic() + pause > ends:
                raise EndpointFailed("the worker did not answer")
            await asyncio.sleep(pause)
            pause = min(2 * pause, 8 * RETRY_S)
        if error:
            check_status(401 if status == 401 else 502)
            raise (
                MissingResource(error["message"])
                if status == 404
                else problem_of(str(error["code"]), str(error["message"]), None)
            )
        return answer.json() if answer.content else {}

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class DirectEndpoint:
    """An `Endpoint`, as `gateway.endpoint` describes it, before a direct worker."""

    def __init__(self, worker: RemoteWorker, metrics: Metrics) -> None:
        self._worker = worker
        self._metrics = metrics

    def speech(self, context: Context) -> DirectSpeech:
        """Return the speech of a context, which the caller has to stop."""
        return DirectSpeech(context, self._worker, self._metrics)

    async def warm(self) -> None:
        """Wait until a worker is ready."""
        await self._worker.ask("GET", "/v1/models")

    async def voices(self) -> list[str]:
        """Return the names of the worker's voices."""
        found = await self._worker.ask("GET", "/v1/audio/voices")
        return [str(voice["name"]) for voice in found["data"] if voice["id"] == voice["name"]]

    async def add_voice(self, name: str, clip: bytes) -> Mapping[str, Any]:
        """Learn a voice from the file of a recording; return its `name`, `seconds` and `replaced`."""
        return await self._worker.ask(
            "POST", "/v1/audio/voices", data={"name": name}, files={"audio_sample": clip}
        )

    async def remove_voice(self, name: str) -> None:
        """Remove a voice that was added."""
        await self._worker.ask("DELETE", f"/v1/audio/voices/{name}")

    def figures(self) -> Mapping[str, float]:
        """Return nothing: the worker is elsewhere."""
        return {}

    async def close(self) -> None:
        """Close the connections."""
        await self._worker.close()


def error_in(answer: httpx.Response) -> Mapping[str, Any] | None:
    """Return the error that a worker of ours answered with; None for anybody else's."""
    try:
        error = answer.json()["error"]
        return error if {"code", "message"} <= error.keys() else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def check_status(status: int) -> None:
    """Raise EndpointFailed for a status that no waiting changes."""
    if status in REFUSED or status not in STARTING:
        message = REFUSED.get(status, "the worker's address does not answer as one")
        log.warning("%s", message)
        raise EndpointFailed(message)
