"""Rules of the request that a schema cannot express: between fields, and against the engine."""

import re
from collections.abc import Iterator, Mapping

from encoder import BIT_RATES
from segmenter import MarkRules, has_speech
from segmenter.atoms import PAUSES, TAG, pause_ms
from segmenter.scripts import worth
from worker.chunks import JOB_BYTES
from worker.errors import (
    InvalidInputError,
    TextTooLongError,
    UnsupportedFormatError,
    VoiceUnusableError,
)
from worker.request.model import (
    ALLOWED_FORMATS,
    ALLOWED_RATES,
    FORMATS,
    Capabilities,
    Operation,
    SpeechRequest,
)
from worker.request.wording import shown

__all__ = [
    "check_choices",
    "check_operation",
    "check_sampling",
    "check_size",
    "check_speech",
    "check_spoken_size",
    "check_text",
    "check_voices",
    "most_spoken",
]

CHARACTERS_A_SECOND = 14
MARGIN = 1.15  # for slow voices and long pauses
SURROGATE = re.compile("[\ud800-\udfff]")


def texts(request: SpeechRequest) -> Iterator[tuple[str, str]]:
    """Yield the name of its field and the text, for each text."""
    if request.text is not None:
        yield "text", request.text
    for number, turn in enumerate(request.turns or []):
        yield f"turns[{number}].text", turn.text


def check_text(request: SpeechRequest, max_characters: int) -> None:
    """Refuse a request without text, and text that is too long or not valid Unicode."""
    if (request.text is None) == (request.turns is None):
        came = "neither came" if request.text is None else "both came"
        raise InvalidInputError(f"text or turns is required, exactly one of them: {came}")
    total = sum(len(text) for _, text in texts(request))
    if total > max_characters:
        raise TextTooLongError(
            f"text has {total} characters, expected at most {max_characters}: split it into jobs"
        )
    for field, text in texts(request):
        lone = lone_surrogate(text)
        if lone is not None:
            raise InvalidInputError(
                f"{field} has a lone surrogate at position {lone}, expected valid Unicode"
            )


def lone_surrogate(text: str) -> int | None:
    """Return where the first half of a pair of surrogates stands alone; None where none does."""
    found = SURROGATE.search(text)
    return found.start() if found else None


def check_speech(request: SpeechRequest, engine: Capabilities) -> None:
    """Refuse a request of which nothing at all is spoken: no letter or digit outside its marks."""
    if any(speaks(text, request.marks, engine) for _, text in texts(request)):
        return
    field = "text" if request.turns is None else "turns"
    raise InvalidInputError(f"{field} has nothing to speak: expected at least one letter or digit")


def speaks(text: str, marks: MarkRules, engine: Capabilities) -> bool:
    """Whether anything of a text is spoken; tags alone are, by an engine that has them."""
    return has_speech(text, marks) or (engine.tags and TAG.search(PAUSES.sub("", text)) is not None)


def check_voices(request: SpeechRequest, engine: Capabilities) -> None:
    """Refuse a `voice_url` that is not https, comes with a named voice, or is not used."""
    if request.voice_url is None:
        return
    check_https(request.voice_url)
    if not engine.clones:
        raise VoiceUnusableError(f"voice_url needs an engine that clones voices, and {engine.name} does not")
    if request.voice != "default":
        raise InvalidInputError("voice and voice_url both came, expected one of them")
    if all(turn.voice != "default" for turn in request.spoken):
        raise InvalidInputError("voice_url is not used: each turn names its own voice")


def check_https(url: str) -> None:
    """Refuse a URL that is not https; the message does not hold it."""
    if not url.startswith("https://"):
        raise InvalidInputError("voice_url is not an https URL, expected one that starts with https://")


REQUIRED: Mapping[str, tuple[str, ...]] = {"voice_add": ("name",), "voice_remove": ("name",)}
ACCEPTED: Mapping[str, tuple[str, ...]] = {
    "voice_add": ("name", "clip_base64", "voice_url"),
    "voice_remove": ("name",),
    "warm": ("name",),
}


def check_operation(operation: Operation) -> None:
    """Refuse an operation that lacks a field, or has one that it does not use."""
    given = [name for name in ("name", "clip_base64", "voice_url") if getattr(operation, name) is not None]
    for name in REQUIRED.get(operation.op, ()):
        if name not in given:
            raise InvalidInputError(f"{name} is missing, {operation.op} needs it")
    for name in given:
        if name not in ACCEPTED.get(operation.op, ()):
            raise InvalidInputError(f"{name} is not a field of {operation.op}")
    if operation.op == "voice_add" and ("clip_base64" in given) == ("voice_url" in given):
        came = "both came" if "voice_url" in given else "neither came"
        raise InvalidInputError(f"clip_base64 or voice_url is required, exactly one of them: {came}")
    if operation.voice_url is not None:
        check_https(operation.voice_url)


