"""OpenAI's speech API, for programs that already speak it: `POST /v1/audio/speech`, and the models."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.context import Context
from gateway.endpoint import ContextSpeech
from gateway.errors import BadRequest, MissingResource
from gateway.gateway import Gateway
from gateway.http_common import Streamed, authorized, body_of, listing
from gateway.limits import TokenUsage
from gateway.openai_answers import audio, events, wav, wav_header
from gateway.openai_body import MODEL, SpeechBody, parsed
from gateway.timeline import AudioFormat, PlacedChunk
from segmenter.scripts import foreign_script

__all__ = ["OPENAI_VOICES", "model", "models", "speech"]

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin"}
    | {"cedar"}
)
MIMETYPES = {"mp3": "audio/mpeg", "pcm": "audio/pcm", "wav": "audio/wav"}
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")


async def speech(request: Request) -> Response:
    """Answer with audio, sent while it is made unless `stream` is false."""
    gateway, usage = authorized(request)
    gateway.door.check()
    asked = parsed(await body_of(request))
    body = asked.body
    voice, voice_headers = voice_of(body.voice, gateway)
    audio_format = AudioFormat("mp3" if body.response_format == "mp3" else "pcm", body.bit_rate)
    options = gateway.fields(body, voice, body.input)
    context = Context(options, audio_format, gateway.settings.max_characters)
    context.speak(body.input)
    if not context.has_speech:
        raise BadRequest("input has nothing to speak: expected at least one letter or digit")
    gateway.count_request(usage, "speech")
    gateway.count_characters(usage, len(body.input))
    warning = foreign_script([body.input], str(options.get("language", "en")).lower().partition("-")[0])
    headers = {**asked.headers, **voice_headers, **warned([warning] if warning else [])}
    usage.connect()
    return await answer_with(gateway, gateway.speech(context), body, headers, usage)


async def answer_with(
    gateway: Gateway, speech: ContextSpeech, body: SpeechBody, headers: dict[str, str], usage: TokenUsage
) -> Response:
    """Wait for the first audio, so that an error before it has its own status; then stream.

    At the end the speech is stopped, and no connection of the token counted any more.
    """

    def end() -> None:
        speech.stop()
        usage.disconnect()

    chunks = speech.chunks()
    try:
        first = await anext(chunks, PlacedChunk(b"", 0, 0, (), last=True))
        content = audio(with_first(first, chunks, speech))
        if body.stream is False and body.stream_format == "audio":
            answer = await whole(content, speech, body.response_format, headers)
            end()
            return answer
    except BaseException:
        end()
        raise
    if body.response_format == "wav":
        content = wav(content)
    if body.stream_format == "sse":
        return Streamed(events(content, speech, gateway.metrics), end, "text/event-stream", headers)
    return Streamed(content, end, MIMETYPES[body.response_format], headers)


async def whole(
    content: AsyncGenerator[bytes, None], speech: ContextSpeech, response_format: str, headers: dict[str, str]
) -> Response:
    """Return the audio with its length, once all of it is made."""
    made = b"".join([part async for part in content])
    if response_format == "wav":
        made = wav_header(len(made)) + made
    headers = {"Cache-Control": "no-store", **headers, **warned(speech.warnings)}
    return Response(made, media_type=MIMETYPES[response_format], headers=headers)


async def with_first(
    first: PlacedChunk, chunks: AsyncGenerator[PlacedChunk, None], speech: ContextSpeech
) -> AsyncGenerator[PlacedChunk, None]:
    """Yield the first chunk and the others; whatever ends it, stop the speech."""
    try:
        yield first
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
    finally:
        speech.stop()


def warned(warnings: Sequence[str]) -> dict[str, str]:
    """Return the header of the worker's warnings."""
    line = "; ".join(warnings).encode("ascii", "replace").decode()
    return {"X-Gateway-Warnings": re.sub(r"[^ -~]", "?", line)} if warnings else {}


def voice_of(name: str, gateway: Gateway) -> tuple[str, dict[str, str]]:
    """Return the voice to ask for, and headers that name it if it is another than was requested.

    Raises:
        BadRequest: The name cannot be a voice's. Whether the voice exists, the worker checks.
    """
    named = gateway.settings.voices
    known = next((key for key in (name, name.lower()) if key in named), None)
    if known is not None:
        return known, {"X-Gateway-Voice": named[known].voice}
    if name.lower() in OPENAI_VOICES:
        return "default", {"X-Gateway-Voice": "default", "X-Gateway-Substituted": "voice"}
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        refusal = BadRequest(
            "voice has other characters than expected: ASCII letters, digits, '_' and '-'", "unknown_voice"
        )
        refusal.field = "voice"
        raise refusal
    return name, {}


async def models(request: Request) -> Response:
    """Answer with the only model; requests may name any other."""
    listing(request)
    only = described(MODEL)
    return JSONResponse({"object": "list", "data": [only], "models": [only]})


async def model(request: Request) -> Response:
    """Answer with a model of any name, as requests may name any."""
    listing(request)
    name = request.path_params["name"]
    if not MODEL_NAME.fullmatch(name):
        raise MissingResource("this is not the name of a model")
    return JSONResponse(described(name))


def described(name: str) -> dict[str, object]:
    """Return a model as OpenAI's API describes it."""
    return {"id": name, "name": name, "object": "model", "created": 0, "owned_by": MODEL}
