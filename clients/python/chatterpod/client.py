"""The client: RunPod's operations over httpx, and a job's audio as it comes."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

import httpx

from chatterpod.config import configured
from chatterpod.errors import ApiError, AuthError, JobTimedOut
from chatterpod.protocol import FINAL, Chunk, Reception

__all__ = ["Client", "Speech"]

READ_SECONDS = 100.0  # the endpoint may hold a GET for 90 s
TRIES = 8  # of one request that meets trouble of the passing kind
SHORT = 500  # characters that /runsync answers in one go
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 524})


@dataclass(frozen=True, slots=True)
class Speech:
    """A whole speech."""

    audio: bytes  # the file, tags included
    duration_ms: int
    segments: tuple[Mapping[str, Any], ...]
    summary: Mapping[str, Any]


class Client:
    """Talks to one endpoint; close it, or use it in a `with`.

    Args:
        endpoint_id: The endpoint; by default RUNPOD_ENDPOINT_ID.
        api_key: A key that may use it; by default RUNPOD_API_KEY.
        base_url: By default RUNPOD_ENDPOINT_BASE_URL, else RunPod's.
        timeout: Seconds after which a job is given up and cancelled.
        transport: Another way to the endpoint, for tests.
        sleep: What waits, for tests.

    Raises:
        AuthError: There is no endpoint or no key.
    """

    def __init__(
        self,
        endpoint_id: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = 900.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        config = configured(endpoint_id, api_key, base_url)
        self._timeout = timeout
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=config.url,
            headers={"Authorization": f"Bearer {config.api_key}"},
            timeout=httpx.Timeout(10.0, read=READ_SECONDS),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, text: str, **options: Any) -> str:
        """Queue a speech and return its job's id; `options` are the fields of the request."""
        return str(self._call("POST", "/run", {"input": {"text": text, **options}}, tries=1)["id"])

    def status(self, job: str) -> dict[str, Any]:
        """Return the job's state as RunPod gives it."""
        return self._call("GET", f"/status/{job}")

    def cancel(self, job: str) -> None:
        """Cancel the job; one that has ended stays as it is."""
        self._call("POST", f"/cancel/{job}")

    def health(self) -> dict[str, Any]:
        """Return the endpoint's counts of jobs and workers."""
        return self._call("GET", "/health")

    @contextmanager
    def stream(self, text: str, **options: Any) -> Iterator[Iterator[Chunk]]:
        """Speak, and give the audio out as it is made; leaving early cancels the job.

        Raises:
            ChatterpodError: One of its kinds, from the iterator.
        """
        job = self.submit(text, **{"stream": True} | options)
        ended = False

        def chunks() -> Iterator[Chunk]:
            nonlocal ended
            yield from self.receive(job)
            ended = True

        try:
            yield chunks()
        finally:
            if not ended:
                with suppress(ApiError):
                    self.cancel(job)

    def receive(self, job: str) -> Iterator[Chunk]:
        """Yield the audio of a job that was submitted, from where it has got to.

        Raises:
            ChatterpodError: One of its kinds.
        """
        reception, idle, began = Reception(), 0, time.monotonic()
        while not reception.done:
            asked = time.monotonic()
            if asked - began > self._timeout:
                raise JobTimedOut(f"the job was not done within {self._timeout:.0f} s")
            if reception.needs_status:
                chunks = reception.take_status(self.status(job))
            else:
                chunks = reception.take_stream(self._call("GET", f"/stream/{job}"))
            yield from chunks
            idle = 0 if chunks else idle + 1
            if not chunks and not reception.needs_status and time.monotonic() - asked < 0.2:
                self._sleep(min(1.0, 0.1 * 2 ** min(idle, 4)))
            elif not chunks and idle > 1 and reception.needs_status:
                self._sleep(0.2)

    def speak(self, text: str, **options: Any) -> Speech:
        """Speak, and return the whole file.

        Raises:
            ChatterpodError: One of its kinds.
        """
        given = {"text": text, "stream": False, **options}
        if len(text) <= SHORT:
            reply = self._call("POST", "/runsync", {"input": given}, tries=1)
            if reply.get("status") in FINAL:
                reception = Reception()
                return assembled(reception.take_status(reply))
            job = str(reply["id"])
        else:
            job = str(self._call("POST", "/run", {"input": given}, tries=1)["id"])
        return assembled(list(self.receive(job)))

    def _call(self, method: str, path: str, body: Any = None, tries: int = TRIES) -> dict[str, Any]:
        """Make a request; try again, ever later, where the trouble may pass.

        A submission is never repeated after it may have arrived: it would be spoken twice.
        """
        for attempt in range(1, tries + 1):
            wait = min(10.0, 0.2 * 2**attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
            try:
                reply = self._http.request(method, path, json=body)
            except httpx.ConnectError as error:
                trouble = ApiError(f"the endpoint cannot be reached: {type(error).__name__}")
            except httpx.HTTPError as error:
                trouble = ApiError(f"the endpoint did not answer: {type(error).__name__}")
            else:
                if reply.is_success:
                    return answer(reply)
                trouble = refusal(reply)
                if reply.status_code not in PASSING:
                    raise trouble
                wait = max(wait, seconds(reply.headers.get("Retry-After")))
            if attempt == tries:
                raise trouble
            self._sleep(wait)
        raise AssertionError("a request has at least one try")


def assembled(chunks: list[Chunk]) -> Speech:
    """Return the chunks as one speech."""
    summary = dict(chunks[-1].summary or {})
    segments = tuple(segment for chunk in chunks for segment in chunk.segments)
    audio = b"".join(chunk.audio for chunk in chunks)
    return Speech(audio, int(summary.get("duration_ms", 0)), segments, summary)


def answer(reply: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a reply.

    Raises:
        ApiError: It holds something else.
    """
    try:
        content = reply.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ApiError("the endpoint's answer is no JSON object", reply.status_code)
    return content


def refusal(reply: httpx.Response) -> ApiError:
    """Return the error for a reply with an HTTP error; it never holds the key."""
    status = reply.status_code
    if status in {401, 403}:
        return AuthError(f"the endpoint refused the API key (HTTP {status})", status)
    if status == 404:
        return ApiError("there is no such endpoint or job (HTTP 404)", status)
    return ApiError(f"the endpoint answered HTTP {status}", status)


def seconds(header: str | None) -> float:
    """Return a Retry-After in seconds, at most a minute; 0 where there is none to go by."""
    return min(60.0, float(header)) if header and header.isdigit() else 0.0