def check_choices(request: SpeechRequest) -> None:
    """Refuse formats, bit rates, pauses and respellings that are not supported."""
    if request.format_name not in FORMATS:
        raise UnsupportedFormatError(f"format is {shown(request.format)}, expected {ALLOWED_FORMATS}")
    if request.last_pause_ms is not None and request.turns is not None:
        raise InvalidInputError("last_pause_ms came beside turns, expected pause_ms in the last turn")
    if request.bit_rate not in BIT_RATES:
        raise InvalidInputError(f"bit_rate is {shown(request.bit_rate)}, expected {ALLOWED_RATES}")
    for word, respelling in request.pronounce.items():
        if not (0 < len(word.strip()) <= 64 and 0 < len(respelling.strip()) <= 128):
            raise InvalidInputError(
                "pronounce has an entry that is empty or too long, expected 1-64 and 1-128 characters"
            )
        if lone_surrogate(word + respelling) is not None:
            raise InvalidInputError("pronounce has an entry with a lone surrogate, expected valid Unicode")


def check_sampling(sampling: Mapping[str, float], engine: Capabilities) -> None:
    """Refuse sampling options that the engine does not have, and values outside their ranges."""
    for name, value in sampling.items():
        allowed = engine.options.get(name)
        if allowed is None:
            has = ", ".join(engine.options) or "none"
            raise InvalidInputError(
                f"{name} is not an option of the {engine.name} engine; its options: {has}"
            )
        if not allowed.low <= value <= allowed.high:
            raise InvalidInputError(f"{name} is {shown(value)}, expected {allowed.low:g} to {allowed.high:g}")


def check_size(request: SpeechRequest) -> None:
    """Refuse speech that, with its pauses, would pass RunPod's limit on a job's result."""
    seconds = most_seconds(request)
    pace = CHARACTERS_A_SECOND / worth(request.language) * request.speed / MARGIN
    paused = pauses(request)
    total = sum(len(PAUSES.sub("", text)) for _, text in texts(request))
    limit = int(max(0.0, seconds - paused) * pace)
    if total <= limit:
        return
    beside = f" and {paused:.0f} s of pauses" if paused else ""
    most, remedy = f"{limit}", "split it into jobs"
    if paused and total < int(seconds * pace):  # the text alone would fit
        most = f"{int(seconds - total / pace)} s of pauses beside so many characters"
        remedy = "shorten the pauses or split it into jobs"
    raise TextTooLongError(
        f"text has {total} characters{beside}, expected at most {most} as {audio(request)} "
        f"and at this speed: {remedy}"
    )


def check_spoken_size(request: SpeechRequest, spoken: int) -> None:
    """Refuse speech whose text has so many characters in words that the usual pace would pass the limit."""
    most = most_spoken(request)
    if spoken > most:
        raise TextTooLongError(
            f"text has {spoken} characters once its numbers and the like are words, expected at most {most} "
            f"as {audio(request)} and at this speed: split it into jobs"
        )


def most_spoken(request: SpeechRequest) -> int:
    """Return how many characters in words fit into a job's result at the usual pace, beside its pauses."""
    pace = CHARACTERS_A_SECOND / worth(request.language) * request.speed
    return int(max(0.0, most_seconds(request) - pauses(request)) * pace)


def most_seconds(request: SpeechRequest) -> float:
    """Return how much audio fits into a job's result."""
    bytes_a_second = 48_000 if request.format_name == "pcm" else request.bit_rate * 125
    return JOB_BYTES * 3 / 4 / bytes_a_second


def audio(request: SpeechRequest) -> str:
    """Return the audio's form for a message."""
    return "pcm" if request.format_name == "pcm" else f"mp3 at {request.bit_rate} kbit/s"


def pauses(request: SpeechRequest) -> float:
    """Return the seconds of all pauses that the request asks for, in texts, after turns and at the end."""
    written = (pause_ms(match[0]) for _, text in texts(request) for match in PAUSES.finditer(text))
    after = sum(turn.pause_ms or 0 for turn in request.turns or []) + (request.last_pause_ms or 0)
    return (after + sum(written)) / 1_000
