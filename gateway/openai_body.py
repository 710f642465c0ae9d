"""The body of `POST /v1/audio/speech`, read as OpenAI's clients and others write it. No I/O.

What a client adds is ignored and named, null counts as absent, and numbers and words are taken in the forms
that such clients send. Fields: the OpenAPI description of OpenAI's API, `CreateSpeechRequest`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from gateway.errors import BadRequest
from gateway.messages import CommonFields
from gateway.wording import explained, shown_name

__all__ = ["FORMATS", "MODEL", "OpenAIRequest", "SpeechBody", "parsed"]

MODEL = "chatterpod"
FORMATS = ("mp3", "pcm", "wav")
SLOWEST, FASTEST = 0.5, 2.0  # what a worker speaks; OpenAI allows 0.25 to 4
NUMBERS = {"speed", "seed", "bit_rate", "temperature", "top_p", "top_k", "min_p", "repetition_penalty"} | {
    "exaggeration",
    "cfg_weight",
}
SWITCHES = {"stream", "normalize_numbers"}
WORDS = {"response_format", "stream_format"}
NUMBER = re.compile(r"\s*[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})\s*")
KOKORO = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt", "z": "zh"}
NAMED = 20  # ignored fields in the header


class SpeechBody(CommonFields):
    """OpenAI's request, with the worker's fields as well."""

    input: str
    model: str = MODEL
    voice: Annotated[str, Field(max_length=64)] = "default"
    response_format: str = "mp3"
    stream_format: Literal["audio", "sse"] = "audio"
    stream: bool | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0

    def worker_fields(self) -> dict[str, Any]:
        """Return the fields that were given, with a speed that the worker speaks."""
        fields = super().worker_fields()
        return fields | ({"speed": self.spoken_speed} if self.spoken_speed != 1.0 else {})

    @property
    def spoken_speed(self) -> float:
        """The nearest speed that the worker speaks."""
        return min(FASTEST, max(SLOWEST, self.speed))


@dataclass(frozen=True, slots=True)
class OpenAIRequest:
    """A request, and the headers that report what was not done as it was asked."""

    body: SpeechBody
    headers: Mapping[str, str]


def parsed(content: Any) -> OpenAIRequest:
    """Return the request.

    Raises:
        BadRequest: It is not an object, or one of its fields is wrong.
    """
    if not isinstance(content, dict):
        raise BadRequest("the body is not a JSON object")
    fields = {name: usual(name, value) for name, value in content.items() if value is not None}
    fields = with_language(with_voice(fields))
    ignored = [name for name in fields if name not in SpeechBody.model_fields]
    try:
        body = SpeechBody.model_validate({name: fields[name] for name in fields.keys() - set(ignored)})
    except ValidationError as problem:
        raise explained(problem) from None
    if body.response_format not in FORMATS:
        came, allowed = shown_name(body.response_format[:20]), ", ".join(FORMATS)
        refusal = BadRequest(f"response_format is {came!r}, expected one of {allowed}", "unsupported_format")
        refusal.field = "response_format"
        raise refusal
    return OpenAIRequest(body, reports(body, ignored))


def usual(name: str, value: Any) -> Any:
    """Return a field's value in its usual form: `"1.0"`, 64.0, `"MP3"`, `"true"`."""
    if name in NUMBERS and isinstance(value, str) and NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if name in NUMBERS and isinstance(value, float) and value.is_integer():
        value = int(value)
    if name in SWITCHES and isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower(), value)
    return value.strip().lower() if name in WORDS and isinstance(value, str) else value


def with_voice(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with the voice's name, from either of OpenAI's forms; an empty one is absent."""
    voice = fields.get("voice")
    if isinstance(voice, dict):
        voice = voice.get("id", voice)
    rest = {name: value for name, value in fields.items() if name != "voice"}
    return rest if voice in (None, "") else rest | {"voice": voice}


def with_language(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with `language`, from `lang_code` (Kokoro's letters, or a tag) if it is not given."""
    rest = {name: value for name, value in fields.items() if name != "lang_code"}
    code = fields.get("lang_code")
    if code is None or "language" in rest:
        return rest
    return rest | {"language": KOKORO.get(code, code) if isinstance(code, str) else code}


def reports(body: SpeechBody, ignored: list[str]) -> dict[str, str]:
    """Return the headers about fields that were ignored and a speed that was changed."""
    names = [re.sub(r"[^A-Za-z0-9_.-]", "?", name)[:40] for name in ignored[:NAMED]]
    headers = {"X-Gateway-Ignored": ", ".join(names)} if names else {}
    return headers | (
        {"X-Gateway-Speed": f"{body.spoken_speed:g}"} if body.spoken_speed != body.speed else {}
    )
