"""The audio of a speech in the forms that OpenAI's API answers with: bytes, WAV, events, or a whole file.

Events: the OpenAPI description of OpenAI's API, `CreateSpeechResponseStreamEvent`.
"""

import base64
import json
import struct
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from gateway.endpoint import ContextSpeech
from gateway.errors import GatewayError
from gateway.http_common import openai_error
from gateway.metrics import Metrics
from gateway.timeline import PlacedChunk

__all__ = ["audio", "events", "wav", "wav_header"]

SAMPLE_RATE = 24_000
UNKNOWN_SIZE = 0xFFFFFFFF  # in a WAV header: the length is not known yet
HEADER_BYTES = 36  # of a WAV file before its samples, without `RIFF` and its size
DELTA_BYTES = 24_000  # of audio in an event: 32,000 in base64; line readers take 64 KB at the least


async def audio(chunks: AsyncGenerator[PlacedChunk, None]) -> AsyncGenerator[bytes, None]:
    """Yield the chunks' audio."""
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk.audio


async def wav(samples: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Yield a WAV file as it is made; its header has the largest length, since it is not known yet."""
    yield wav_header()
    async with aclosing(samples):
        async for content in samples:
            yield content


def wav_header(size: int | None = None) -> bytes:
    """Return the header of a WAV file of 16-bit mono samples at 24 kHz.

    Args:
        size: Bytes of the samples; None if that is not known.
    """
    fmt = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    whole, data = (UNKNOWN_SIZE, UNKNOWN_SIZE) if size is None else (HEADER_BYTES + size, size)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + fmt + b"data" + struct.pack("<I", data)


async def events(
    content: AsyncGenerator[bytes, None], speech: ContextSpeech, metrics: Metrics
) -> AsyncGenerator[bytes, None]:
    """Yield OpenAI's server-sent events, each below 33,000 bytes; a failure is the last event.

    In `usage` a token is four characters or 40 ms of audio. `warnings` are the worker's.
    """
    try:
        async with aclosing(content):
            async for part in content:
                for at in range(0, len(part), DELTA_BYTES):
                    delta = base64.b64encode(part[at : at + DELTA_BYTES]).decode()
                    yield event({"type": "speech.audio.delta", "audio": delta})
    except GatewayError as error:
        metrics.count("errors", error.code)
        yield event({"type": "error", "error": openai_error(error)})
        return
    context = speech.context
    tokens = -(-len(context.text) // 4), context.timeline.duration_ms // 40
    usage = {"input_tokens": tokens[0], "output_tokens": tokens[1], "total_tokens": sum(tokens)}
    warnings = {"warnings": list(speech.warnings)} if speech.warnings else {}
    yield event({"type": "speech.audio.done", "usage": usage, **warnings})


def event(content: dict[str, Any]) -> bytes:
    """Return one server-sent event."""
    return f"data: {json.dumps(content)}\n\n".encode()
