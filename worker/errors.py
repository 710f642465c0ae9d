"""The errors of a job, each with the code that a client sees.

SpeechError                      code
  InvalidInputError              invalid_input
    TextTooLongError             text_too_long
    UnsupportedLanguageError     unsupported_language
    UnsupportedFormatError       unsupported_format
    UnknownVoiceError            unknown_voice
    VoiceUnusableError           voice_unusable
  EngineFailedError              engine_failed
    OutOfMemoryError             out_of_memory
    VolumeError                  engine_failed
  BusyError                      worker_busy
  ShuttingDownError              shutting_down

StartError is not one of them: it stops the worker before its first job.

A message names the field, its value and what is allowed. It leaves the worker, so it never holds the
text to speak, a path, a secret or a traceback.
"""

from typing import Any, ClassVar

__all__ = [
    "BusyError",
    "EngineFailedError",
    "InvalidInputError",
    "OutOfMemoryError",
    "ShuttingDownError",
    "SpeechError",
    "StartError",
    "TextTooLongError",
    "UnknownVoiceError",
    "UnsupportedFormatError",
    "UnsupportedLanguageError",
    "VoiceUnusableError",
    "VolumeError",
]


class SpeechError(Exception):
    """A job that cannot be served; `code` is part of the protocol."""

    code: ClassVar[str] = "engine_failed"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else self.code

    def as_record(self) -> dict[str, Any]:
        """Return the last record of a job that fails: the SDK marks the job FAILED if `error` is truthy."""
        return {"error": f"{self.code}: {self}"}


class InvalidInputError(SpeechError):
    """The input breaks a rule of the request."""

    code = "invalid_input"


class TextTooLongError(InvalidInputError):
    """The speech would not fit into one job's result."""

    code = "text_too_long"


class UnsupportedLanguageError(InvalidInputError):
    """The engine does not speak this language."""

    code = "unsupported_language"


class UnsupportedFormatError(InvalidInputError):
    """The worker does not encode to this format."""

    code = "unsupported_format"


class UnknownVoiceError(InvalidInputError):
    """There is no voice of this name."""

    code = "unknown_voice"


class VoiceUnusableError(InvalidInputError):
    """The voice or its clip cannot be used."""

    code = "voice_unusable"


class EngineFailedError(SpeechError):
    """The engine failed while it spoke."""

    code = "engine_failed"


class OutOfMemoryError(EngineFailedError):
    """The device has no memory left for this utterance."""

    code = "out_of_memory"


class VolumeError(EngineFailedError):
    """The volume does not answer; another worker, or this one later, may read it."""


class BusyError(SpeechError):
    """All slots are taken, and none will be free soon; `retry_after` is in seconds."""

    code = "worker_busy"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def as_record(self) -> dict[str, Any]:
        """Return the record, with the seconds after which another try may succeed."""
        return {**super().as_record(), "retry_after_s": self.retry_after}


class ShuttingDownError(SpeechError):
    """The worker accepts no more speech."""

    code = "shutting_down"


class StartError(Exception):
    """The worker cannot start; the message is one line about what to do."""
