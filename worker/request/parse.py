"""The request: a job's `input` validated whole, before any work is done for it."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from encoder import BIT_RATES
from segmenter.atoms import PAUSES, pause_ms
from segmenter.scripts import worth
from worker.engines import Range
from worker.errors import (
    InvalidInput,
    TextTooLong,
    UnsupportedFormat,
    VoiceUnusable,
)
from worker.request.language import spoken_language
from worker.request.wording import explained, kind, shown

__all__ = ["Capabilities", "Operation", "SpeechRequest", "Turn", "parse"]

FORMATS = ("mp3", "pcm")
SAMPLING = (
    "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "exaggeration", "cfg_weight",
)  # fmt: skip
CHARACTERS_A_SECOND = 14
MARGIN = 1.15  # slow voices and pauses beyond the average
JOB_BYTES = 9_000_000  # of base64, under RunPod's 10 MB for a whole result
TAG = re.compile(r"\[[^\[\]\n]{1,40}\]")

# Limits stand here alone: an error tells them from the models' JSON schema, or their description.
MOST = 200  # turns, and words to pronounce
ALLOWED_FORMATS = f"one of {', '.join(FORMATS)}"
ALLOWED_RATES = f"one of {', '.join(map(str, BIT_RATES))} (kbit/s)"
VoiceName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$"),
    Field(description="1 to 64 letters, digits, '_' or '-'"),
]
Turns = Annotated[
    list["Turn"], Field(min_length=1, max_length=MOST, description=f"a list of 1 to {MOST} turns")
]
Respellings = Annotated[
    dict[str, str], Field(max_length=MOST, description=f"an object of at most {MOST} words, each a string")
]


class Capabilities(Protocol):
    """What the validation must know of an engine."""

    name: str
    languages: frozenset[str]
    lacking: Mapping[str, str]
    options: Mapping[str, Range]
    tags: bool
    clones: bool


class Strict(BaseModel):
    """No conversions, no unknown fields, no NaN: what came is what was meant."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Strict)


class Turn(Strict):
    """One speaker's words in a dialogue."""

    text: str
    voice: VoiceName = "default"
    pause_ms: Annotated[int, Field(ge=0, le=10_000)] | None = None


class SpeechRequest(Strict):
    """What to speak and how; every field as in docs/reference/api.md."""

    text: str | None = None
    turns: Turns | None = None
    voice: VoiceName = "default"
    voice_url: str | None = None
    language: Annotated[str, Field(description="a language such as 'en'")] = "en"
    format: Annotated[str, Field(description=ALLOWED_FORMATS)] = "mp3"
    speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    stream: bool | None = None
    cache: Literal["use", "refresh", "off"] = "use"
    opening: Literal["fast", "even"] = "fast"
    normalize_numbers: bool = True
    pronounce: Respellings = {}
    bit_rate: Annotated[int, Field(description=ALLOWED_RATES)] = 64
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    exaggeration: float | None = None
    cfg_weight: float | None = None

    @property
    def form(self) -> str:
        """The format in lower case."""
        return self.format.strip().lower()

    @property
    def sampling(self) -> dict[str, float]:
        """The sampling options that were given."""
        given = ((name, getattr(self, name)) for name in SAMPLING)
        return {name: value for name, value in given if value is not None}

    @property
    def spoken(self) -> tuple[Turn, ...]:
        """The turns of a dialogue, or the text as its only one."""
        if self.turns is not None:
            return tuple(self.turns)
        return (Turn(text=self.text or "", voice=self.voice),)


class Operation(Strict):
    """A job that manages instead of speaking."""

    op: Literal["voices", "voice_add", "voice_remove", "warm", "info"]
    name: VoiceName | None = None
    clip_base64: str | None = None
    voice_url: str | None = None


def parse(given: Any, engine: Capabilities, max_characters: int = 10_000) -> SpeechRequest | Operation:
    """Validate a job's `input` against the rules of the request and the engine.

    Raises:
        InvalidInput: or one of its kinds; the message names the field, what came and what is allowed.
    """
    if not isinstance(given, dict):
        raise InvalidInput(f"input is {kind(given)}, expected an object with a text")
    if "op" in given:
        operation = validated(Operation, given)
        check_operation(operation)
        return operation
    request = validated(SpeechRequest, renamed(given))
    check_text(request, engine, max_characters)
    check_voices(request, engine)
    request = settled(request, engine)
    check_choices(request)
    check_sampling(request.sampling, engine)
    check_size(request)
    return request


def renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input with `input`, the other name of `text`, put right."""
    if "input" not in given:
        return dict(given)
    if "text" in given:
        raise InvalidInput("text came twice: input is another name for text, give one of them")
    return {("text" if name == "input" else name): value for name, value in given.items()}


def validated(model: type[Model], given: Mapping[str, Any]) -> Model:
    """Return the model, or raise its errors in our words."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise explained(error, model) from None


def settled(request: SpeechRequest, engine: Capabilities) -> SpeechRequest:
    """Return the request as it is spoken: each turn with its voice, the language as the engine calls it."""
    changed: dict[str, Any] = {"language": spoken_language(request.language, engine)}
    if request.turns is not None:
        changed["turns"] = [
            turn if "voice" in turn.model_fields_set else turn.model_copy(update={"voice": request.voice})
            for turn in request.turns
        ]
    return request.model_copy(update=changed)


def texts(request: SpeechRequest) -> Iterator[tuple[str, str]]:
    """Yield each text with the name of its field."""
    if request.text is not None:
        yield "text", request.text
    for number, turn in enumerate(request.turns or []):
        yield f"turns[{number}].text", turn.text


