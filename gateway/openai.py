"""OpenAI's speech API, for programs that already speak it: `POST /v1/audio/speech` and its lists.

Fields and events: the OpenAPI description of OpenAI's API, `CreateSpeechRequest` and
`CreateSpeechResponseStreamEvent`.
"""

import base64
import json
import struct
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway import messages
from gateway.context import Context
from gateway.endpoint import Speech
from gateway.errors import BadRequest
from gateway.gateway import Gateway
from gateway.http import Streamed, authorized, body_of
from gateway.messages import CommonFields, StrictMessage
from gateway.timeline import AudioFormat, PlacedChunk

__all__ = ["OPENAI_VOICES", "models", "speech", "voices"]

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin"}
    | {"cedar"}
)
FORMATS = ("mp3", "pcm", "wav")
MIMETYPES = {"mp3": "audio/mpeg", "pcm": "audio/pcm", "wav": "audio/wav"}
MODEL = "chatterpod"
SAMPLE_RATE = 24_000
UNKNOWN_SIZE = 0xFFFFFFFF  # in a WAV header: the length is not known yet


class VoiceId(StrictMessage):
    """A voice as OpenAI names custom ones."""

    id: Annotated[str, Field(max_length=64)]


class SpeechBody(CommonFields):
    """OpenAI's request, with the worker's fields as well."""

    input: str
    model: str = MODEL
    voice: Annotated[str, Field(max_length=64)] | VoiceId = "default"
    response_format: str = "mp3"
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = None

    @property
    def voice_name(self) -> str:
        """The voice's name, from either form of `voice`."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice


async def speech(request: Request) -> Response:
    """Answer with audio, sent while it is made."""
    gateway, usage = authorized(request)
    body = parsed(await body_of(request))
    voice, extra_headers = voice_of(body.voice_name, gateway)
    if body.instructions:
        extra_headers["X-Gateway-Ignored"] = "instructions"
    audio_format = AudioFormat("mp3" if body.response_format == "mp3" else "pcm", body.bit_rate)
    options = body.worker_fields() | ({"voice": voice} if voice != "default" else {})
    context = Context(options, audio_format, gateway.settings.max_characters)
    context.check(body.input)
    gateway.count_request(usage, "speech")
    gateway.count_characters(usage, len(body.input))
    context.speak(body.input)
    return await answer_with(gateway.speech(context), body, extra_headers)


async def answer_with(speech: Speech, body: SpeechBody, extra_headers: dict[str, str]) -> Response:
    """Wait for the first audio, so that an error before it has its own status; then stream."""
    chunks = speech.chunks()
    try:
        first = await anext(chunks, None)
    except BaseException:
        speech.stop()
        raise
    if first is None:
        raise BadRequest("input has nothing to speak: expected at least one letter or digit")
    all_chunks = with_first(first, chunks, speech)
    if body.stream_format == "sse":
        return Streamed(events(all_chunks, speech.context), speech.stop, "text/event-stream", extra_headers)
    content = wav(all_chunks) if body.response_format == "wav" else audio(all_chunks)
    return Streamed(content, speech.stop, MIMETYPES[body.response_format], extra_headers)


async def with_first(
    first: PlacedChunk, chunks: AsyncGenerator[PlacedChunk, None], speech: Speech
) -> AsyncGenerator[PlacedChunk, None]:
    """Yield the first chunk and the others; whatever ends it, stop the speech."""
    try:
        yield first
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
    finally:
        speech.stop()


async def audio(chunks: AsyncGenerator[PlacedChunk, None]) -> AsyncIterator[bytes]:
    """Yield the chunks' audio."""
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk.audio


async def wav(chunks: AsyncGenerator[PlacedChunk, None]) -> AsyncIterator[bytes]:
    """Yield the audio as a WAV file; its header has the largest length, since it is not known yet."""
    yield wav_header()
    async for content in audio(chunks):
        yield content


def wav_header() -> bytes:
    """Return the header of a WAV file: 16-bit mono samples at 24 kHz, sizes unknown."""
    fmt = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    sizes = struct.pack("<I", UNKNOWN_SIZE)
    return b"RIFF" + sizes + b"WAVEfmt " + fmt + b"data" + sizes


async def events(chunks: AsyncGenerator[PlacedChunk, None], context: Context) -> AsyncIterator[bytes]:
    """Yield OpenAI's server-sent events; in `usage` a token is four characters or 40 ms of audio."""
    async for content in audio(chunks):
        yield event({"type": "speech.audio.delta", "audio": base64.b64encode(content).decode()})
    tokens = -(-len(context.text) // 4), context.timeline.duration_ms // 40
    usage = {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
    yield event({"type": "speech.audio.done", "usage": usage})


def event(content: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    return f"data: {json.dumps(content)}\n\n".encode()


def parsed(content: Any) -> SpeechBody:
    """Return the request.

    Raises:
        BadRequest: One of its fields is wrong.
    """
    try:
        body = SpeechBody.model_validate(content)
    except ValidationError as problem:
        raise messages.explained(problem) from None
    if body.response_format not in FORMATS:
        shown = body.response_format[:20].encode("ascii", "replace").decode()
        allowed = ", ".join(FORMATS)
        raise BadRequest(f"response_format is {shown!r}, expected one of {allowed}", "unsupported_format")
    return body


def voice_of(name: str, gateway: Gateway) -> tuple[str, dict[str, str]]:
    """Return the worker's voice, and headers that name it if it is another than was requested.

    Raises:
        BadRequest: The name cannot be a voice's. Whether the voice exists, the worker checks.
    """
    if name in gateway.settings.voices:
        voice = gateway.settings.voices[name]
        return voice, {"X-Gateway-Voice": voice}
    if name in OPENAI_VOICES:
        return "default", {"X-Gateway-Voice": "default", "X-Gateway-Substituted": "voice"}
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise BadRequest(
            "voice has other characters than expected: ASCII letters, digits, '_' and '-'", "unknown_voice"
        )
    return name, {}


async def models(request: Request) -> Response:
    """Answer with the only model; requests may name any other."""
    authorized(request)
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "chatterpod"}
    return JSONResponse({"object": "list", "data": [model]})


async def voices(request: Request) -> Response:
    """Answer with the worker's voices, and with the names that GATEWAY_VOICES adds."""
    gateway, _ = authorized(request)
    names = await gateway.voices()
    own = [{"id": name, "name": name} for name in names]
    aliases = [
        {"id": name, "name": voice} for name, voice in gateway.settings.voices.items() if voice in names
    ]
    return JSONResponse({"object": "list", "voices": own + aliases, "data": own + aliases})
