"""Worker processes: started when jobs wait, stopped after a while without any."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from typing import Any

from localpod.pod import WORK, Pod, PodWorker
from localpod.processes import WorkerProcess
from localpod.settings import worker_environment

__all__ = ["Launcher"]

TICK_S = 0.1
FAULT_TICK_S = 0.01  # while a fault depends on how long a job has run
REPLIES_LEAVE_S = 0.05  # between the answers to a worker's open polls and its SIGTERM
START_LIMIT_S = 420.0  # as on RunPod: seven minutes from start to the first poll
FAILURES = 3  # of workers in a row to start, after which the queued jobs fail
FROZEN_S = 5.0  # after which a worker that a signal has stopped is lost
BACK_OFF_S = 0.5  # after the first failure; doubles with each

log = logging.getLogger("localpod")


class Launcher:
    """Keeps as many workers as the queue needs."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._processes: dict[str, WorkerProcess] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: set[str] = set()  # ids of workers that are being stopped
        self._frozen: dict[str, float] = {}  # since when workers are, by id
        self._failures = 0
        self._not_before = 0.0

    async def run(self) -> None:
        """Start and stop workers until the pod closes."""
        while not self._pod.closing:
            self._pod.tick()
            await self._step()
            await self._pod.changes.wait(WORK, FAULT_TICK_S if self._pod.faults.timed else TICK_S)

    async def close(self) -> None:
        """Stop all workers; return when their processes are gone."""
        self._pod.close()
        await asyncio.gather(*(self._stop(self._pod.workers[worker]) for worker in list(self._processes)))
        await asyncio.gather(*self._tasks)

    async def _step(self) -> None:
        if self._needs_worker():
            await self._start()
        for worker_id, process in self._processes.items():
            worker, kill = self._pod.workers[worker_id], self._pod.pending_kills.pop(worker_id, None)
            if kill == "kill":
                log.info("worker %s: killed by a fault", worker_id)
                process.kill()
            elif self._frozen_for(worker_id) >= FROZEN_S:
                log.warning("worker %s: stopped by a signal for %g s, killing it", worker_id, FROZEN_S)
                process.kill()
            elif worker_id not in self._ending and (kill or self._is_surplus(worker)):
                self._begin_end(worker)
                self._start_task(self._stop(worker))

    def _needs_worker(self) -> bool:
        pod, now = self._pod, self._pod.clock()
        if not pod.queue.waiting or now < self._not_before or len(self._processes) >= pod.options.workers:
            return False
        if not self._processes:
            return True
        starting = any(not pod.workers[worker].ready for worker in self._processes)
        return not starting and now - pod.queue.waiting[0].queued_at >= pod.options.queue_delay_s

    def _frozen_for(self, worker_id: str) -> float:
        """Return for how many seconds a worker has been stopped by a signal, as far as was seen."""
        if not self._processes[worker_id].is_frozen:
            self._frozen.pop(worker_id, None)
            return 0.0
        now = self._pod.clock()
        return now - self._frozen.setdefault(worker_id, now)

    def _is_surplus(self, worker: PodWorker) -> bool:
        now = self._pod.clock()
        if not worker.ready:
            return now - worker.born_at >= START_LIMIT_S
        return not self._pod.queue.waiting and now - worker.busy_at >= self._pod.options.idle_timeout_s

    async def _start(self) -> None:
        worker = self._pod.worker(secrets.token_hex(7))
        command = self._pod.options.command
        try:
            process = await WorkerProcess.start(
                worker.id, command, worker_environment(self._pod.options, worker.id)
            )
        except OSError as error:
            log.error("cannot start %s: %s", command[0], error)  # noqa: TRY400  (no traceback for a typo)
            self._pod.lose(worker.id)
            self._failed(127)
            return
        worker.pid = process.pid
        self._processes[worker.id] = process
        self._start_task(self._watch(worker, process))
        if self._pod.closing:
            await self._stop(worker)  # it began after `close` had listed the workers

    async def _watch(self, worker: PodWorker, process: WorkerProcess) -> None:
        """Wait until the process has ended; queue its jobs again, and count a failed start."""
        code = await process.ended()
        del self._processes[worker.id]
        self._frozen.pop(worker.id, None)
        self._pod.lose(worker.id)
        if worker.taken:
            self._failures = 0
        elif worker.id not in self._ending or not worker.ready:
            self._failed(code)
        self._ending.discard(worker.id)

    async def _stop(self, worker: PodWorker) -> None:
        """Stop the worker: no more jobs, its polls answered, then its process ended."""
        process = self._processes[worker.id]
        self._begin_end(worker)
        if worker.stopping:
            await asyncio.sleep(REPLIES_LEAVE_S)
        await process.stop()

    def _begin_end(self, worker: PodWorker) -> None:
        self._ending.add(worker.id)
        # With the fault `rude` its polls stay open, and it is handed jobs, before and after SIGTERM.
        worker.stopping = self._pod.closing or not self._pod.faults.setting("rude")
        self._pod.changes.notify(WORK)

    def _failed(self, code: int) -> None:
        """Count a worker that ended before it took a job; after `FAILURES` of them fail the queued jobs."""
        if self._pod.closing:
            return
        self._failures += 1
        message = f"worker exited with code {code} before taking a job"
        self._pod.last_failure = message
        log.warning("%s (%d of %d)", message, self._failures, FAILURES)
        if self._failures >= FAILURES:
            self._failures = 0
            self._pod.fail_waiting(message)
        else:
            self._not_before = self._pod.clock() + BACK_OFF_S * 2 ** (self._failures - 1)

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
