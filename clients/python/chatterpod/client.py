"""The synchronous client: a driver that carries out the core's effects with httpx and threads."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import Any, Self, TypeVar, Unpack

import httpx

from chatterpod import operations
from chatterpod.config import configured
from chatterpod.driving import answer_of, http_options, no_answer_of
from chatterpod.errors import ApiError
from chatterpod.flow import (
    Begin,
    Flow,
    HttpAnswer,
    LoadPart,
    NextDone,
    NoAnswer,
    Send,
    Session,
    StorePart,
    Wait,
)
from chatterpod.longform import Plan, Retake, long_speech, one_job, plan_of, produce
from chatterpod.operations import OpenJobs
from chatterpod.protocol import Chunk, Reception
from chatterpod.request import InputOptions, input_of
from chatterpod.speech import Speech
from chatterpod.store import Store

__all__ = ["Client", "Job"]

T = TypeVar("T")
LEAVE_SECONDS = 5.0  # to wait for submissions under way, so that their jobs can be cancelled
WIDTH = 8  # parallel jobs of a long text: as many as a small worker has slots


class Client:
    """A client of one endpoint. Close it, or use it in a `with`; use it from one thread at a time.

    Args:
        endpoint_id: By default RUNPOD_ENDPOINT_ID.
        api_key: By default RUNPOD_API_KEY.
        base_url: By default RUNPOD_ENDPOINT_BASE_URL, else https://api.runpod.ai/v2.
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
        timeout: float = 900.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config = configured(endpoint_id, api_key, base_url)
        self._session = Session(timeout)
        self._sleep = sleep
        self._transport = transport
        self._http = httpx.Client(**http_options(self._config), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def endpoint(self) -> str:
        """The endpoint's URL."""
        return self._config.url

    def twin(self) -> "Client":
        """Return another client of the same endpoint, for use in another thread."""
        config = self._config
        return Client(
            config.endpoint_id,
            config.api_key,
            config.base_url,
            timeout=self._session.timeout,
            transport=self._transport,
            sleep=self._sleep,
        )

    def submit(self, text: str | None = None, **options: Unpack[InputOptions]) -> "Job":
        """Queue a speech; return its job, without waiting. Arguments: as `speak`."""
        return self.job(self._run(operations.submit(self._session, input_of(text, options))))

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
        return self._run(operations.status(self._session, job_id))

    def cancel(self, job_id: str) -> None:
        """Cancel the job; a job that has ended stays as it is."""
        self._run(operations.cancel(self._session, job_id))

    def health(self) -> dict[str, Any]:
        """Return the endpoint's counts of jobs and workers."""
        return self._run(operations.health(self._session))

    def operate(self, op: str, **fields: Any) -> dict[str, Any]:
        """Run one of the worker's operations (`voices`, `warm`, `info` …); return its record.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return self._finish(lambda jobs: operations.operate(self._session, {"op": op, **fields}, jobs))

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
        if one_job(plan, store):
            return self._finish(lambda jobs: operations.speak(self._session, plan.inputs[0], jobs))
        return self._finish(lambda jobs: long_speech(self._session, plan, jobs, width), store)

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
        with (
            self._cancelling() as jobs,
            closing(self._drive(produce(self._session, plan, jobs, width), store, jobs)) as chunks,
        ):
            yield chunks

    def receive(self, job_id: str) -> Iterator[Chunk]:
        """Yield the audio of a submitted job, from the first record that /stream still has.

        Raises:
            ChatterpodError: One of its kinds.
        """
        yield from self._drive(operations.receive(self._session, job_id, Reception()))

    def result(self, job_id: str) -> Speech:
        """Wait until a job is completed; return its speech.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return operations.speech_of(self._run(operations.result(self._session, job_id)))

    def perform(self, flow_of: Callable[[Session, OpenJobs], Flow[T]], *, timeout: float | None = None) -> T:
        """Carry out a flow of `chatterpod.operations`; cancel its jobs if it raises."""
        session = self._session if timeout is None else replace(self._session, timeout=timeout)
        return self._finish(lambda jobs: flow_of(session, jobs))

    def _finish(self, flow_of: Callable[[OpenJobs], Flow[T]], store: Store | None = None) -> T:
        with self._cancelling() as jobs:
            return self._run(flow_of(jobs), store, jobs)

    @contextmanager
    def _cancelling(self) -> Iterator[OpenJobs]:
        jobs = OpenJobs()
        try:
            yield jobs
        finally:
            if jobs:
                self._run(operations.cancel_open(self._session, jobs))

    def _run(self, flow: Flow[T], store: Store | None = None, jobs: OpenJobs | None = None) -> T:
        with closing(self._drive(flow, store, jobs)) as driver:
            while True:
                try:
                    next(driver)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]  # the generator's own type says it

    def _drive(
        self, flow: Flow[T], store: Store | None = None, jobs: OpenJobs | None = None
    ) -> Generator[Chunk, None, T]:
        """Carry out a flow's effects; yield its chunks, return its result."""
        done: queue.SimpleQueue[tuple[int, HttpAnswer | NoAnswer | float]] = queue.SimpleQueue()
        submitting: list[threading.Thread] = []
        reply: Any = None
        try:
            while True:
                try:
                    effect = flow.send(reply)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]  # likewise
                reply = None
                match effect:
                    case Chunk():
                        yield effect
                    case Send() | Wait():
                        reply = self._result_of(effect, jobs, submitting)
                    case Begin():
                        self._begin(effect, done, jobs, submitting)
                    case NextDone():
                        reply = done.get()
                    case LoadPart():
                        reply = store.get(effect.name) if store else None
                    case StorePart() if store:
                        store.put(effect.name, effect.data)
        finally:
            for thread in submitting:  # they add the ids of their jobs, which are then cancelled
                with suppress(RuntimeError):  # interrupted before the thread was started
                    thread.join(LEAVE_SECONDS)

    def _result_of(
        self, effect: Send | Wait, jobs: OpenJobs | None, submitting: list[threading.Thread]
    ) -> HttpAnswer | NoAnswer | float:
        """Carry out an effect and return its result.

        A submission runs in a thread: if this one is interrupted meanwhile, the job's id is still noted.
        """
        if isinstance(effect, Wait) or effect.operation != "run":
            return self._perform(effect, jobs)
        done: queue.SimpleQueue[tuple[int, HttpAnswer | NoAnswer | float]] = queue.SimpleQueue()
        self._begin(Begin(0, effect), done, jobs, submitting)
        return done.get()[1]

    def _begin(
        self,
        begin: Begin,
        done: "queue.SimpleQueue[tuple[int, Any]]",
        jobs: OpenJobs | None,
        submitting: list[threading.Thread],
    ) -> None:
        """Carry out an effect in a thread; add it to `submitting`, before it starts, if it submits a job."""
        thread = threading.Thread(target=self._run_in_thread, args=(begin, done, jobs), daemon=True)
        if isinstance(begin.effect, Send) and begin.effect.operation == "run":
            submitting.append(thread)
        thread.start()

    def _run_in_thread(
        self, begin: Begin, done: "queue.SimpleQueue[tuple[int, Any]]", jobs: OpenJobs | None
    ) -> None:
        try:
            done.put((begin.tag, self._perform(begin.effect, jobs)))
        except Exception:  # noqa: BLE001 - the client was closed meanwhile, and the result is not used
            done.put((begin.tag, NoAnswer("closed", time.monotonic())))

    def _perform(self, effect: Send | Wait, jobs: OpenJobs | None) -> HttpAnswer | NoAnswer | float:
        if isinstance(effect, Wait):
            if effect.seconds > 0:
                self._sleep(effect.seconds)
            return time.monotonic()
        began = time.monotonic()
        try:
            response = self._http.request(effect.method, effect.path, content=effect.body)
        except httpx.HTTPError as error:
            return no_answer_of(error, time.monotonic(), self._http.base_url)
        answer = answer_of(response, began, time.monotonic())
        if jobs is not None:
            jobs.note(effect, answer)
        return answer


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
