"""What can go wrong, each with a `code`.

ChatterpodError            code
  ConfigError              no_endpoint, no_key, bad_input
  ApiError                 unreachable, http_error
    AuthError              unauthorized
    NotFound               not_found
  JobFailed                the worker's, or "failed" where the platform says no more
    InvalidInput           invalid_input
      TextTooLong          text_too_long
      UnsupportedLanguage  unsupported_language
      UnsupportedFormat    unsupported_format
      UnknownVoice         unknown_voice
      VoiceUnusable        voice_unusable
    EngineFailed           engine_failed
      OutOfMemory          out_of_memory
    ShuttingDown           shutting_down
  JobCancelled             cancelled
  JobTimedOut              timed_out
  Incomplete               incomplete

No message holds the API key, and none more of the platform's own words than one line.
"""

import json
import re
from typing import ClassVar

__all__ = [
    "ApiError",
    "AuthError",
    "ChatterpodError",
    "ConfigError",
    "EngineFailed",
    "Incomplete",
    "InvalidInput",
    "JobCancelled",
    "JobFailed",
    "JobTimedOut",
    "NotFound",
    "OutOfMemory",
    "ShuttingDown",
    "TextTooLong",
    "UnknownVoice",
    "UnsupportedFormat",
    "UnsupportedLanguage",
    "VoiceUnusable",
    "job_failed",
]

CODED = re.compile(r"([a-z]+(?:_[a-z]+)+): ([^\n]*)")
LINE = 400  # characters of what the platform says


class ChatterpodError(Exception):
    """The root: catch it for everything that this client raises."""

    code: str = "error"


class ConfigError(ChatterpodError):
    """What was asked for cannot be: no endpoint, no key, or an argument out of its range."""

    def __init__(self, message: str, code: str = "bad_input") -> None:
        super().__init__(message)
        self.code = code


class ApiError(ChatterpodError):
    """An HTTP request failed for good; `status` is None where there was no answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        if type(self) is ApiError:
            self.code = "unreachable" if status is None else "http_error"


class AuthError(ApiError):
    """The endpoint refused the key."""

    code = "unauthorized"


class NotFound(ApiError):
    """There is no such endpoint or job, or the job's result is no longer kept."""

    code = "not_found"


class JobFailed(ChatterpodError):
    """The worker, or the platform, gave the job up."""

    code = "failed"
    passing: ClassVar[bool] = False  # whether the same job may well succeed on another worker

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class InvalidInput(JobFailed):
    """The input breaks a rule of the request."""

    code = "invalid_input"


class TextTooLong(InvalidInput):
    """The speech would not fit into one job's result."""

    code = "text_too_long"


class UnsupportedLanguage(InvalidInput):
    """The engine does not speak this language."""

    code = "unsupported_language"


class UnsupportedFormat(InvalidInput):
    """The worker does not encode to this format."""

    code = "unsupported_format"


class UnknownVoice(InvalidInput):
    """There is no voice of this name."""

    code = "unknown_voice"


class VoiceUnusable(InvalidInput):
    """The voice or its clip cannot be spoken with."""

    code = "voice_unusable"


class EngineFailed(JobFailed):
    """The engine broke while it spoke."""

    code = "engine_failed"
    passing = True


class OutOfMemory(EngineFailed):
    """The device has no memory left for this utterance."""

    code = "out_of_memory"


class ShuttingDown(JobFailed):
    """The worker takes no more speech."""

    code = "shutting_down"
    passing = True


class JobCancelled(ChatterpodError):
    """The job was cancelled before it was done."""

    code = "cancelled"


class JobTimedOut(ChatterpodError):
    """The job passed its execution timeout, its time to live in the queue, or the client's patience."""

    code = "timed_out"


class Incomplete(ChatterpodError):
    """The platform says that the job is done, but records of it never came."""

    code = "incomplete"


KINDS: dict[str, type[JobFailed]] = {
    kind.code: kind
    for kind in (
        InvalidInput,
        TextTooLong,
        UnsupportedLanguage,
        UnsupportedFormat,
        UnknownVoice,
        VoiceUnusable,
        EngineFailed,
        OutOfMemory,
        ShuttingDown,
    )
}


def job_failed(said: object) -> JobFailed:
    """Return the error for what the platform says of a failed job: `code: message`, or its own words."""
    if not said:
        return JobFailed("the job failed, and the endpoint does not say why")
    coded = CODED.fullmatch(str(said).strip())
    if coded is None:
        return JobFailed(one_line(said))
    code, message = coded.groups()
    return KINDS.get(code, JobFailed)(message[:LINE], code)


def one_line(said: object) -> str:
    """Return the platform's words without what it adds for developers: JSON, tracebacks."""
    text = str(said).strip()
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        text = str(parsed.get("error_message") or parsed.get("message") or parsed.get("error") or text)
    return text.strip().split("\n", 1)[0][:LINE]
