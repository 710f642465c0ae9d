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
from gateway.errors import BadRequest
from gateway.gateway import Gateway
from gateway.messages import Manner, StrictMessage
from gateway.speaking import ContextSpeech
from gateway.timeline import AudioForm, AudioPiece
from gateway.web import Streamed, admitted, body_of

__all__ = ["OPENAI_VOICES", "models", "speech", "voices"]

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin"}
    | {"cedar"}
)
FORMATS = ("mp3", "pcm", "wav")
MIMETYPES = {"mp3": "audio/mpeg", "pcm": "audio/pcm", "wav": "audio/wav"}
MODEL = "chatterpod"
SAMPLE_RATE = 24_000
UNKNOWN_SIZE = 0xFFFFFFFF  # of a WAV that is still being made


class VoiceId(StrictMessage):
    """A voice as OpenAI names custom ones."""

    id: Annotated[str, Field(max_length=64)]


class SpeechBody(Manner):
    """OpenAI's request, and the worker's fields beside it."""

    input: str
    model: str = MODEL
    voice: Annotated[str, Field(max_length=64)] | VoiceId = "default"
    response_format: str = "mp3"
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = None

    @property
    def voice_name(self) -> str:
        """The voice, however it was named."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice


async def speech(request: Request) -> Response:
    """Answer with the audio as it is made."""
    gateway, usage = admitted(request)
    body = parsed(await body_of(request))
    voice, notes = voice_of(body.voice_name, gateway)
    if body.instructions:
        notes["X-Gateway-Ignored"] = "instructions"
    form = AudioForm("mp3" if body.response_format == "mp3" else "pcm", body.bit_rate)
    given = body.manner() | ({"voice": voice} if voice != "default" else {})
    context = Context(given, form, gateway.settings.max_characters)
    context.check(body.input)
    gateway.count_request(usage, "speech")
    gateway.count_characters(usage, len(body.input))
    context.speak(body.input)
    return await answered(gateway.speaking(context), body, notes)


async def answered(speaking: ContextSpeech, body: SpeechBody, notes: dict[str, str]) -> Response:
    """Wait for the first audio, so that what fails before it has a status of its own; then stream."""
    pieces = speaking.pieces()
    try:
        first = await anext(pieces, None)
    except BaseException:
        speaking.stop()
        raise
    if first is None:
        raise BadRequest("input has nothing to speak: expected at least one letter or digit")
    whole = following(first, pieces, speaking)
    if body.stream_format == "sse":
        return Streamed(events(whole, speaking.context), speaking.stop, "text/event-stream", notes)
    content = wav(whole) if body.response_format == "wav" else audio(whole)
    return Streamed(content, speaking.stop, MIMETYPES[body.response_format], notes)


async def following(
    first: AudioPiece, pieces: AsyncGenerator[AudioPiece, None], speaking: ContextSpeech
) -> AsyncGenerator[AudioPiece, None]:
    """Yield the first piece and the others; at the end, however it comes, nothing is left to speak."""
    try:
        yield first
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    finally:
        speaking.stop()


async def audio(pieces: AsyncGenerator[AudioPiece, None]) -> AsyncIterator[bytes]:
    """Yield the audio alone."""
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece.audio


async def wav(pieces: AsyncGenerator[AudioPiece, None]) -> AsyncIterator[bytes]:
    """Yield the audio as a WAV whose header says that its length is not known yet."""
    yield wav_header()
    async for content in audio(pieces):
        yield content


def wav_header() -> bytes:
    """Return the header of a WAV with 16-bit mono samples at 24 kHz, its sizes unknown."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    sizes = struct.pack("<I", UNKNOWN_SIZE)
    return b"RIFF" + sizes + b"WAVEfmt " + form + b"data" + sizes


async def events(pieces: AsyncGenerator[AudioPiece, None], context: Context) -> AsyncIterator[bytes]:
    """Yield OpenAI's server-sent events; a token, for the usage, is four characters or 40 ms of audio."""
    async for content in audio(pieces):
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
    """Return the worker's voice, and the headers that say so where it is another than was asked for.

    Raises:
        BadRequest: It is no name that a voice can have; whether there is such a voice, the worker says.
    """
    if name in gateway.settings.voices:
        voice = gateway.settings.voices[name]
        return voice, {"X-Gateway-Voice": voice}
    if name in OPENAI_VOICES:
        return "default", {"X-Gateway-Voice": "default", "X-Gateway-Substituted": "voice"}
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise BadRequest(
            "voice has letters that no voice has: expected letters, digits, '_' or '-'", "unknown_voice"
        )
    return name, {}


async def models(request: Request) -> Response:
    """Answer with the one model there is; any other name does as well."""
    admitted(request)
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "chatterpod"}
    return JSONResponse({"object": "list", "data": [model]})


async def voices(request: Request) -> Response:
    """Answer with the worker's voices, and the names that this gateway gives them."""
    gateway, _ = admitted(request)
    names = await gateway.voices()
    own = [{"id": name, "name": name} for name in names]
    aliases = [
        {"id": name, "name": voice} for name, voice in gateway.settings.voices.items() if voice in names
    ]
    return JSONResponse({"object": "list", "voices": own + aliases, "data": own + aliases})
