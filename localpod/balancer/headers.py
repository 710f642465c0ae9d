"""What the balancer does with headers: checks the key, and passes on what belongs to both ends. No I/O."""

import secrets
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

__all__ = ["authorize", "passed_on"]

HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
}
HANDSHAKE = "sec-websocket-"  # of one connection: the other one makes its own


def authorize(headers: Headers, expected: str | None) -> None:
    """Check the key of a request; `expected` None is any.

    Raises:
        HTTPException: 401 if it is missing or wrong.
    """
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise _refusal("send the header Authorization: Bearer KEY")
    if not secrets.compare_digest(key.encode(), (expected or key).encode()):
        raise _refusal("the key is wrong, expected that of --api-key")


def passed_on(headers: Iterable[tuple[str, str]], *more: str) -> list[tuple[str, str]]:
    """Return the headers without those of one connection, and without `more`, in small letters."""
    without = HOP_BY_HOP | set(more)
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in without and not name.lower().startswith(HANDSHAKE)
    ]


def _refusal(message: str) -> HTTPException:
    return HTTPException(401, message, {"WWW-Authenticate": "Bearer"})
