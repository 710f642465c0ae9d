"""What can go wrong, each with the code that a client sees.

SpeechError                      code
  InvalidInput                   invalid_input
    TextTooLong                  text_too_long
    UnsupportedLanguage          unsupported_language
    UnsupportedFormat            unsupported_format
    UnknownVoice                 unknown_voice
    VoiceUnusable                voice_unusable
  EngineFailed                   engine_failed
    OutOfMemory                  out_of_memory
  ShuttingDown                   shutting_down

StartError stands outside the tree: it stops the worker before there is a job to fail.

A message names the field, what came and what is allowed. It never holds the text to speak,
a path, a secret or a traceback: it leaves the worker.
"""

from typing import ClassVar

__all__ = [
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
]


class SpeechError(Exception):
    """A job that cannot be served; `code` is part of the protocol."""

    code: ClassVar[str] = "engine_failed"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else self.code

    def as_record(self) -> dict[str, str]:
        """Return the last record of a failing job: the SDK marks a job FAILED on a truthy `error`."""
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
    """The voice or its clip cannot be spoken with."""

    code = "voice_unusable"


class EngineFailedError(SpeechError):
    """The engine broke while it spoke."""

    code = "engine_failed"


class OutOfMemoryError(EngineFailedError):
    """The device has no memory left for this utterance."""

    code = "out_of_memory"


class ShuttingDownError(SpeechError):
    """The worker takes no more speech."""

    code = "shutting_down"


class StartError(Exception):
    """The worker cannot start; the message is one line that says what to do."""
