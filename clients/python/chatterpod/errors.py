"""What can go wrong.

ChatterpodError
  ApiError         the endpoint answered with an HTTP error, or not at all
    AuthError      the key or the endpoint's id is missing or wrong
  JobFailed        the job failed; `code` is the worker's
  JobCancelled     somebody cancelled the job
  JobTimedOut      the job ran or waited too long
  Incomplete       the job ended, but audio is missing
"""

__all__ = [
    "ApiError",
    "AuthError",
    "ChatterpodError",
    "Incomplete",
    "JobCancelled",
    "JobFailed",
    "JobTimedOut",
]


class ChatterpodError(Exception):
    """The root: catch it for everything that this client raises."""


class ApiError(ChatterpodError):
    """An HTTP request failed for good; `status` is None where there was no answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AuthError(ApiError):
    """No key, no endpoint, or refused ones."""


class JobFailed(ChatterpodError):
    """The worker, or the platform, gave the job up; `code` is `invalid_input` and so on, or ""."""

    def __init__(self, said: str) -> None:
        code, colon, message = said.partition(": ")
        known = bool(colon) and code.replace("_", "").isalpha() and code.islower()
        super().__init__(message if known else said)
        self.code = code if known else ""


class JobCancelled(ChatterpodError):
    """The job was cancelled before it was done."""


class JobTimedOut(ChatterpodError):
    """The job passed its execution timeout, or its time to live in the queue."""


class Incomplete(ChatterpodError):
    """The platform says that the job is done, but records of it never came."""
