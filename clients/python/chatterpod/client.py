"""The client for programs with threads: it carries out what the core asks for, with httpx."""

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
from chatterpod.driving import answered, lost, settings
from chatterpod.errors import ApiError
from chatterpod.flow import Answer, Begin, Flow, LoadPart, NextDone, NoAnswer, Send, Session, StorePart, Wait
from chatterpod.longform import Plan, Retake, long_speech, one_job, plan_of, produce
from chatterpod.operations import OpenJobs
from chatterpod.protocol import Chunk, Reception
from chatterpod.request import SpeechOptions, input_of
from chatterpod.speech import Speech
from chatterpod.store import Store

__all__ = ["Client", "Job"]

T = TypeVar("T")
LEAVE_SECONDS = 5.0  # for submissions that are under way when the reader leaves
WIDTH = 8  # jobs of a long text at once: a small worker's slots


class Client:
    """Talks to one endpoint; close it, or use it in a `with`. Not for several threads at once.

    Args:
        endpoint_id: The endpoint; by default RUNPOD_ENDPOINT_ID.
        api_key: A key that may use it; by default RUNPOD_API_KEY.
        base_url: By default RUNPOD_ENDPOINT_BASE_URL, else RunPod's.
        timeout: Seconds after which a job is given up and cancelled.
        transport: Another way to the endpoint, for tests.
        sleep: What waits, for tests.

    Raises:
        ConfigError: There is no endpoint or no key.
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
        self._http = httpx.Client(**settings(self._config), transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def endpoint(self) -> str:
        """The endpoint's address."""
        return self._config.url

    def twin(self) -> "Client":
        """Return another client of the same endpoint, for another thread."""
        config = self._config
        return Client(
            config.endpoint_id,
            config.api_key,
            config.base_url,
            timeout=self._session.timeout,
            transport=self._transport,
            sleep=self._sleep,
        )

    def submit(self, text: str | None = None, **options: Unpack[SpeechOptions]) -> "Job":
        """Queue a speech; `options` are the fields of the worker's input, and `webhook`, `policy`."""
        return self.job(self._run(operations.submit(self._session, input_of(text, options))))

    @contextmanager
    def started(self, text: str | None = None, **options: Unpack[SpeechOptions]) -> Iterator["Job"]:
        """Queue a speech as `submit` does; cancel it where the block is left by an exception."""
        job = self.submit(text, **options)
        try:
            yield job
        except BaseException:
            with suppress(ApiError):
                job.cancel()
            raise

    def job(self, job_id: str) -> "Job":
        """Return a job that was submitted, by its id."""
        return Job(self, job_id)

    def status(self, job_id: str) -> dict[str, Any]:
        """Return the job's state as RunPod gives it."""
        return self._run(operations.status(self._session, job_id))

    def cancel(self, job_id: str) -> None:
        """Cancel the job; one that has ended stays as it is."""
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
        **options: Unpack[SpeechOptions],
    ) -> Speech:
        """Speak a text of any length, or `turns`; return the whole file.

        Args:
            text: What to say.
            width: Jobs of a long text at once.
            store: Where finished parts of a long text are kept, and found again by the next run.
            retake: Parts of a long text to speak with another seed.
            options: The fields of the worker's input, and `webhook`, `policy`.

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
        **options: Unpack[SpeechOptions],
    ) -> Iterator[Iterator[Chunk]]:
        """Speak, and give the audio out as it is made; leaving early cancels what still runs.

        The arguments are those of `speak`.

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
        """Give out the speech of a plan (`chatterpod.longform.plan_of`), as `stream` does."""
        with (
            self._cancelling() as jobs,
            closing(self._drive(produce(self._session, plan, jobs, width), store, jobs)) as chunks,
        ):
            yield chunks

    def receive(self, job_id: str) -> Iterator[Chunk]:
        """Yield the audio of a job that was submitted, from where its /stream has got to.

        Raises:
            ChatterpodError: One of its kinds.
        """
        yield from self._drive(operations.receive(self._session, job_id, Reception()))

    def result(self, job_id: str) -> Speech:
        """Wait for a job's end; return its speech.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return operations.speech_of(self._run(operations.result(self._session, job_id)))

    def perform(self, flow_of: Callable[[Session, OpenJobs], Flow[T]], *, timeout: float | None = None) -> T:
        """Carry out a flow of `chatterpod.operations`; cancel its jobs where it is left."""
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
        """Carry a flow's effects out; yield its chunks, return its result."""
        done: queue.SimpleQueue[tuple[int, Answer | NoAnswer | float]] = queue.SimpleQueue()
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
                        reply = self._carried_out(effect, jobs, submitting)
                    case Begin():
                        self._begin(effect, done, jobs, submitting)
                    case NextDone():
                        reply = done.get()
                    case LoadPart():
                        reply = store.get(effect.name) if store else None
                    case StorePart() if store:
                        store.put(effect.name, effect.data)
        finally:
            for thread in submitting:  # the ids of the jobs that are to be cancelled
                with suppress(RuntimeError):  # interrupted before it was started
                    thread.join(LEAVE_SECONDS)

    def _carried_out(
        self, effect: Send | Wait, jobs: OpenJobs | None, submitting: list[threading.Thread]
    ) -> Answer | NoAnswer | float:
        """Carry an effect out; a submission beside, so that who leaves meanwhile learns its job's id."""
        if isinstance(effect, Wait) or effect.operation != "run":
            return self._perform(effect, jobs)
        done: queue.SimpleQueue[tuple[int, Answer | NoAnswer | float]] = queue.SimpleQueue()
        self._begin(Begin(0, effect), done, jobs, submitting)
        return done.get()[1]

    def _begin(
        self,
        begin: Begin,
        done: "queue.SimpleQueue[tuple[int, Any]]",
        jobs: OpenJobs | None,
        submitting: list[threading.Thread],
    ) -> None:
        """Carry an effect out in a thread; note the thread, before it starts, if it submits a job."""
        thread = threading.Thread(target=self._beside, args=(begin, done, jobs), daemon=True)
        if isinstance(begin.effect, Send) and begin.effect.operation == "run":
            submitting.append(thread)
        thread.start()

    def _beside(
        self, begin: Begin, done: "queue.SimpleQueue[tuple[int, Any]]", jobs: OpenJobs | None
    ) -> None:
        try:
            done.put((begin.tag, self._perform(begin.effect, jobs)))
        except Exception:  # noqa: BLE001 - the client was closed meanwhile: nobody waits for this
            done.put((begin.tag, NoAnswer("closed", time.monotonic())))

    def _perform(self, effect: Send | Wait, jobs: OpenJobs | None) -> Answer | NoAnswer | float:
        if isinstance(effect, Wait):
            if effect.seconds > 0:
                self._sleep(effect.seconds)
            return time.monotonic()
        began = time.monotonic()
        try:
            response = self._http.request(effect.method, effect.path, content=effect.body)
        except httpx.HTTPError as error:
            return lost(error, time.monotonic(), self._http.base_url)
        answer = answered(response, began, time.monotonic())
        if jobs is not None:
            jobs.note(effect, answer)
        return answer


class Job:
    """One job of a client, by its id."""

    def __init__(self, client: Client, job_id: str) -> None:
        self.id = job_id
        self._client = client

    def __repr__(self) -> str:
        return f"Job({self.id!r})"

    def status(self) -> dict[str, Any]:
        """Return the job's state as RunPod gives it."""
        return self._client.status(self.id)

    def cancel(self) -> None:
        """Cancel the job; one that has ended stays as it is."""
        self._client.cancel(self.id)

    def stream(self) -> Iterator[Chunk]:
        """Yield its audio, from where its /stream has got to; raises as `Client.receive`."""
        return self._client.receive(self.id)

    def result(self) -> Speech:
        """Wait for its end; return its speech; raises as `Client.result`."""
        return self._client.result(self.id)
