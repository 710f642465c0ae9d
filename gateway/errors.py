"""What the gateway answers when it cannot do what it is asked, each with the code that a client sees.

GatewayError                 code                 HTTP
  BadRequest               invalid_input        400   and the worker's own codes for bad input
  BadMessage               bad_message          400   no JSON, no message of this protocol
  ContextEnded             context_ended        400
  TooLarge                 too_large            413
  Unauthorized             unauthorized         401
  OriginRefused            origin_refused       403
  NotFound                 not_found            404
  RangeRefused             range_refused        416
  Exhausted                rate_limited         429   `retry_after` says when to come again
  EndpointFailed           endpoint_failed      502   and the worker's own codes for its failures
  Ending                   shutting_down        503   likewise with `retry_after`

StartError stands outside the tree: it stops the gateway before it listens.

A message names what came and what is allowed. It never holds a token, RunPod's key, its endpoint's
id or a traceback.
"""

from typing import Any

from chatterpod import (
    AuthError,
    ChatterpodError,
    Incomplete,
    InvalidInput,
    JobCancelled,
    JobFailed,
    JobTimedOut,
)
from chatterpod import NotFound as NoEndpoint

__all__ = [
    "BadMessage",
    "BadRequest",
    "ContextEnded",
    "EndpointFailed",
    "Exhausted",
    "GatewayError",
    "GatewayStartError",
    "MissingResource",
    "OriginRefused",
    "RangeRefused",
    "RequestEnding",
    "TooLarge",
    "Unauthorized",
    "translated",
]


TOLD: dict[type[ChatterpodError], str] = {
    AuthError: "the endpoint does not accept the gateway's own key",
    NoEndpoint: "the endpoint does not exist, or the gateway's own key is not for it",
    JobFailed: "the job failed",
    JobTimedOut: "the job took too long",
    JobCancelled: "the job was cancelled at the endpoint",
    Incomplete: "the endpoint lost a part of the speech",
}


class GatewayStartError(Exception):
    """The gateway cannot start; the message is one line that says what to do."""


class GatewayError(Exception):
    """A request that cannot be served; `code` is part of the protocol."""

    code = "internal"
    status = 500

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code

    def as_json(self) -> dict[str, Any]:
        """Return the error's code and message."""
        return {"code": self.code, "message": str(self)}


class BadRequest(GatewayError):
    """The input breaks a rule."""

    code, status = "invalid_input", 400


class BadMessage(GatewayError):
    """A message that is none of this protocol."""

    code, status = "bad_message", 400


class ContextEnded(GatewayError):
    """The context was closed or cancelled, and takes no more text."""

    code, status = "context_ended", 400


class TooLarge(GatewayError):
    """More than the gateway takes at once."""

    code, status = "too_large", 413


class Unauthorized(GatewayError):
    """No token, or not one of ours."""

    code, status = "unauthorized", 401


class OriginRefused(GatewayError):
    """A page of another site, which is not on the list."""

    code, status = "origin_refused", 403


class MissingResource(GatewayError):
    """There is no such thing, or no longer."""

    code, status = "not_found", 404


class RangeRefused(GatewayError):
    """The bytes asked for will never be there; `total` is the whole's length."""

    code, status = "range_refused", 416

    def __init__(self, message: str, total: int) -> None:
        super().__init__(message)
        self.total = total


class Exhausted(GatewayError):
    """A limit is reached; it is worth coming again after `retry_after` seconds."""

    code, status = "rate_limited", 429

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EndpointFailed(GatewayError):
    """The endpoint, or the way to it, failed."""

    code, status = "endpoint_failed", 502


class RequestEnding(GatewayError):
    """The gateway is being stopped; another takes its place after `retry_after` seconds."""

    code, status = "shutting_down", 503

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def translated(error: ChatterpodError) -> GatewayError:
    """Return the client's error as one of ours: what the asker did wrong, or what failed behind us."""
    if isinstance(error, InvalidInput):
        return BadRequest(str(error), error.code)
    if isinstance(error, JobFailed) and error.code != "failed":
        return EndpointFailed(str(error), error.code)
    said = next(
        (said for kind, said in TOLD.items() if isinstance(error, kind)), "the endpoint did not answer"
    )
    return EndpointFailed(said)
