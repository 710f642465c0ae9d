"""The effects that a flow yields, and one HTTP request with its retries. No I/O, no clock.

A flow is a generator: it yields effects and is sent their results. `Client` and `AsyncClient` are
drivers: they carry effects out and know nothing else. A flow of audio also yields `Chunk`s, which
the driver passes to its caller.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from chatterpod.errors import ApiError, AuthError, ConfigError, NotFound
from chatterpod.pace import RETRIED, Pace, back_off
from chatterpod.protocol import Chunk

__all__ = [
    "Begin",
    "Flow",
    "HeldTooLong",
    "HttpAnswer",
    "LoadPart",
    "NextDone",
    "NoAnswer",
    "Send",
    "Session",
    "StorePart",
    "Wait",
    "call",
    "map_chunks",
    "now",
]

T = TypeVar("T")
TRIES = 10  # of a request that fails in a way that may pass
CONNECT_TRIES = 5  # of a request for which no connection could be made
HELD_TOO_LONG = 524  # Cloudflare's status for an origin that took too long to answer


@dataclass(frozen=True, slots=True)
class Send:
    """Make a request; the result is an `HttpAnswer` or `NoAnswer`."""

    method: str
    path: str
    body: bytes | None = None  # JSON

    @property
    def operation(self) -> str:
        """RunPod's name for the operation: the first word of the path."""
        return self.path.split("/")[1].partition("?")[0]


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep; the result is the time afterwards, in seconds of the driver's clock."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Begin:
    """Start a `Send` or `Wait` without waiting for it; `NextDone` returns its result."""

    tag: int
    effect: Send | Wait


@dataclass(frozen=True, slots=True)
class NextDone:
    """Wait until one of the started effects is done; the result is its tag and its result."""


@dataclass(frozen=True, slots=True)
class LoadPart:
    """Read a finished part of a long text from the store; the result is its bytes, or None."""

    name: str


@dataclass(frozen=True, slots=True)
class StorePart:
    """Write a finished part of a long text to the store; the result is None."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer."""

    status: int
    content: Any  # parsed JSON, None if the body is not JSON
    at: float  # when it came, in seconds of the driver's clock
    took: float  # seconds
    retry_after: float = 0.0  # seconds, 0 without such a header


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request, or its answer, was lost."""

    kind: str  # the exception's class
    at: float  # when, in seconds of the driver's clock
    reached: bool = True  # whether a connection was made
    host: str = ""


Effect = Send | Wait | Begin | NextDone | LoadPart | StorePart
# What is sent back depends on the effect, which a Generator's type cannot express: hence Any.
Flow = Generator[Effect | Chunk, Any, T]


@dataclass(slots=True)
class Session:
    """What all flows of one client share."""

    timeout: float  # seconds for a job
    pace: Pace = field(default_factory=Pace)
    random: Random = field(default_factory=Random)


class HeldTooLong(ApiError):
    """A /runsync took longer than a proxy on the way waits, so the id of its job is unknown."""


def now() -> Flow[float]:
    """Return the time of the driver's clock."""
    return float((yield Wait(0.0)))


def map_chunks(flow: Flow[T], replace: Callable[[Chunk], Iterable[Chunk]]) -> Flow[T]:
    """Run a flow; yield `replace(chunk)` in place of each of its chunks."""
    reply: Any = None
    while True:
        try:
            effect = flow.send(reply)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # the generator's own type says it
        reply = None
        if isinstance(effect, Chunk):
            yield from replace(effect)
        else:
            reply = yield effect


def call(session: Session, method: str, path: str, body: Mapping[str, Any] | None = None) -> Flow[HttpAnswer]:
    """Make a request; retry after growing pauses while the failure may pass.

    A submission whose answer was lost is sent again too. If the first one had arrived, the worker
    speaks once for both (requests of one cache key share their speech), or the second is a cache hit.

    Raises:
        ApiError: or a subclass: the request was refused, or failed after all retries.
        ConfigError: The body cannot be written as JSON.
    """
    send = Send(method, path, None if body is None else encoded(body))
    for tried in range(1, TRIES + 1):
        delay = session.pace.delay(send.operation, (yield from now()))
        if delay > 0:
            yield Wait(delay)
        answer: HttpAnswer | NoAnswer = yield send
        if isinstance(answer, HttpAnswer) and 200 <= answer.status < 300 and isinstance(answer.content, dict):
            return answer
        if send.operation == "runsync" and held_too_long(answer):
            raise HeldTooLong("the request took longer than a proxy on the way allows", HELD_TOO_LONG)
        if isinstance(answer, HttpAnswer) and answer.status >= 300 and answer.status not in RETRIED:
            raise refusal(answer)
        if isinstance(answer, NoAnswer) and not answer.reached and tried >= CONNECT_TRIES:
            break
        if tried < TRIES:
            least = answer.retry_after if isinstance(answer, HttpAnswer) else 0.0
            yield Wait(back_off(tried, session.random, least))
    raise refusal(answer)


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return a body as JSON.

    Raises:
        ConfigError: It holds bytes, NaN, a lone surrogate, or something else that JSON does not have.
    """
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"the text has a lone surrogate, expected Unicode: {error.reason}") from None
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the input cannot be sent as JSON: {error}") from None


def held_too_long(answer: HttpAnswer | NoAnswer) -> bool:
    """Return whether a request timed out, in this client or in a proxy on the way."""
    if isinstance(answer, HttpAnswer):
        return answer.status == HELD_TOO_LONG
    return answer.kind == "ReadTimeout"


def refusal(answer: HttpAnswer | NoAnswer) -> ApiError:
    """Return the error for a failed request; its message never contains the API key."""
    if isinstance(answer, NoAnswer):
        where = f" at {answer.host}" if answer.host else ""
        return ApiError(f"the endpoint cannot be reached{where} ({answer.kind})")
    status = answer.status
    if status in {401, 403}:
        return AuthError(f"the endpoint refused the API key (HTTP {status})", status)
    if status == 404:
        return NotFound("there is no such endpoint or job, or its result is no longer kept", status)
    if 200 <= status < 300:
        return ApiError("the endpoint's answer is not a JSON object", status)
    reason = answer.content.get("error") if isinstance(answer.content, dict) else None
    return ApiError(
        f"the endpoint answered HTTP {status}" + (f": {str(reason)[:200]}" if reason else ""), status
    )