def check_text(request: SpeechRequest, engine: Capabilities, max_characters: int) -> None:
    """Refuse no text, too much of it, text that is no Unicode, and text with nothing to speak."""
    if (request.text is None) == (request.turns is None):
        came = "neither came" if request.text is None else "both came"
        raise InvalidInput(f"text or turns is required, exactly one of them: {came}")
    total = sum(len(text) for _, text in texts(request))
    if total > max_characters:
        raise TextTooLong(
            f"text has {total} characters, expected at most {max_characters}: split it into jobs"
        )
    for field, text in texts(request):
        lone = next((n for n, letter in enumerate(text) if "\ud800" <= letter <= "\udfff"), None)
        if lone is not None:
            raise InvalidInput(f"{field} has a lone surrogate at position {lone}, expected valid Unicode")
        heard = text if engine.tags else TAG.sub("", text)
        if not any(unicodedata.category(letter)[0] in "LN" for letter in heard):
            raise InvalidInput(f"{field} has nothing to speak: expected at least one letter or digit")


def check_voices(request: SpeechRequest, engine: Capabilities) -> None:
    """Refuse a clip from an address that is not https, beside a named voice, or without use."""
    if request.voice_url is None:
        return
    check_https(request.voice_url)
    if not engine.clones:
        raise VoiceUnusable(f"voice_url needs an engine that clones voices, and {engine.name} does not")
    if request.voice != "default":
        raise InvalidInput("voice and voice_url both came, expected one of them")
    if all(turn.voice != "default" for turn in request.spoken):
        raise InvalidInput("voice_url has nothing to speak: it is the voice of turns that name none")


def check_https(url: str) -> None:
    """Refuse an address that is not https; the message never holds it."""
    if not url.startswith("https://"):
        raise InvalidInput("voice_url is not an https URL, expected one that starts with https://")


NEEDS: Mapping[str, tuple[str, ...]] = {"voice_add": ("name",), "voice_remove": ("name",)}
TAKES: Mapping[str, tuple[str, ...]] = {
    "voice_add": ("name", "clip_base64", "voice_url"),
    "voice_remove": ("name",),
    "warm": ("name",),
}


def check_operation(operation: Operation) -> None:
    """Refuse an operation that lacks a field, or has one that means nothing to it."""
    given = [name for name in ("name", "clip_base64", "voice_url") if getattr(operation, name) is not None]
    for name in NEEDS.get(operation.op, ()):
        if name not in given:
            raise InvalidInput(f"{name} is missing, {operation.op} needs it")
    for name in given:
        if name not in TAKES.get(operation.op, ()):
            raise InvalidInput(f"{name} is no field of {operation.op}")
    if operation.op == "voice_add" and ("clip_base64" in given) == ("voice_url" in given):
        came = "both came" if "voice_url" in given else "neither came"
        raise InvalidInput(f"clip_base64 or voice_url is required, exactly one of them: {came}")
    if operation.voice_url is not None:
        check_https(operation.voice_url)


def check_choices(request: SpeechRequest) -> None:
    """Refuse formats, bit rates and respellings that cannot be served."""
    if request.form not in FORMATS:
        raise UnsupportedFormat(f"format is {shown(request.format)}, expected {ALLOWED_FORMATS}")
    if request.bit_rate not in BIT_RATES:
        raise InvalidInput(f"bit_rate is {shown(request.bit_rate)}, expected {ALLOWED_RATES}")
    for word, respelling in request.pronounce.items():
        if not (0 < len(word.strip()) <= 64 and 0 < len(respelling.strip()) <= 128):
            raise InvalidInput(
                "pronounce has an entry that is empty or too long, expected 1-64 and 1-128 characters"
            )


def check_sampling(sampling: Mapping[str, float], engine: Capabilities) -> None:
    """Refuse sampling options that the engine does not have, and values out of their range."""
    for name, value in sampling.items():
        allowed = engine.options.get(name)
        if allowed is None:
            has = ", ".join(engine.options) or "none"
            raise InvalidInput(f"{name} is not an option of the {engine.name} engine; its options: {has}")
        if not allowed.low <= value <= allowed.high:
            raise InvalidInput(f"{name} is {value:g}, expected {allowed.low:g} to {allowed.high:g}")


def check_size(request: SpeechRequest) -> None:
    """Refuse speech whose whole, its pauses included, would not fit into RunPod's limit on a job's result."""
    bytes_a_second = 48_000 if request.form == "pcm" else request.bit_rate * 125
    seconds = JOB_BYTES * 3 / 4 / bytes_a_second
    pace = CHARACTERS_A_SECOND / worth(request.language) * request.speed / MARGIN
    paused = pauses(request)
    total = sum(len(PAUSES.sub("", text)) for _, text in texts(request))
    limit = int(max(0.0, seconds - paused) * pace)
    if total <= limit:
        return
    form = "pcm" if request.form == "pcm" else f"mp3 at {request.bit_rate} kbit/s"
    beside = f" and {paused:.0f} s of pauses" if paused else ""
    most, remedy = f"{limit}", "split it into jobs"
    if paused and total < int(seconds * pace):  # the text alone would fit
        most = f"{int(seconds - total / pace)} s of pauses beside so many characters"
        remedy = "shorten the pauses or split it into jobs"
    raise TextTooLong(
        f"text has {total} characters{beside}, expected at most {most} as {form} and at this speed: {remedy}"
    )


def pauses(request: SpeechRequest) -> float:
    """Return the seconds of the pauses that the request asks for, in its turns and in its text."""
    written = (pause_ms(match[0]) for _, text in texts(request) for match in PAUSES.finditer(text))
    return (sum(turn.pause_ms or 0 for turn in request.turns or []) + sum(written)) / 1_000
