"""One speech over the WebSocket of a gateway or a direct worker, `/v1/stream`. No I/O, no clock.

Messages are JSON in text frames; audio comes in binary frames, each after the message that describes it
(docs/how-to/gateway.md). If the connection is lost, a whole text is spoken again, and what was given out is
skipped, as with a job that RunPod runs again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from chatterpod.errors import (
    ApiError,
    AuthError,
    ChatterpodError,
    ConfigError,
    Incomplete,
    JobFailed,
    JobTimedOut,
    NotFound,
    WorkerBusy,
    job_failed,
)
from chatterpod.pace import RETRIED, back_off
from chatterpod.protocol import Chunk, Reception

__all__ = ["Heard", "Listening", "Lost", "Tries", "context_message", "message_of", "refused", "speak_message"]

TRIES = 10  # of one speech, whose connections fail in ways that may pass
UNREACHED_TRIES = 5  # of connections that nobody accepts
NO_WORKER = 400  # RunPod's load balancer, after two minutes without a worker
SET_HERE = ("stream", "opening")  # fields of a job that are the server's own affair here
QUEUES = ("turns", "webhook", "policy", "s3Config", "voice_url", "last_pause_ms")
NOT_SUMMARY = ("type", "context_id", "bytes")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener has heard of a text: up to the end of the last whole word."""

    char_end: int
    text: str


def speak_message(job_input: Mapping[str, Any]) -> str:
    """Return the message that has a whole text spoken.

    Raises:
        ConfigError: A field is for a queue.
    """
    return json.dumps({"type": "speak", **_fields(job_input)})


def context_message(options: Mapping[str, Any]) -> str:
    """Return the message that begins a context; raises as `speak_message`."""
    given = {name: value for name, value in options.items() if value is not None}
    return json.dumps({"type": "start", **_fields(given)})


def _fields(job_input: Mapping[str, Any]) -> dict[str, Any]:
    for name in QUEUES:
        if name in job_input:
            instead = ": write [voice:NAME] into the text" if name == "turns" else ""
            raise ConfigError(f"{name} is for an endpoint with a queue, and this is a URL{instead}")
    return {name: value for name, value in job_input.items() if name not in SET_HERE}


def refused(code: str, message: str) -> ChatterpodError:
    """Return the error for one that the server sends."""
    if code in {"unauthorized", "origin_refused", "forbidden"}:
        return AuthError(f"the server refused the token: {message}", 401)
    if code == "rate_limited":
        return WorkerBusy(message)
    return job_failed(f"{code}: {message}")


class Listening:
    """Takes the frames of one context; returns chunks. `heard` is what the answer to a cancel says."""

    def __init__(self) -> None:
        self.done = False
        self.heard: Heard | None = None
        self._reception = Reception()
        self._connection = 0
        self._seq = 0
        self._next: dict[str, Any] | None = None  # describes the binary frame that comes

    def reconnected(self) -> None:
        """Expect the same speech from its beginning, over another connection."""
        self._connection += 1
        self._seq, self._next = 0, None

    def take(self, frame: str | bytes) -> list[Chunk]:
        """Take a frame; return the audio in it that is new.

        Raises:
            ChatterpodError: One of its kinds, as the server says.
            Incomplete: The frame is not one of this protocol.
        """
        if isinstance(frame, bytes):
            if self._next is None:
                raise Incomplete("the server sent audio without saying what it is")
            record, self._next = self._next, None
            return self._chunks({**record, "audio": frame})
        message = json.loads(frame)
        match message.get("type"):
            case "audio":
                self._next = {"segments": message["captions"], **_times(message)}
            case "done":
                self.done = True
                summary = {name: value for name, value in message.items() if name not in NOT_SUMMARY}
                end = int(message["duration_ms"])
                last = {"start_ms": end, "end_ms": end, "size_bytes": message["bytes"], "final": True}
                return self._chunks({**summary, **last})
            case "cancelled":
                self.done = True
                self.heard = Heard(message["heard"]["char_end"], message["heard"]["text"])
            case "error":
                raise refused(str(message.get("code")), str(message.get("message")))
        return []

    def _chunks(self, record: Mapping[str, Any]) -> list[Chunk]:
        numbered = {**record, "seq": self._seq, "attempt": self._connection}
        self._seq += 1
        return self._reception.take([numbered])


def _times(message: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(message[name]) for name in ("start_ms", "end_ms")}


def message_of(kind: str, **fields: Any) -> str:
    """Return a message about the connection's one context."""
    return json.dumps({"type": kind, **fields})


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection that failed, or was not made."""

    host: str
    kind: str  # the exception's class
    status: int | None = None  # of the answer, if the WebSocket was refused
    reached: bool = True  # whether a connection was made


@dataclass(slots=True)
class Tries:
    """Decides what follows a failure: a pause before the next connection, or an error."""

    timeout: float  # seconds for a speech, from its beginning
    random: Random = field(default_factory=Random)
    failures: int = 0

    def pause(self, failure: Lost | JobFailed, seconds: float) -> float:
        """Count a failure `seconds` after the beginning; return for how long to wait.

        Raises:
            ChatterpodError: It will not pass, or has come too often.
        """
        self.failures += 1
        error = error_of(failure)
        most = UNREACHED_TRIES if isinstance(failure, Lost) and not failure.reached else TRIES
        if not may_pass(failure) or self.failures >= most:
            raise error
        self.check(seconds)
        return back_off(self.failures, self.random)

    def check(self, seconds: float) -> None:
        """Check the time that a speech has taken.

        Raises:
            JobTimedOut: More than the timeout.
        """
        if seconds > self.timeout:
            raise JobTimedOut(f"the speech was not done within {self.timeout:g} s")


def may_pass(failure: Lost | JobFailed) -> bool:
    """Return whether the same speech may succeed over another connection."""
    if isinstance(failure, JobFailed):
        return failure.passing
    return failure.status is None or failure.status in RETRIED or failure.status == NO_WORKER


def error_of(failure: Lost | JobFailed) -> ChatterpodError:
    """Return the error for a failure; its message never has the token in it."""
    if isinstance(failure, JobFailed):
        return failure
    if failure.status in {401, 403}:
        return AuthError(f"the server refused the token (HTTP {failure.status})", failure.status)
    if failure.status == 404:
        return NotFound(f"there is no speech server at {failure.host}", 404)
    if failure.status is not None:
        return ApiError(f"the server at {failure.host} answered HTTP {failure.status}", failure.status)
    return ApiError(f"the server cannot be reached at {failure.host} ({failure.kind})")
