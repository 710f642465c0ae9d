"""Starts and stops workers as the requests need them, and asks each how it is."""

import asyncio
import logging
import secrets
import socket
from collections.abc import Coroutine
from typing import Any

import httpx

from localpod.balancer.balancer import NEED, Balancer
from localpod.balancer.pool import BalancedWorker, WorkerHealth
from localpod.processes import GRACE_S, WorkerProcess
from localpod.settings import balanced_environment, ping_path

__all__ = ["Keeper"]

TICK_S = 0.05
FIRST_PINGS_S = 0.05  # between pings, until the worker is ready
PING_TIMEOUT_S = 2.0
FAILURES = 3  # of workers in a row to start, after which the requests that wait are refused
BACK_OFF_S = 0.5  # after the first failure; doubles with each

log = logging.getLogger("localpod")


class Keeper:
    """Keeps as many workers as the requests need; the balancer's launcher."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._processes: dict[str, WorkerProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._http = httpx.AsyncClient(timeout=PING_TIMEOUT_S, trust_env=False)
        self._failures = 0
        self._not_before = 0.0

    async def run(self) -> None:
        """Start and stop workers until the balancer closes."""
        balancer = self._balancer
        while not balancer.closing:
            if balancer.clock() >= self._not_before:
                for worker_id in balancer.pool.missing():
                    await self._start(worker_id)
            now = balancer.clock()
            for worker in balancer.pool.surplus(now, balancer.options.idle_timeout_s):
                self._begin_end(worker)
            for worker in list(balancer.pool.workers.values()):
                if worker.silent_s(now) >= balancer.options.silent_s:
                    self._begin_end(worker)
            await balancer.changes.wait(NEED, TICK_S)

    async def close(self) -> None:
        """Stop all workers; return when their processes are gone."""
        self._balancer.close()
        await asyncio.gather(*(process.stop(GRACE_S) for process in list(self._processes.values())))
        await asyncio.gather(*self._tasks)
        await self._http.aclose()

    async def _start(self, resumed: str) -> None:
        balancer, port = self._balancer, free_port()
        worker_id, command = resumed or secrets.token_hex(7), balancer.options.command
        balancer.pool.resuming.discard(resumed)
        worker = BalancedWorker(worker_id, port, balancer.clock())
        try:
            process = await WorkerProcess.start(worker_id, command, balanced_environment(worker_id, port))
        except OSError as error:
            log.error("cannot start %s: %s", command[0], error)  # noqa: TRY400  (no traceback for a typo)
            self._failed(127)
            return
        worker.pid = process.pid
        self._processes[worker_id] = process
        balancer.pool.workers[worker_id] = worker
        balancer.pool.scaled_away.discard(worker_id)
        self._start_task(self._watch(worker, process))
        if balancer.closing:
            await process.stop(GRACE_S)  # it began after `close` had listed the workers

    async def _watch(self, worker: BalancedWorker, process: WorkerProcess) -> None:
        """Ping the worker until its process has ended; count a failed start."""
        pinging = asyncio.create_task(self._ping(worker))
        code = await process.ended()
        pinging.cancel()
        pool = self._balancer.pool
        del self._processes[worker.id]
        del pool.workers[worker.id]
        if worker.health is WorkerHealth.STOPPING:
            pool.scaled_away.add(worker.id)
        elif worker.has_been_ready:
            self._failures = 0
        else:
            self._failed(code)
        self._balancer.wake()

    async def _ping(self, worker: BalancedWorker) -> None:
        url = f"http://127.0.0.1:{worker.port}{ping_path()}"
        while True:
            try:
                status: int | None = (await self._http.get(url)).status_code
            except httpx.HTTPError:
                status = None
            before = worker.health
            worker.pinged(status, self._balancer.clock())
            if worker.health is not before:
                log.info("worker %s: %s", worker.id, worker.health)
                self._balancer.wake()
            ready = worker.health is WorkerHealth.READY
            await asyncio.sleep(self._balancer.options.ping_every_s if ready else FIRST_PINGS_S)

    def _begin_end(self, worker: BalancedWorker) -> None:
        """Have the worker finish what it does and end; it gets no more requests."""
        if worker.health is not WorkerHealth.STOPPING:
            log.info("worker %s: stopped with %d requests in flight", worker.id, worker.in_flight)
            worker.health = WorkerHealth.STOPPING
            self._balancer.wake()
            self._start_task(self._processes[worker.id].stop(self._balancer.options.request_s))

    def _failed(self, code: int) -> None:
        """Count a worker that ended before it was ready; after `FAILURES` refuse what waits."""
        if self._balancer.closing:
            return
        self._failures += 1
        message = f"worker exited with code {code} before it was ready"
        log.warning("%s (%d of %d)", message, self._failures, FAILURES)
        if self._failures >= FAILURES:
            self._failures = 0
            self._balancer.give_up(message)
        else:
            self._not_before = self._balancer.clock() + BACK_OFF_S * 2 ** (self._failures - 1)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
