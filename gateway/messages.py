"""The messages of `WS /v1/stream`: a client's as typed values, the gateway's as JSON. No I/O."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.errors import BadMessage, GatewayError, TooLarge
from gateway.timeline import AudioFormat, PlacedChunk, PlayedText
from gateway.wording import explained

__all__ = [
    "Auth",
    "Cancel",
    "Close",
    "CommonFields",
    "Flush",
    "Message",
    "Ping",
    "Speak",
    "SpeakOptions",
    "Start",
    "Text",
    "audio",
    "cancelled",
    "error",
    "headers",
    "parse",
]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
BitRate = Literal[32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]


class StrictMessage(BaseModel):
    """No conversions, no unknown fields, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class CommonFields(StrictMessage):
    """The worker's fields that all of the gateway's requests take, as in docs/reference/api.md."""

    language: Annotated[str, Field(max_length=16)] | None = None  # None: the voice's, or the gateway's
    bit_rate: BitRate = 64
    speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    cache: Literal["use", "refresh", "off"] = "use"
    normalize_numbers: bool = True
    pronounce: Annotated[dict[str, str], Field(max_length=200)] | None = None
    read: Annotated[list[Literal["code", "reasoning"]], Field(max_length=2)] = []
    markup: Literal["auto", "none"] = "auto"
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    exaggeration: float | None = None
    cfg_weight: float | None = None

    def worker_fields(self) -> dict[str, Any]:
        """Return the fields that were given; not the bit rate, which belongs to `audio_format`."""
        return self.model_dump(
            include=set(CommonFields.model_fields) - {"bit_rate"}, exclude_none=True, exclude_defaults=True
        )


class SpeakOptions(CommonFields):
    """How to speak; fields left out have the worker's defaults."""

    voice: Name = "default"
    format: Literal["mp3", "pcm"] = "mp3"

    @property
    def audio_format(self) -> AudioFormat:
        """How the audio is coded."""
        return AudioFormat(self.format, self.bit_rate)


class ContextMessage(StrictMessage):
    """A message about one of the connection's contexts."""

    context_id: Name = "main"


class Auth(StrictMessage):
    """The token, from a page, which cannot set a header."""

    type: Literal["auth"]
    token: Annotated[str, Field(max_length=512)]


class Start(SpeakOptions):
    """Begin a context, with options."""

    type: Literal["start"]
    context_id: Name = "main"


class Speak(SpeakOptions):
    """Begin a context with its whole text, and close it."""

    type: Literal["speak"]
    text: str
    context_id: Name = "main"


class Text(ContextMessage):
    """More text, cut anywhere; begins the context if it does not exist."""

    type: Literal["text"]
    text: str


class Flush(ContextMessage):
    """Speak all text so far, also an incomplete sentence."""

    type: Literal["flush"]


class Close(ContextMessage):
    """No more text will come."""

    type: Literal["close"]


class Cancel(ContextMessage):
    """Stop now; the listener has played `played_ms` of the context's audio."""

    type: Literal["cancel"]
    played_ms: Annotated[float, Field(ge=0, le=1e9)]


class Ping(StrictMessage):
    """A request for `pong`."""

    type: Literal["ping"]


Message = Auth | Start | Speak | Text | Flush | Close | Cancel | Ping
MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(data: str | bytes, limit: int) -> Message:
    """Return the message in a client's frame.

    Raises:
        TooLarge: It has more than `limit` bytes.
        BadMessage: It is binary, not a JSON object, or of an unknown type.
        BadRequest: One of its fields is wrong.
    """
    if isinstance(data, bytes):
        raise BadMessage("the message is binary, expected a JSON object as text")
    size = len(data.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise TooLarge(f"the message has {size} bytes, expected at most {limit}")
    try:
        content = json.loads(data, parse_constant=refused_constant)
    except (ValueError, RecursionError):
        raise BadMessage("the message is not valid JSON") from None
    if not isinstance(content, dict):
        raise BadMessage("the message is not a JSON object")
    try:
        return MESSAGES.validate_python(content)
    except ValidationError as problem:
        raise explained(problem) from None


def refused_constant(name: str) -> float:
    """Raise ValueError for NaN and the infinities, which are not JSON."""
    raise ValueError(name)


def audio(context_id: str, chunk: PlacedChunk) -> dict[str, Any]:
    """Return the message before a binary frame: its context, times, size and captions."""
    return {
        "type": "audio",
        "context_id": context_id,
        "start_ms": chunk.start_ms,
        "end_ms": chunk.end_ms,
        "bytes": len(chunk.audio),
        "captions": [caption.as_json() for caption in chunk.captions],
    }


def cancelled(context_id: str, played: PlayedText) -> dict[str, Any]:
    """Return the answer to `cancel`."""
    content = {"char_end": played.char_end, "text": played.text}
    return {"type": "cancelled", "context_id": context_id, "heard": content}


def error(problem: GatewayError, context_id: str | None = None) -> dict[str, Any]:
    """Return an error as a message."""
    about = {} if context_id is None else {"context_id": context_id}
    retry = getattr(problem, "retry_after", None)
    wait = {} if retry is None else {"retry_after_s": math.ceil(retry)}
    return {"type": "error", **about, **problem.as_json(), **wait}


def headers(problem: GatewayError) -> Mapping[str, str]:
    """Return the headers of an error's HTTP answer."""
    retry = getattr(problem, "retry_after", None)
    total = getattr(problem, "total", None)
    extra = {} if retry is None else {"Retry-After": str(math.ceil(retry))}
    extra |= {} if total is None else {"Content-Range": f"bytes */{total}"}
    return extra | ({"WWW-Authenticate": "Bearer"} if problem.status == 401 else {})
