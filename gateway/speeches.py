"""`/v1/speech`: a speech with an address, whose MP3 a plain `<audio>` plays while it grows."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Literal

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway import messages
from gateway.context import Context
from gateway.errors import BadRequest, EndpointFailed, Exhausted, GatewayError, MissingResource
from gateway.gateway import Gateway
from gateway.messages import SpeakOptions
from gateway.ranges import ByteRange, answer
from gateway.speaking import ContextSpeech
from gateway.web import Streamed, admitted, body_of, gateway_of

__all__ = ["GrowingSpeeches", "create", "describe", "listen", "remove"]

BLOCK = 65_536  # bytes sent at once
WAIT_S = 30.0  # for a byte that somebody asks for before it is made


class SpeechOptions(SpeakOptions):
    """What to speak under an address of its own."""

    text: str
    format: Literal["mp3"] = "mp3"


class GrowingSpeech:
    """One speech as it grows; listeners come and go."""

    def __init__(self, speaking: ContextSpeech) -> None:
        self.id = secrets.token_urlsafe(16)  # who knows the address may listen
        self.context = speaking.context
        self.audio = bytearray()
        self.error: GatewayError | None = None
        self.ended_at: float | None = None
        self._speaking = speaking
        self._grew = asyncio.Event()
        self._making = asyncio.create_task(self._make())

    @property
    def whole(self) -> bool:
        """Whether nothing more will come."""
        return self.ended_at is not None

    async def grown(self) -> None:
        """Wait for more bytes, or for the end."""
        await self._grew.wait()

    def stop(self) -> None:
        """Make no more of it."""
        self._making.cancel()
        self._speaking.stop()
        self._end(EndpointFailed("the speech was given up"))

    async def _make(self) -> None:
        try:
            async with aclosing(self._speaking.pieces()) as pieces:
                async for piece in pieces:
                    self.audio += piece.audio
                    self._wake()
            self._end(None)
        except GatewayError as error:
            self._speaking.stop()
            self._end(error)

    def _end(self, error: GatewayError | None) -> None:
        if self.ended_at is None:
            self.error = error
            self.ended_at = time.monotonic()
            self._wake()

    def _wake(self) -> None:
        self._grew.set()
        self._grew = asyncio.Event()


class GrowingSpeeches:
    """The recordings that can be listened to, within a bound of memory."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._kept: dict[str, GrowingSpeech] = {}

    def add(self, context: Context) -> GrowingSpeech:
        """Begin to record a context.

        Raises:
            Exhausted: The recordings that are still made fill what memory there is for them.
        """
        self._sweep()
        recording = GrowingSpeech(self._gateway.speaking(context))
        self._kept[recording.id] = recording
        return recording

    def get(self, name: str) -> GrowingSpeech:
        """Return a recording.

        Raises:
            NotFound: There is none of the name, or no longer.
        """
        self._sweep()
        if name not in self._kept:
            raise MissingResource("there is no such speech, or it is no longer kept")
        return self._kept[name]

    def remove(self, name: str) -> None:
        """Give a recording up; raises as `get`."""
        self.get(name).stop()
        del self._kept[name]

    def close(self) -> None:
        """Give all of them up."""
        for recording in self._kept.values():
            recording.stop()
        self._kept.clear()

    def _sweep(self) -> None:
        """Drop what is old, and the oldest that are whole while there is too much."""
        settings, now = self._gateway.settings, time.monotonic()
        whole = [r for r in self._kept.values() if r.ended_at is not None]
        size = sum(len(r.audio) for r in self._kept.values())
        for recording in sorted(whole, key=lambda r: r.ended_at or 0.0):
            if now - (recording.ended_at or now) > settings.speech_keep_s or size > settings.speech_bytes:
                size -= len(recording.audio)
                del self._kept[recording.id]
        if size > settings.speech_bytes:
            raise Exhausted("the gateway keeps as much speech as it may", 10.0)


def speeches_of(request: Request) -> GrowingSpeeches:
    """Return the application's recordings."""
    speeches = request.app.state.speeches
    assert isinstance(speeches, GrowingSpeeches)  # noqa: S101 - ours to break, nobody else's
    return speeches


async def create(request: Request) -> Response:
    """Begin a speech; answer with its address at once."""
    gateway, usage = admitted(request)
    try:
        options = SpeechOptions.model_validate(await body_of(request))
    except ValidationError as problem:
        raise messages.explained(problem) from None
    context = Context(gateway.fields(options), options.form, gateway.settings.max_characters)
    context.check(options.text)
    gateway.count_request(usage, "recording")
    gateway.count_characters(usage, len(options.text))
    context.speak(options.text)
    if not context.active:
        raise BadRequest("text has nothing to speak: expected at least one letter or digit")
    recording = speeches_of(request).add(context)
    return JSONResponse({"id": recording.id, "url": f"/v1/speech/{recording.id}.mp3"}, 201)


async def describe(request: Request) -> Response:
    """Answer with how far a speech has come, and its captions up to there."""
    recording = speeches_of(request).get(request.path_params["name"])
    context = recording.context
    content = {
        "id": recording.id,
        "state": context.state,
        "bytes": len(recording.audio),
        "duration_ms": context.timeline.duration_ms,
        "captions": [caption.as_json() for caption in context.timeline.captions],
    }
    if recording.error is not None:
        content["error"] = recording.error.as_json()
    return JSONResponse(content)


async def remove(request: Request) -> Response:
    """Give a speech up; its jobs are cancelled."""
    admitted(request)
    speeches_of(request).remove(request.path_params["name"])
    return Response(status_code=204)


async def listen(request: Request) -> Response:
    """Answer with the bytes that were asked for, waiting for those that are not made yet."""
    recording = speeches_of(request).get(request.path_params["name"])
    try:
        async with asyncio.timeout(WAIT_S):
            wanted = await when_made(recording, request.headers.get("range"))
    except TimeoutError:
        raise EndpointFailed("the speech has not come so far yet", "not_made_yet") from None
    notes = {"Accept-Ranges": "bytes"}
    if wanted.content_range:
        notes["Content-Range"] = wanted.content_range
    if wanted.end is not None:
        notes["Content-Length"] = str(wanted.end - wanted.start)
    if request.method == "HEAD":
        return Response(status_code=wanted.status, headers=notes, media_type="audio/mpeg")
    gateway_of(request).metrics.count("requests", "listener")
    response = Streamed(blocks(recording, wanted), lambda: None, "audio/mpeg", notes)
    response.status_code = wanted.status
    return response


async def when_made(recording: GrowingSpeech, header: str | None) -> ByteRange:
    """Return what to send, once the first byte of it is there.

    Raises:
        GatewayError: The speech failed before that, or ends before it.
    """
    while True:
        made = len(recording.audio)
        if recording.error is not None and not made:
            raise recording.error
        found = answer(header, made, whole=recording.whole) if made or recording.whole else None
        if found is not None:
            return found
        await recording.grown()


async def blocks(recording: GrowingSpeech, wanted: ByteRange) -> AsyncIterator[bytes]:
    """Yield the bytes wanted, as they are made.

    Raises:
        GatewayError: The speech failed in the middle.
    """
    at = wanted.start
    while wanted.end is None or at < wanted.end:
        end = min(at + BLOCK, len(recording.audio) if wanted.end is None else wanted.end)
        if at < end:
            yield bytes(recording.audio[at:end])
            at = end
        elif recording.error is not None:
            raise recording.error
        elif recording.whole:
            return
        else:
            await recording.grown()
