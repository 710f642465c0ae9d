"""The gateway's errors, each with the code and the HTTP status that a client gets.

GatewayError                 code                 HTTP
  BadRequest               invalid_input        400   and the worker's own codes for bad input
  BadMessage               bad_message          400   not JSON, or not a message of this protocol
  ContextEnded             context_ended        400
  TooLarge                 too_large            413
  TooSlow                  too_slow             408
  Unauthorized             unauthorized         401
  OriginRefused            origin_refused       403
  Forbidden                forbidden            403   the token is known, but may not do this
  MissingResource          not_found            404
  RangeRefused             range_refused        416
  Exhausted                rate_limited         429   `retry_after`: seconds until it is worth trying again
  EndpointFailed           endpoint_failed      502   and the worker's own codes for its failures
  GatewayShutdown          shutting_down        503   likewise

GatewayStartError is not one of them: it stops the gateway before it listens.

A message names what came and what is allowed. It never has a token, RunPod's key, the endpoint's id or a
traceback in it.
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
    "Forbidden",
    "GatewayError",
    "GatewayShutdown",
    "GatewayStartError",
    "MissingResource",
    "OriginRefused",
    "RangeRefused",
    "TooLarge",
    "TooSlow",
    "TryLater",
    "Unauthorized",
    "translated",
]


MESSAGES: dict[type[ChatterpodError], str] = {
    AuthError: "the endpoint does not accept the gateway's own key",
    NoEndpoint: "the endpoint does not exist, or the gateway's own key is not for it",
    JobFailed: "the job failed",
    JobTimedOut: "the job took too long",
    JobCancelled: "the job was cancelled at the endpoint",
    Incomplete: "the endpoint lost a part of the speech",
}


class GatewayStartError(Exception):
    """The gateway cannot start; the message is one line with what to do."""


class GatewayError(Exception):
    """An error that is sent to the client; `code` is part of the protocol."""

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
    field: str | None = None  # the request's field that breaks the rule, if it is one


class BadMessage(GatewayError):
    """The message is not one of this protocol."""

    code, status = "bad_message", 400


class ContextEnded(GatewayError):
    """The context has ended and takes no more text."""

    code, status = "context_ended", 400


class TooLarge(GatewayError):
    """The text or message is longer than the gateway takes."""

    code, status = "too_large", 413


class TooSlow(GatewayError):
    """The body did not come in time."""

    code, status = "too_slow", 408


class Unauthorized(GatewayError):
    """The token is missing or not one of GATEWAY_TOKENS."""

    code, status = "unauthorized", 401


class OriginRefused(GatewayError):
    """The page's origin is not allowed."""

    code, status = "origin_refused", 403


class Forbidden(GatewayError):
    """The token may not do this."""

    code, status = "forbidden", 403


class MissingResource(GatewayError):
    """The resource does not exist, or no longer."""

    code, status = "not_found", 404


class RangeRefused(GatewayError):
    """The range begins behind the end; `total` is the length in bytes."""

    code, status = "range_refused", 416

    def __init__(self, message: str, total: int) -> None:
        super().__init__(message)
        self.total = total


class TryLater(GatewayError):
    """The request cannot be served now; a client may try again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Exhausted(TryLater):
    """A limit is reached."""

    code, status = "rate_limited", 429


class EndpointFailed(GatewayError):
    """The endpoint failed, or could not be reached."""

    code, status = "endpoint_failed", 502


class GatewayShutdown(TryLater):
    """The gateway is being stopped."""

    code, status = "shutting_down", 503


def translated(error: ChatterpodError) -> GatewayError:
    """Return the client's error as a GatewayError: bad input, or a failure of the endpoint."""
    if isinstance(error, InvalidInput):
        return BadRequest(str(error), error.code)
    if isinstance(error, JobFailed) and error.code != "failed":
        return EndpointFailed(str(error), error.code)
    known = (message for kind, message in MESSAGES.items() if isinstance(error, kind))
    return EndpointFailed(next(known, "the endpoint did not answer"))
