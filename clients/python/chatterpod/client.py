"""The synchronous client, of an endpoint with a queue or of a server that speaks."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace
from typing import Any, Self, TypeVar, Unpack

import httpx

from chatterpod import operations
from chatterpod.config import addressed, configured
from chatterpod.direct import DirectDriver, SpeechContext
from chatterpod.errors import ApiError, ConfigError
from chatterpod.flow import Flow, Session
from chatterpod.job_driver import JobDriver
from chatterpod.longform import Plan, Retake, long_speech, one_job, plan_of, produce
from chatterpod.operations import OpenJobs
from chatterpod.protocol import Chunk, Reception
from chatterpod.request import InputOptions, input_of
from chatterpod.speech import Speech
from chatterpod.store import Store

__all__ = ["Client", "Job"]

T = TypeVar("T")
WIDTH = 8  # parallel jobs of a long text: as many as a small worker has slots


class Client:
    """A client of one endpoint. Close it, or use it in a `with`; use it from one thread at a time.

    With `url` it speaks to a gateway, a direct worker or a load balancer instead of a queue: `speak`,
    `stream` and `context`. What needs a queue raises ConfigError then.

    Args:
        endpoint_id: By default RUNPOD_ENDPOINT_ID.
        api_key: By default RUNPOD_API_KEY; with `url` its token, by default CHATTERPOD_TOKEN.
        base_url: By default RUNPOD_ENDPOINT_BASE_URL, else https://api.runpod.ai/v2.
        url: By default CHATTERPOD_URL.
        timeout: Seconds after which a job is given up and cancelled.
        transport: httpx's transport; tests pass a fake.
        sleep: Waits a number of seconds; tests pass a fake.

    Raises:
        ConfigError: The endpoint or the key is missing or malformed.
    """

    def __init__(
        self,
        endpoint_id: str | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        url: str | None = None,
        timeout: float = 900.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = Session(timeout)
        self._given: dict[str, Any] = {"timeout": timeout, "transport": transport, "sleep": sleep}
        self._direct: DirectDriver | None = None
        self._queue: JobDriver | None = None
        if (address := addressed(url, endpoint_id, api_key)) is not None:
            self.endpoint = address.url
            self._given |= {"url": address.url, "api_key": address.token}
            self._direct = DirectDriver(address, timeout, sleep)
        else:
            config = configured(endpoint_id, api_key, base_url)
            self.endpoint = config.url
            self._given |= {"endpoint_id": config.endpoint_id, "api_key": config.api_key}
            self._given |= {"base_url": config.base_url}
            self._queue = JobDriver(config, self._session, transport, sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        if self._queue is not None:
            self._queue.close()

    def twin(self) -> "Client":
        """Return another client of the same endpoint, for use in another thread."""
        return Client(**self._given)

    @property
    def _jobs(self) -> JobDriver:
        if self._queue is None:
            raise ConfigError("this needs an endpoint with a queue, and the client has a URL", "no_queue")
        return self._queue

    def submit(self, text: str | None = None, **options: Unpack[InputOptions]) -> "Job":
        """Queue a speech; return its job, without waiting. Arguments: as `speak`."""
        return self.job(self._jobs.run(operations.submit(self._session, input_of(text, options))))

    @contextmanager
    def started(self, text: str | None = None, **options: Unpack[InputOptions]) -> Iterator["Job"]:
        """Queue a speech as `submit` does; cancel its job if the block raises."""
        job = self.submit(text, **options)
        try:
            yield job
        except BaseException:
            with suppress(ApiError):
                job.cancel()
            raise

    def job(self, job_id: str) -> "Job":
        """Return the job of an id, without a request."""
        return Job(self, job_id)

    def status(self, job_id: str) -> dict[str, Any]:
        """Return RunPod's reply about the job, with `status`, `output`, `delayTime` and others."""
        return self._jobs.run(operations.status(self._session, job_id))

    def cancel(self, job_id: str) -> None:
        """Cancel the job; a job that has ended stays as it is."""
        self._jobs.run(operations.cancel(self._session, job_id))

    def health(self) -> dict[str, Any]:
        """Return the endpoint's counts of jobs and workers."""
        return self._jobs.run(operations.health(self._session))

    def operate(self, op: str, **fields: Any) -> dict[str, Any]:
        """Run one of the worker's operations (`voices`, `warm`, `info` …); return its record.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return self._jobs.finish(lambda jobs: operations.operate(self._session, {"op": op, **fields}, jobs))

    def speak(
        self,
        text: str | None = None,
        *,
        width: int = WIDTH,
        store: Store | None = None,
        retake: Sequence[Retake] = (),
        **options: Unpack[InputOptions],
    ) -> Speech:
        """Speak a text of any length, or `turns`; return the whole speech.

        Args:
            text: The text; None if `turns` are given.
            width: Parallel jobs of a long text, 1 to 100.
            store: Keeps finished parts of a long text, so that a second run speaks only the others.
            retake: Parts of a long text to speak with another seed.
            options: Fields of the worker's input (docs/api.md), and RunPod's `webhook` and `policy`.

        Raises:
            ChatterpodError: One of its kinds.
        """
        plan = plan_of(self.endpoint, input_of(text, options), retake)
        if self._direct is not None:
            return self._direct.speak(plan, store)
        if one_job(plan, store):
            return self._jobs.finish(lambda jobs: operations.speak(self._session, plan.inputs[0], jobs))
        return self._jobs.finish(lambda jobs: long_speech(self._session, plan, jobs, width), store)

    @contextmanager
    def stream(
        self,
        text: str | None = None,
        *,
        width: int = WIDTH,
        store: Store | None = None,
        retake: Sequence[Retake] = (),
        **options: Unpack[InputOptions],
    ) -> Iterator[Iterator[Chunk]]:
        """Speak as `speak` does; iterate over the audio as it is made. Leaving early cancels open jobs.

        Raises:
            ChatterpodError: One of its kinds, from the iterator.
        """
        plan = plan_of(self.endpoint, input_of(text, options), retake)
        with self.stream_plan(plan, width=width, store=store) as chunks:
            yield chunks

    @contextmanager
    def stream_plan(
        self, plan: Plan, *, width: int = WIDTH, store: Store | None = None
    ) -> Iterator[Iterator[Chunk]]:
        """Stream the speech of a plan (`chatterpod.longform.plan_of`) as `stream` does."""
        if self._direct is not None:
            with closing(self._direct.stream(plan, store)) as chunks:
                yield chunks
            return
        with (
            self._jobs.cancelling() as jobs,
            closing(self._jobs.drive(produce(self._session, plan, jobs, width), store, jobs)) as chunks,
        ):
            yield chunks

    def context(self, **options: Unpack[InputOptions]) -> AbstractContextManager[SpeechContext]:
        """Begin a speech whose text may still come; leaving early stops it. It needs `url`.

        Raises:
            ConfigError: The client has no URL.
        """
        if self._direct is None:
            raise ConfigError("a context needs a URL, and the client has an endpoint with a queue", "no_url")
        return self._direct.context(options)

    def receive(self, job_id: str) -> Iterator[Chunk]:
        """Yield the audio of a submitted job, from the first record that /stream still has.

        Raises:
            ChatterpodError: One of its kinds.
        """
        yield from self._jobs.drive(operations.receive(self._session, job_id, Reception()))

    def result(self, job_id: str) -> Speech:
        """Wait until a job is completed; return its speech.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return operations.speech_of(self._jobs.run(operations.result(self._session, job_id)))

    def perform(self, flow_of: Callable[[Session, OpenJobs], Flow[T]], *, timeout: float | None = None) -> T:
        """Carry out a flow of `chatterpod.operations`; cancel its jobs if it raises."""
        session = self._session if timeout is None else replace(self._session, timeout=timeout)
        return self._jobs.finish(lambda jobs: flow_of(session, jobs))


class Job:
    """One job of a client. Methods raise what the client's methods of the same name raise."""

    def __init__(self, client: Client, job_id: str) -> None:
        self.id = job_id
        self._client = client

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def status(self) -> dict[str, Any]:
        """Return RunPod's reply about the job, with `status`, `output`, `delayTime` and others."""
        return self._client.status(self.id)

    def cancel(self) -> None:
        """Cancel the job; a job that has ended stays as it is."""
        self._client.cancel(self.id)

    def stream(self) -> Iterator[Chunk]:
        """Yield its audio as `Client.receive` does."""
        return self._client.receive(self.id)

    def result(self) -> Speech:
        """Wait until it is completed; return its speech."""
        return self._client.result(self.id)
