"""Carries out the core's effects with httpx and threads."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import httpx

from chatterpod import operations
from chatterpod.config import Config
from chatterpod.driving import answer_of, http_options, no_answer_of
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
from chatterpod.operations import OpenJobs
from chatterpod.protocol import Chunk
from chatterpod.store import Store

__all__ = ["JobDriver"]

T = TypeVar("T")
LEAVE_SECONDS = 5.0  # to wait for submissions under way, so that their jobs can be cancelled


class JobDriver:
    """A driver for one endpoint with a queue; used from one thread at a time."""

    def __init__(
        self,
        config: Config,
        session: Session,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
    ) -> None:
        self._session = session
        self._sleep = sleep
        self._http = httpx.Client(**http_options(config), transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def finish(self, flow_of: Callable[[OpenJobs], Flow[T]], store: Store | None = None) -> T:
        """Carry out a flow and return its result; cancel its jobs if it raises."""
        with self.cancelling() as jobs:
            return self.run(flow_of(jobs), store, jobs)

    @contextmanager
    def cancelling(self) -> Iterator[OpenJobs]:
        """Yield a list for jobs; cancel those that are left in it."""
        jobs = OpenJobs()
        try:
            yield jobs
        finally:
            if jobs:
                self.run(operations.cancel_open(self._session, jobs))

    def run(self, flow: Flow[T], store: Store | None = None, jobs: OpenJobs | None = None) -> T:
        """Carry out a flow and return its result."""
        with closing(self.drive(flow, store, jobs)) as driver:
            while True:
                try:
                    next(driver)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]  # the generator's own type says it

    def drive(
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
