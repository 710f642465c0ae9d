"""The messages of `WS /v1/stream`: what comes in as typed values, what goes out as JSON. No I/O."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.errors import BadMessage, BadRequest, GatewayError, TooLarge
from gateway.timeline import AudioForm, AudioPiece, Heard

__all__ = [
    "Auth",
    "Cancel",
    "Close",
    "Flush",
    "Manner",
    "Message",
    "Ping",
    "Speak",
    "SpeakOptions",
    "Start",
    "Text",
    "audio",
    "cancelled",
    "error",
    "explained",
    "headers",
    "parse",
]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
BitRate = Literal[32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
NUMBER = "a number"
KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: NUMBER, float: NUMBER}
SHOWN = frozenset({"voice", "language", "format", "response_format", "stream_format", "speed", "bit_rate"})


class StrictMessage(BaseModel):
    """No conversions, no unknown fields, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Manner(StrictMessage):
    """The worker's fields that every way of asking for speech has in common, as in docs/reference/api.md."""

    language: Annotated[str, Field(max_length=16)] = "en"
    bit_rate: BitRate = 64
    speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    cache: Literal["use", "refresh", "off"] = "use"
    normalize_numbers: bool = True
    pronounce: Annotated[dict[str, str], Field(max_length=200)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    exaggeration: float | None = None
    cfg_weight: float | None = None

    def manner(self) -> dict[str, Any]:
        """Return the fields that were given; not the bit rate, which is the form's."""
        return self.model_dump(
            include=set(Manner.model_fields) - {"bit_rate"}, exclude_none=True, exclude_defaults=True
        )


class SpeakOptions(Manner):
    """How to speak; what is left out is the worker's default."""

    voice: Name = "default"
    format: Literal["mp3", "pcm"] = "mp3"

    @property
    def form(self) -> AudioForm:
        """How the audio is coded."""
        return AudioForm(self.format, self.bit_rate)


class InContext(StrictMessage):
    """A message about one context of the connection."""

    context_id: Name = "main"


class Auth(StrictMessage):
    """The token, from a page that can set no header."""

    type: Literal["auth"]
    token: Annotated[str, Field(max_length=512)]


class Start(SpeakOptions):
    """Begin a context with options."""

    type: Literal["start"]
    context_id: Name = "main"


class Speak(SpeakOptions):
    """Begin a context, give it its whole text and close it."""

    type: Literal["speak"]
    text: str
    context_id: Name = "main"


class Text(InContext):
    """More text, cut anywhere; it begins the context if there is none of the name."""

    type: Literal["text"]
    text: str


class Flush(InContext):
    """Speak what has come, whole sentence or not."""

    type: Literal["flush"]


class Close(InContext):
    """No more text."""

    type: Literal["close"]


class Cancel(InContext):
    """Stop now; the listener has played so much of the context's audio."""

    type: Literal["cancel"]
    played_ms: Annotated[float, Field(ge=0, le=1e9)]


class Ping(StrictMessage):
    """Are you there?"""

    type: Literal["ping"]


Message = Auth | Start | Speak | Text | Flush | Close | Cancel | Ping
MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(data: str | bytes, limit: int) -> Message:
    """Return what a frame of the client says.

    Raises:
        TooLarge: It has more than `limit` bytes.
        BadMessage: It is binary, no JSON object, or of no known type.
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
        raise BadMessage("the message is no JSON object")
    try:
        return MESSAGES.validate_python(content)
    except ValidationError as problem:
        raise explained(problem) from None


def refused_constant(name: str) -> float:
    """Refuse NaN and the infinities, which are no JSON."""
    raise ValueError(name)


def explained(problem: ValidationError) -> GatewayError:
    """Return the first of pydantic's errors as one about the field; only harmless values are repeated."""
    first = problem.errors(include_url=False, include_context=True)[0]
    if first["type"] == "union_tag_invalid":
        known = first["ctx"]["expected_tags"]
        return BadMessage(f"the message's type is not known, expected one of {known}")
    if first["type"] == "union_tag_not_found":
        return BadMessage("the message has no type")
    path = [str(part) for part in first["loc"]]
    if len(path) > 1 and path[0] in {"auth", "start", "speak", "text", "flush", "close", "cancel", "ping"}:
        path = path[1:]
    name = "".join(letter if " " <= letter <= "~" else "?" for letter in ".".join(path)[:60]) or "the body"
    came = first["input"]
    harmless = path and path[-1] in SHOWN and isinstance(came, str | int | float)
    shown = repr(came)[:40] if harmless else KINDS.get(type(came), "null")
    if first["type"] == "missing":
        return BadRequest(f"{name} is missing")
    if first["type"] == "extra_forbidden":
        return BadRequest(f"{name} is no field of this request")
    wanted = first["msg"].removeprefix("Input should ").removeprefix("be ")
    return BadRequest(f"{name} is {shown}, expected {wanted}")


def audio(context_id: str, piece: AudioPiece) -> dict[str, Any]:
    """Return what announces a binary frame: whose it is, where it belongs, what begins in it."""
    return {
        "type": "audio",
        "context_id": context_id,
        "start_ms": piece.start_ms,
        "end_ms": piece.end_ms,
        "bytes": len(piece.audio),
        "captions": [caption.as_json() for caption in piece.captions],
    }


def cancelled(context_id: str, heard: Heard) -> dict[str, Any]:
    """Return the answer to `cancel`."""
    said = {"char_end": heard.char_end, "text": heard.text}
    return {"type": "cancelled", "context_id": context_id, "heard": said}


def error(problem: GatewayError, context_id: str | None = None) -> dict[str, Any]:
    """Return an error as a message."""
    about = {} if context_id is None else {"context_id": context_id}
    retry = getattr(problem, "retry_after", None)
    wait = {} if retry is None else {"retry_after_s": math.ceil(retry)}
    return {"type": "error", **about, **problem.as_json(), **wait}


def headers(problem: GatewayError) -> Mapping[str, str]:
    """Return the headers that an error's HTTP answer needs."""
    retry = getattr(problem, "retry_after", None)
    total = getattr(problem, "total", None)
    made = {} if retry is None else {"Retry-After": str(math.ceil(retry))}
    made |= {} if total is None else {"Content-Range": f"bytes */{total}"}
    return made | ({"WWW-Authenticate": "Bearer"} if problem.status == 401 else {})
