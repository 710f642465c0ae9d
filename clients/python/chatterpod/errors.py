"""All errors, each with a `code`.

ChatterpodError            code
  ConfigError              no_endpoint, no_key, no_queue, no_url, bad_input
  ApiError                 unreachable, http_error
    AuthError              unauthorized
    NotFound               not_found
  JobFailed                the worker's, or "failed" if RunPod gives no code
    InvalidInput           invalid_input
      TextTooLong          text_too_long
      UnsupportedLanguage  unsupported_language
      UnsupportedFormat    unsupported_format
      UnknownVoice         unknown_voice
      VoiceUnusable        voice_unusable
    EngineFailed           engine_failed
      OutOfMemory          out_of_memory
    ShuttingDown           shutting_down
    WorkerBusy             worker_busy
  JobCancelled             cancelled
  JobTimedOut              timed_out
  Incomplete               incomplete

No message contains the API key, or more than one line of RunPod's own message.
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
    "WorkerBusy",
    "job_failed",
]

CODED = re.compile(r"([a-z]+(?:_[a-z]+)+): ([^\n]*)")
LINE = 400  # characters of RunPod's own message


class ChatterpodError(Exception):
    """The root of all errors that this package raises."""

    code: str = "error"


class ConfigError(ChatterpodError):
    """The endpoint or the key is missing, or an argument is invalid."""

    def __init__(self, message: str, code: str = "bad_input") -> None:
        super().__init__(message)
        self.code = code


class ApiError(ChatterpodError):
    """An HTTP request failed after its retries; `status` is None if it was not answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        if type(self) is ApiError:
            self.code = "unreachable" if status is None else "http_error"


class AuthError(ApiError):
    """The endpoint refused the key."""

    code = "unauthorized"


class NotFound(ApiError):
    """The endpoint or the job does not exist, or RunPod no longer keeps the job's result."""

    code = "not_found"


class JobFailed(ChatterpodError):
    """The worker or RunPod ended the job with an error."""

    code = "failed"
    passing: ClassVar[bool] = False  # whether the same job may succeed if it is submitted again

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
    """The endpoint does not have a voice of this name."""

    code = "unknown_voice"


class VoiceUnusable(InvalidInput):
    """The voice, or the clip it is made from, cannot be used."""

    code = "voice_unusable"


class EngineFailed(JobFailed):
    """The engine failed while it spoke."""

    code = "engine_failed"
    passing = True


class OutOfMemory(EngineFailed):
    """The device does not have enough memory for this utterance."""

    code = "out_of_memory"


class ShuttingDown(JobFailed):
    """The worker is stopping and accepts no more speech."""

    code = "shutting_down"
    passing = True


class WorkerBusy(JobFailed):
    """All slots of the worker are taken, or a limit of the server is reached."""

    code = "worker_busy"
    passing = True


class JobCancelled(ChatterpodError):
    """The job was cancelled before it was done."""

    code = "cancelled"


class JobTimedOut(ChatterpodError):
    """The job exceeded its execution timeout, its time to live in the queue, or the client's timeout."""

    code = "timed_out"


class Incomplete(ChatterpodError):
    """RunPod reports the job as completed, but some of its records are missing."""

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
        WorkerBusy,
    )
}


def job_failed(reason: object) -> JobFailed:
    """Return the error for the `error` of a failed job: the worker's `code: message`, or RunPod's text."""
    if not reason:
        return JobFailed("the job failed, and the endpoint does not say why")
    coded = CODED.fullmatch(str(reason).strip())
    if coded is None:
        return JobFailed(one_line(reason))
    code, message = coded.groups()
    return KINDS.get(code, JobFailed)(message[:LINE], code)


def one_line(reason: object) -> str:
    """Return the first line of RunPod's message, without its JSON or traceback."""
    text = str(reason).strip()
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict):
        text = str(parsed.get("error_message") or parsed.get("message") or parsed.get("error") or text)
    return text.strip().split("\n", 1)[0][:LINE]
