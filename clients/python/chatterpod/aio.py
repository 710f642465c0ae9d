"""The client for asyncio: a driver that carries out the core's effects with httpx and tasks."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, Self, TypeVar, Unpack

import httpx

from chatterpod import operations
from chatterpod.aio_direct import AsyncDirectDriver, AsyncSpeechContext
from chatterpod.config import addressed, configured
from chatterpod.driving import answer_of, http_options, no_answer_of
from chatterpod.errors import ConfigError
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

__all__ = ["AsyncClient", "AsyncJob"]

T = TypeVar("T")
LEAVE_SECONDS = 5.0  # to wait for submissions under way, so that their jobs can be cancelled
WIDTH = 8  # parallel jobs of a long text: as many as a small worker has slots


class AsyncClient:
    """A client of one endpoint for asyncio. Close it with `aclose`, or use it in an `async with`.

    The arguments are those of `Client`.

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
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = Session(timeout)
        self._sleep = sleep
        self._direct: AsyncDirectDriver | None = None
        self._queue: httpx.AsyncClient | None = None
        if (address := addressed(url, endpoint_id, api_key)) is not None:
            self.endpoint = address.url
            self._direct = AsyncDirectDriver(address, timeout, sleep)
        else:
            config = configured(endpoint_id, api_key, base_url)
            self.endpoint = config.url
            self._queue = httpx.AsyncClient(**http_options(config), transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._queue is not None:
            await self._queue.aclose()

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._queue is None:
            raise ConfigError("this needs an endpoint with a queue, and the client has a URL", "no_queue")
        return self._queue

    async def submit(self, text: str | None = None, **options: Unpack[InputOptions]) -> "AsyncJob":
        """Queue a speech; return its job, without waiting. Arguments: as `speak`."""
        return self.job(await self._run(operations.submit(self._session, input_of(text, options))))

    def job(self, job_id: str) -> "AsyncJob":
        """Return the job of an id, without a request."""
        return AsyncJob(self, job_id)

    async def status(self, job_id: str) -> dict[str, Any]:
        """Return RunPod's reply about the job, with `status`, `output`, `delayTime` and others."""
        return await self._run(operations.status(self._session, job_id))

    async def cancel(self, job_id: str) -> None:
        """Cancel the job; a job that has ended stays as it is."""
        await self._run(operations.cancel(self._session, job_id))

    async def health(self) -> dict[str, Any]:
        """Return the endpoint's counts of jobs and workers."""
        return await self._run(operations.health(self._session))

    async def operate(self, op: str, **fields: Any) -> dict[str, Any]:
        """Run one of the worker's operations (`voices`, `warm`, `info` …); return its record.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return await self._finish(lambda jobs: operations.operate(self._session, {"op": op, **fields}, jobs))

    async def speak(
        self,
        text: str | None = None,
        *,
        width: int = WIDTH,
        store: Store | None = None,
        retake: Sequence[Retake] = (),
        **options: Unpack[InputOptions],
    ) -> Speech:
        """Speak a text of any length, or `turns`; return the whole speech. Arguments: as `Client.speak`.

        Raises:
            ChatterpodError: One of its kinds.
        """
        plan = plan_of(self.endpoint, input_of(text, options), retake)
        if self._direct is not None:
            return await self._direct.speak(plan, store)
        if one_job(plan, store):
            return await self._finish(lambda jobs: operations.speak(self._session, plan.inputs[0], jobs))
        return await self._finish(lambda jobs: long_speech(self._session, plan, jobs, width), store)

    @asynccontextmanager
    async def stream(
        self,
        text: str | None = None,
        *,
        width: int = WIDTH,
        store: Store | None = None,
        retake: Sequence[Retake] = (),
        **options: Unpack[InputOptions],
    ) -> AsyncGenerator[AsyncIterator[Chunk], None]:
        """Speak as `speak` does; iterate over the audio as it is made. Leaving early cancels open jobs.

        Raises:
            ChatterpodError: One of its kinds, from the iterator.
        """
        plan = plan_of(self.endpoint, input_of(text, options), retake)
        async with self.stream_plan(plan, width=width, store=store) as chunks:
            yield chunks

    @asynccontextmanager
    async def stream_plan(
        self, plan: Plan, *, width: int = WIDTH, store: Store | None = None
    ) -> AsyncGenerator[AsyncIterator[Chunk], None]:
        """Stream the speech of a plan (`chatterpod.longform.plan_of`) as `stream` does."""
        if self._direct is not None:
            async with aclosing(self._direct.stream(plan, store)) as chunks:
                yield chunks
            return
        async with self._cancelling() as jobs:
            flow = produce(self._session, plan, jobs, width)
            async with aclosing(self._drive(flow, [], store, jobs)) as chunks:
                yield chunks

    def context(self, **options: Unpack[InputOptions]) -> AbstractAsyncContextManager[AsyncSpeechContext]:
        """Begin a speech whose text may still come; leaving early stops it. It needs `url`.

        Raises:
            ConfigError: The client has no URL.
        """
        if self._direct is None:
            raise ConfigError("a context needs a URL, and the client has an endpoint with a queue", "no_url")
        return self._direct.context(options)

    def receive(self, job_id: str) -> AsyncGenerator[Chunk, None]:
        """Yield the audio of a submitted job, from the first record that /stream still has.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return self._drive(operations.receive(self._session, job_id, Reception()), [])

    async def result(self, job_id: str) -> Speech:
        """Wait until a job is completed; return its speech.

        Raises:
            ChatterpodError: One of its kinds.
        """
        return operations.speech_of(await self._run(operations.result(self._session, job_id)))

    async def _finish(self, flow_of: Callable[[OpenJobs], Flow[T]], store: Store | None = None) -> T:
        async with self._cancelling() as jobs:
            return await self._run(flow_of(jobs), store, jobs)

    @asynccontextmanager
    async def _cancelling(self) -> AsyncGenerator[OpenJobs, None]:
        jobs = OpenJobs()
        try:
            yield jobs
        finally:
            if jobs:
                await asyncio.shield(self._run(operations.cancel_open(self._session, jobs)))

    async def _run(self, flow: Flow[T], store: Store | None = None, jobs: OpenJobs | None = None) -> T:
        results: list[T] = []
        async with aclosing(self._drive(flow, results, store, jobs)) as chunks:
            async for _ in chunks:
                continue
        return results[0]

    async def _drive(
        self, flow: Flow[T], results: list[T], store: Store | None = None, jobs: OpenJobs | None = None
    ) -> AsyncGenerator[Chunk, None]:
        """Carry out a flow's effects; yield its chunks, append its result to `results`."""
        done: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        running: dict[asyncio.Task[Any], bool] = {}  # whether the task submits a job
        reply: Any = None
        try:
            while True:
                try:
                    effect = flow.send(reply)
                except StopIteration as end:
                    results.append(end.value)
                    return
                reply = None
                match effect:
                    case Chunk():
                        yield effect
                    case Send() | Wait():
                        reply = await asyncio.shield(
                            self._begin(self._perform(effect, jobs), effect, running)
                        )
                    case Begin():
                        self._begin(self._put_result(effect, done, jobs), effect.effect, running)
                    case NextDone():
                        reply = await done.get()
                    case LoadPart() if store:
                        reply = await asyncio.to_thread(store.get, effect.name)
                    case StorePart() if store:
                        await asyncio.to_thread(store.put, effect.name, effect.data)
        finally:
            await leave(running)

    def _begin(
        self, work: Coroutine[Any, Any, T], effect: Send | Wait, running: dict[asyncio.Task[Any], bool]
    ) -> asyncio.Task[T]:
        """Carry out an effect in a task of its own."""
        task = asyncio.create_task(work)
        running[task] = isinstance(effect, Send) and effect.operation == "run"
        task.add_done_callback(lambda ended: running.pop(ended, None))
        return task

    async def _put_result(
        self, begin: Begin, done: "asyncio.Queue[tuple[int, Any]]", jobs: OpenJobs | None
    ) -> None:
        done.put_nowait((begin.tag, await self._perform(begin.effect, jobs)))

    async def _perform(self, effect: Send | Wait, jobs: OpenJobs | None) -> HttpAnswer | NoAnswer | float:
        if isinstance(effect, Wait):
            if effect.seconds > 0:
                await self._sleep(effect.seconds)
            return time.monotonic()
        began = time.monotonic()
        try:
            response = await self._http.request(effect.method, effect.path, content=effect.body)
        except httpx.HTTPError as error:
            return no_answer_of(error, time.monotonic(), self._http.base_url)
        answer = answer_of(response, began, time.monotonic())
        if jobs is not None:
            jobs.note(effect, answer)
        return answer


async def leave(running: Mapping[asyncio.Task[Any], bool]) -> None:
    """Cancel running tasks, but wait for submissions: the ids of their jobs are needed to cancel those."""
    tasks = dict(running)
    for task, submits in tasks.items():
        if not submits:
            task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=LEAVE_SECONDS)


class AsyncJob:
    """One job of a client. Methods raise what the client's methods of the same name raise."""

    def __init__(self, client: AsyncClient, job_id: str) -> None:
        self.id = job_id
        self._client = client

    def __repr__(self) -> str:
        return f"AsyncJob({self.id!r})"

    async def status(self) -> dict[str, Any]:
        """Return RunPod's reply about the job, with `status`, `output`, `delayTime` and others."""
        return await self._client.status(self.id)

    async def cancel(self) -> None:
        """Cancel the job; a job that has ended stays as it is."""
        await self._client.cancel(self.id)

    def stream(self) -> AsyncGenerator[Chunk, None]:
        """Yield its audio as `AsyncClient.receive` does."""
        return self._client.receive(self.id)

    async def result(self) -> Speech:
        """Wait until it is completed; return its speech."""
        return await self._client.result(self.id)
