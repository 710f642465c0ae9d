"""What is sent: RunPod's envelope around the worker's input. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypedDict

from chatterpod.errors import ConfigError

__all__ = [
    "SpeechOptions",
    "body_of",
    "execution_timeout_ms",
    "identity",
    "input_of",
    "most_characters",
    "text_of",
]

CHARACTERS_A_SECOND = 14  # of speech, at speed 1
MARGIN = 1.3  # the worker's own estimate has 1.15: a part must never be refused as too long
JOB_BYTES = 6_750_000  # of audio in one job: RunPod's limit on a result, less base64
MOST = 10_000  # characters that a worker takes in one job
START_S, SLOWEST = 120, 4  # a job may wait for its slot, then take four times what is heard
ENVELOPE = ("webhook", "policy", "s3Config")
NOT_AUDIO = ("stream", "cache")  # fields that do not change what is heard
KINDS = {"str": "a text", "int": "a number", "float": "a number", "NoneType": "nothing", "bytes": "bytes"}


class SpeechOptions(TypedDict, total=False):
    """The fields of the worker's input beside `text`, and RunPod's fields beside the input.

    For type checkers: a misspelt option is an error there. At run time any field is sent, so that a newer
    worker's fields can be used through a dictionary. docs/reference/api.md describes each field.
    """

    turns: list[dict[str, Any]] | None
    voice: str | None
    voice_url: str | None
    language: str | None
    format: str | None
    bit_rate: int | None
    speed: float | None
    seed: int | None
    stream: bool | None
    cache: str | None
    opening: str | None
    normalize_numbers: bool | None
    pronounce: dict[str, str] | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    repetition_penalty: float | None
    exaggeration: float | None
    cfg_weight: float | None
    webhook: str | None
    policy: dict[str, Any] | None
    s3Config: dict[str, Any] | None


def input_of(text: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input of a speech; options that are None count as not given.

    Raises:
        ConfigError: There is neither a text nor turns, or both, or one of the wrong type.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if text is not None:
        if not isinstance(text, str):
            came = KINDS.get(type(text).__name__, "something else")
            raise ConfigError(f"text is {came}, expected a string")
        given["text"] = text
    if ("text" in given) == ("turns" in given):
        raise ConfigError("text or turns is required, exactly one of them")
    turns = given.get("turns")
    if turns is not None and not (
        isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns)
    ):
        raise ConfigError("turns is no list of objects with a voice and a text")
    return given


def text_of(given: Mapping[str, Any]) -> str:
    """Return all that the input says, whether it is a text or a dialogue."""
    turns = given.get("turns")
    if isinstance(turns, list):
        return "\n".join(str(turn.get("text", "")) for turn in turns if isinstance(turn, Mapping))
    text = given.get("text", "")
    return text if isinstance(text, str) else ""


def speed_of(given: Mapping[str, Any]) -> float:
    """Return the speed, 1 where none or a wrong one is given: the worker says what is wrong with it."""
    speed = given.get("speed", 1.0)
    return float(speed) if isinstance(speed, int | float) and 0.5 <= speed <= 2.0 else 1.0


def execution_timeout_ms(given: Mapping[str, Any]) -> int:
    """Return how long the job may run: a bound for what a broken worker can cost."""
    heard = len(text_of(given)) / CHARACTERS_A_SECOND / speed_of(given)
    return round((START_S + SLOWEST * heard) * 1000)


def most_characters(given: Mapping[str, Any]) -> int:
    """Return how much text fits into one job's result, in this format and at this speed."""
    rate = given.get("bit_rate", 64)
    bytes_a_second = 48_000 if given.get("format") == "pcm" else 125 * (rate if isinstance(rate, int) else 64)
    seconds = JOB_BYTES / max(1, bytes_a_second)
    return min(MOST, int(seconds * CHARACTERS_A_SECOND * speed_of(given) / MARGIN))


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of /run for this input: `webhook`, `policy` and `s3Config` go beside it.

    Raises:
        ConfigError: A text is given that is none.
    """
    text = given.get("text")
    if "text" in given and not isinstance(text, str):
        raise ConfigError(f"text is {KINDS.get(type(text).__name__, 'something else')}, expected a string")
    envelope = {name: given[name] for name in ENVELOPE if given.get(name) is not None}
    policy = envelope.get("policy") or {}
    if "op" not in given and "executionTimeout" not in policy:
        envelope["policy"] = {**policy, "executionTimeout": execution_timeout_ms(given)}
    return {"input": {name: value for name, value in given.items() if name not in ENVELOPE}, **envelope}


def identity(endpoint: str, given: Mapping[str, Any]) -> str:
    """Return a name for what is heard: the same for the same input to the same endpoint."""
    heard = {name: value for name, value in given.items() if name not in (*ENVELOPE, *NOT_AUDIO)}
    content = json.dumps([endpoint, heard], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
