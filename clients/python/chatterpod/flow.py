"""What the core asks of a driver, and how one request is made to succeed. No I/O, no clock.

A flow is a generator: it yields effects and is sent what came of them. `Client` and `AsyncClient`
are drivers: they carry effects out and know nothing else. A flow of audio also yields `Chunk`s,
which the driver hands to its user.
"""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from chatterpod.errors import ApiError, AuthError, ConfigError, NotFound
from chatterpod.pace import PASSING, Pace, back_off
from chatterpod.protocol import Chunk

__all__ = [
    "Answer",
    "Begin",
    "Flow",
    "HeldTooLong",
    "LoadPart",
    "NextDone",
    "NoAnswer",
    "Send",
    "Session",
    "StorePart",
    "Wait",
    "call",
    "now",
    "tapped",
]

T = TypeVar("T")
TRIES = 10  # of one request that meets trouble of the passing kind
KNOCKS = 5  # of one that reaches nobody at all
HELD_TOO_LONG = 524  # a gateway's patience with a /runsync has ended


@dataclass(frozen=True, slots=True)
class Send:
    """Make a request; what comes of it is an `Answer` or `NoAnswer`."""

    method: str
    path: str
    body: bytes | None = None  # JSON

    @property
    def operation(self) -> str:
        """RunPod's name of what is asked for: the path's first word."""
        return self.path.split("/")[1].partition("?")[0]


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass; what comes of it is the time then, in seconds of the driver's clock."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Begin:
    """Carry a `Send` or `Wait` out beside everything else; its result comes by `NextDone`."""

    tag: int
    effect: Send | Wait


@dataclass(frozen=True, slots=True)
class NextDone:
    """Wait for one of the effects that were begun; what comes of it is its tag and its result."""


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
class Answer:
    """An HTTP answer; `content` is its JSON, None where it has none."""

    status: int
    content: Any
    at: float  # when it came, in seconds of the driver's clock
    took: float  # seconds
    retry_after: float = 0.0  # seconds, 0 where nothing is said


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request, or its answer, was lost."""

    kind: str
    at: float
    reached: bool = True  # False: nobody was there to take it
    host: str = ""  # who was asked


Effect = Send | Wait | Begin | NextDone | LoadPart | StorePart
# What is sent back depends on the effect, which a Generator's type cannot express: hence Any.
Flow = Generator[Effect | Chunk, Any, T]


@dataclass(slots=True)
class Session:
    """What the flows of one client share."""

    timeout: float  # seconds for a job
    pace: Pace = field(default_factory=Pace)
    random: Random = field(default_factory=Random)


class HeldTooLong(ApiError):
    """A /runsync took longer than somebody on the way waits, and its job's id is lost."""


def now() -> Flow[float]:
    """Return the time of the driver's clock."""
    return float((yield Wait(0.0)))


def tapped(flow: Flow[T], take: Callable[[Chunk], Iterable[Chunk]]) -> Flow[T]:
    """Run a flow with its chunks replaced by what `take` makes of each."""
    reply: Any = None
    while True:
        try:
            effect = flow.send(reply)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # the generator's own type says it
        reply = None
        if isinstance(effect, Chunk):
            yield from take(effect)
        else:
            reply = yield effect


def call(session: Session, method: str, path: str, body: Mapping[str, Any] | None = None) -> Flow[Answer]:
    """Make a request; try again, ever later, where the trouble may pass.

    A submission whose answer was lost is sent again too. If the first had arrived after all, the
    worker speaks once for both (one synthesis for a key), or the second comes from the cache.

    Raises:
        ApiError: It did not pass; or one of its kinds.
        ConfigError: The body cannot be sent.
    """
    send = Send(method, path, None if body is None else encoded(body))
    for tried in range(1, TRIES + 1):
        delay = session.pace.delay(send.operation, (yield from now()))
        if delay > 0:
            yield Wait(delay)
        answer: Answer | NoAnswer = yield send
        if isinstance(answer, Answer) and 200 <= answer.status < 300 and isinstance(answer.content, dict):
            return answer
        if send.operation == "runsync" and held_too_long(answer):
            raise HeldTooLong("the endpoint held the request too long", HELD_TOO_LONG)
        if isinstance(answer, Answer) and answer.status >= 300 and answer.status not in PASSING:
            raise refusal(answer)
        if isinstance(answer, NoAnswer) and not answer.reached and tried >= KNOCKS:
            break
        if tried < TRIES:
            least = answer.retry_after if isinstance(answer, Answer) else 0.0
            yield Wait(back_off(tried, session.random, least))
    raise refusal(answer)


def encoded(body: Mapping[str, Any]) -> bytes:
    """Return a body as JSON.

    Raises:
        ConfigError: It holds something that JSON cannot: bytes, NaN, a lone surrogate.
    """
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"the text has a lone surrogate, expected Unicode: {error.reason}") from None
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the input cannot be sent as JSON: {error}") from None


def held_too_long(answer: Answer | NoAnswer) -> bool:
    """Return whether a request ended because it took too long, here or on the way."""
    if isinstance(answer, Answer):
        return answer.status == HELD_TOO_LONG
    return answer.kind == "ReadTimeout"


def refusal(answer: Answer | NoAnswer) -> ApiError:
    """Return the error for what came instead of an answer; it never holds the key."""
    if isinstance(answer, NoAnswer):
        where = f" at {answer.host}" if answer.host else ""
        return ApiError(f"the endpoint cannot be reached{where} ({answer.kind})")
    status = answer.status
    if status in {401, 403}:
        return AuthError(f"the endpoint refused the API key (HTTP {status})", status)
    if status == 404:
        return NotFound("there is no such endpoint or job, or its result is no longer kept", status)
    if 200 <= status < 300:
        return ApiError("the endpoint's answer is no JSON object", status)
    said = answer.content.get("error") if isinstance(answer.content, dict) else None
    return ApiError(f"the endpoint answered HTTP {status}" + (f": {str(said)[:200]}" if said else ""), status)
