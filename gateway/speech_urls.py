"""`/v1/speech`: a speech with its own URL, whose MP3 an `<audio>` element plays while it grows."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.context import Context
from gateway.endpoint import ContextSpeech
from gateway.errors import BadRequest, EndpointFailed, Exhausted, GatewayError, MissingResource
from gateway.gateway import Gateway
from gateway.http_common import Streamed, authorized, body_of, gateway_of
from gateway.limits import TokenUsage
from gateway.messages import SpeakOptions
from gateway.ranges import ByteRange, answer
from gateway.wording import explained

__all__ = ["GrowingSpeeches", "create", "describe", "listen", "remove"]

SEND_BYTES = 65_536  # bytes sent at once
LEAST_S = 30.0  # a complete speech is kept, whoever needs its memory
SLOWEST_CPS = 8.0  # characters a second
WAIT_S = 30.0  # for a byte that is requested before it is made


class SpeechOptions(SpeakOptions):
    """The body of `POST /v1/speech`."""

    text: str
    format: Literal["mp3"] = "mp3"


class GrowingSpeech:
    """One speech and its MP3 so far, for any number of listeners."""

    def __init__(self, speech: ContextSpeech, owner: TokenUsage, due: int) -> None:
        self.owner = owner
        self.id = secrets.token_urlsafe(16)  # unguessable: the URL needs no token
        self.context = speech.context
        self.audio = bytearray()
        self.error: GatewayError | None = None
        self.ended_at: float | None = None
        self._due = due
        self._speech = speech
        self._changed = asyncio.Event()
        self._making = asyncio.create_task(self._make())

    @property
    def complete(self) -> bool:
        """Whether nothing more will come."""
        return self.ended_at is not None

    @property
    def size(self) -> int:
        """The bytes that it has, or will have."""
        return len(self.audio) if self.complete else max(len(self.audio), self._due)

    @property
    def warnings(self) -> Sequence[str]:
        """What the worker has warned of so far."""
        return self._speech.warnings

    async def wait_for_change(self) -> None:
        """Wait for more bytes, or for the end."""
        await self._changed.wait()

    def stop(self) -> None:
        """Stop the speech and cancel its jobs."""
        self._making.cancel()
        self._speech.stop()
        self._end(EndpointFailed("the speech was removed"))

    async def _make(self) -> None:
        try:
            async with aclosing(self._speech.chunks()) as chunks:
                async for chunk in chunks:
                    self.audio += chunk.audio
                    self._wake()
            self._end(None)
        except GatewayError as error:
            self._speech.stop()
            self._end(error)

    def _end(self, error: GatewayError | None) -> None:
        if self.ended_at is None:
            self.error = error
            self.ended_at = time.monotonic()
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class GrowingSpeeches:
    """All speeches that are kept, within `speech_bytes` of memory."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._speeches: dict[str, GrowingSpeech] = {}

    @property
    def making(self) -> int:
        """How many are still being made."""
        return sum(not speech.complete for speech in self._speeches.values())

    def add(self, context: Context, owner: TokenUsage) -> GrowingSpeech:
        """Begin the speech of a context, for a token.

        Raises:
            Exhausted: Speeches fill the memory with what they have or may become, or those of this token
                fill half of it.
        """
        self._sweep()
        due, settings = expected_bytes(context), self._gateway.settings
        share = settings.speech_bytes // 2 if settings.tokens else settings.speech_bytes
        self._make_room(share - due, [each for each in self._speeches.values() if each.owner is owner])
        self._make_room(settings.speech_bytes - due, list(self._speeches.values()))
        speech = GrowingSpeech(self._gateway.speech(context), owner, due)
        self._speeches[speech.id] = speech
        return speech

    def get(self, name: str) -> GrowingSpeech:
        """Return a speech.

        Raises:
            MissingResource: It does not exist, or no longer.
        """
        self._sweep()
        if name not in self._speeches:
            raise MissingResource("there is no such speech, or it is no longer kept")
        return self._speeches[name]

    def remove(self, name: str) -> None:
        """Stop and remove a speech; raises as `get`."""
        self.get(name).stop()
        del self._speeches[name]

    def close(self) -> None:
        """Stop and remove all speeches."""
        for speech in self._speeches.values():
            speech.stop()
        self._speeches.clear()

    def _sweep(self) -> None:
        """Remove speeches that were kept for long enough."""
        for speech in self._complete_for(self._gateway.settings.speech_keep_s):
            del self._speeches[speech.id]

    def _make_room(self, most: int, speeches: list[GrowingSpeech]) -> None:
        """Remove the oldest complete ones of these until they have at most `most` bytes.

        Raises:
            Exhausted: Those left, being made or complete for less than `LEAST_S`, have more.
        """
        size = sum(speech.size for speech in speeches)
        for speech in self._complete_for(LEAST_S):
            if size > most and speech in speeches:
                size -= speech.size
                del self._speeches[speech.id]
        if size > most:
            raise Exhausted("the gateway keeps the most speech that it may", 10.0)

    def _complete_for(self, seconds: float) -> list[GrowingSpeech]:
        """Return the speeches that ended so long ago or longer, the oldest first."""
        ended_by = time.monotonic() - seconds
        found = [(speech.ended_at, speech.id) for speech in self._speeches.values() if speech.ended_at]
        return [self._speeches[name] for at, name in sorted(found) if at <= ended_by]


