"""The body of a submission: the worker's input, and RunPod's fields around it. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypedDict

from chatterpod.errors import ConfigError

__all__ = [
    "InputOptions",
    "body_of",
    "execution_timeout_ms",
    "identity",
    "input_of",
    "max_characters",
    "text_of",
]

CHARACTERS_A_SECOND = 14  # of speech, at speed 1
MARGIN = 1.3  # above the 1.15 of the worker's estimate, so that no part is refused as too long
JOB_BYTES = 6_750_000  # of audio in one job: RunPod's limit on a result, less base64
MAX_CHARACTERS = 10_000  # of one job, the worker's limit
START_S, SLOWEST = 120, 4  # a job may wait so long for a slot, then take four times its audio's length
ENVELOPE = ("webhook", "policy", "s3Config")  # RunPod's fields
NOT_AUDIO = ("stream", "cache")  # fields that do not change the audio
JSON_TYPES = {"str": "a text", "int": "a number", "float": "a number", "NoneType": "null", "bytes": "bytes"}


class InputOptions(TypedDict, total=False):
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
    last_pause_ms: int | None
    normalize_numbers: bool | None
    pronounce: dict[str, str] | None
    read: list[str] | None
    markup: str | None
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
    """Return the worker's input, with `text` and the options that are not None.

    Raises:
        ConfigError: There are neither a text nor turns, or both, or one has the wrong type.
    """
    job_input = {name: value for name, value in options.items() if value is not None}
    if text is not None:
        if not isinstance(text, str):
            raise ConfigError(f"text is {json_type(text)}, expected a string")
        job_input["text"] = text
    if ("text" in job_input) == ("turns" in job_input):
        raise ConfigError("text or turns is required, exactly one of them")
    turns = job_input.get("turns")
    if turns is not None and not (
        isinstance(turns, list) and turns and all(isinstance(turn, dict) for turn in turns)
    ):
        raise ConfigError("turns is not a list of objects with a voice and a text")
    return job_input


def json_type(value: object) -> str:
    """Return JSON's word for the type of a value."""
    return JSON_TYPES.get(type(value).__name__, "something else")


def text_of(job_input: Mapping[str, Any]) -> str:
    """Return the whole text of an input, which has `text` or `turns`."""
    turns = job_input.get("turns")
    if isinstance(turns, list):
        return "\n".join(str(turn.get("text", "")) for turn in turns if isinstance(turn, Mapping))
    text = job_input.get("text", "")
    return text if isinstance(text, str) else ""


def speed_of(job_input: Mapping[str, Any]) -> float:
    """Return the speed; 1 if it is missing or invalid, which the worker then reports."""
    speed = job_input.get("speed", 1.0)
    return float(speed) if isinstance(speed, int | float) and 0.5 <= speed <= 2.0 else 1.0


def execution_timeout_ms(job_input: Mapping[str, Any]) -> int:
    """Return how long the job may run in ms, which bounds what a broken worker can cost."""
    audio_s = len(text_of(job_input)) / CHARACTERS_A_SECOND / speed_of(job_input)
    return round((START_S + SLOWEST * audio_s) * 1000)


def max_characters(job_input: Mapping[str, Any]) -> int:
    """Return how many characters fit into one job's result, in this format and at this speed."""
    rate = job_input.get("bit_rate", 64)
    bytes_a_second = (
        48_000 if job_input.get("format") == "pcm" else 125 * (rate if isinstance(rate, int) else 64)
    )
    seconds = JOB_BYTES / max(1, bytes_a_second)
    return min(MAX_CHARACTERS, int(seconds * CHARACTERS_A_SECOND * speed_of(job_input) / MARGIN))


def body_of(job_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of /run or /runsync: the input, with `webhook`, `policy` and `s3Config` beside it.

    Raises:
        ConfigError: `text` is not a string.
    """
    text = job_input.get("text")
    if "text" in job_input and not isinstance(text, str):
        raise ConfigError(f"text is {json_type(text)}, expected a string")
    envelope = {name: job_input[name] for name in ENVELOPE if job_input.get(name) is not None}
    policy = envelope.get("policy") or {}
    if "op" not in job_input and "executionTimeout" not in policy:
        envelope["policy"] = {**policy, "executionTimeout": execution_timeout_ms(job_input)}
    return {"input": {name: value for name, value in job_input.items() if name not in ENVELOPE}, **envelope}


def identity(endpoint: str, job_input: Mapping[str, Any]) -> str:
    """Return a name for the audio of an input: the same input and endpoint have the same name."""
    audio_fields = {name: value for name, value in job_input.items() if name not in (*ENVELOPE, *NOT_AUDIO)}
    content = json.dumps([endpoint, audio_fields], sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:32]