def expected_bytes(context: Context) -> int:
    """Return what a speech may become: nobody speaks slower than eight characters a second."""
    seconds = len(context.text) / SLOWEST_CPS / float(context.options.get("speed", 1.0))
    return int(seconds * context.audio_format.bit_rate * 125)


def speeches_of(request: Request) -> GrowingSpeeches:
    """Return the application's speeches."""
    speeches = request.app.state.speeches
    assert isinstance(speeches, GrowingSpeeches)  # noqa: S101 - for the type checker
    return speeches


async def create(request: Request) -> Response:
    """Begin a speech; answer with its URL at once."""
    gateway, usage = authorized(request)
    gateway.door.check()
    try:
        options = SpeechOptions.model_validate(await body_of(request))
    except ValidationError as problem:
        raise explained(problem) from None
    context = Context(
        gateway.fields(options, options.voice, options.text),
        options.audio_format,
        gateway.settings.max_characters,
    )
    context.check(options.text)
    gateway.count_request(usage, "growing")
    gateway.count_characters(usage, len(options.text))
    context.speak(options.text)
    if not context.has_speech:
        raise BadRequest("text has nothing to speak: expected at least one letter or digit")
    speech = speeches_of(request).add(context, usage)
    return JSONResponse({"id": speech.id, "url": f"/v1/speech/{speech.id}.mp3"}, 201)


async def describe(request: Request) -> Response:
    """Answer with a speech's state, its size and its captions so far."""
    speech = speeches_of(request).get(request.path_params["name"])
    context = speech.context
    content = {
        "id": speech.id,
        "state": context.state,
        "bytes": len(speech.audio),
        "duration_ms": context.timeline.duration_ms,
        "captions": [caption.as_json() for caption in context.timeline.captions],
    }
    if speech.warnings:
        content["warnings"] = speech.warnings
    if speech.error is not None:
        content["error"] = speech.error.as_json()
    return JSONResponse(content)


async def remove(request: Request) -> Response:
    """Remove a speech; its jobs are cancelled."""
    authorized(request)
    speeches_of(request).remove(request.path_params["name"])
    return Response(status_code=204)


async def listen(request: Request) -> Response:
    """Answer with the requested bytes; wait for those that are not made yet."""
    gateway_of(request).door.check()
    speech = speeches_of(request).get(request.path_params["name"])
    try:
        async with asyncio.timeout(WAIT_S):
            wanted = await range_when_made(speech, request.headers.get("range"))
    except TimeoutError:
        raise EndpointFailed("the speech has not come so far yet", "not_made_yet") from None
    extra_headers = {"Accept-Ranges": "bytes"}
    if wanted.content_range:
        extra_headers["Content-Range"] = wanted.content_range
    if wanted.end is not None:
        extra_headers["Content-Length"] = str(wanted.end - wanted.start)
    if request.method == "HEAD":
        return Response(status_code=wanted.status, headers=extra_headers, media_type="audio/mpeg")
    gateway_of(request).metrics.count("requests", "listener")
    response = Streamed(audio_range(speech, wanted), lambda: None, "audio/mpeg", extra_headers)
    response.status_code = wanted.status
    return response


async def range_when_made(speech: GrowingSpeech, header: str | None) -> ByteRange:
    """Return the range to send, once its first byte is made.

    Raises:
        GatewayError: The speech failed or ended before that byte.
    """
    while True:
        made = len(speech.audio)
        if speech.error is not None and not made:
            raise speech.error
        found = answer(header, made, whole=speech.complete) if made or speech.complete else None
        if found is not None:
            return found
        await speech.wait_for_change()


async def audio_range(speech: GrowingSpeech, wanted: ByteRange) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a range as they are made.

    Raises:
        GatewayError: The speech failed before the range's end.
    """
    at = wanted.start
    while wanted.end is None or at < wanted.end:
        end = min(at + SEND_BYTES, len(speech.audio) if wanted.end is None else wanted.end)
        if at < end:
            yield bytes(speech.audio[at:end])
            at = end
        elif speech.error is not None:
            raise speech.error
        elif speech.complete:
            return
        else:
            await speech.wait_for_change()
