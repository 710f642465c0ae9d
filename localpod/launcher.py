"""Worker processes: started when there is work, stopped when there has been none for a while."""

import asyncio
import logging
import os
import secrets
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from localpod.pod import WORK, Pod, PodWorker
from localpod.settings import worker_environment

__all__ = ["Launcher"]

TICK_S = 0.1
FAULT_TICK_S = 0.01  # while a fault waits for its moment
REPLIES_LEAVE_S = 0.05  # between the answers to a worker's open polls and its SIGTERM
GRACE_S = 5.0  # from SIGTERM to SIGKILL
START_LIMIT_S = 420.0  # as on RunPod: seven minutes from start to the first poll
FAILURES = 3  # quick ones in a row, after which the queued jobs are failed
BACK_OFF_S = 0.5  # after the first failure; doubles

log = logging.getLogger("localpod")


class Launcher:
    """Keeps as many workers as the queue needs, none if it needs none."""

    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._processes: dict[str, Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[str] = set()  # workers that were told to end
        self._failures = 0
        self._not_before = 0.0

    async def run(self) -> None:
        """Look after the workers until the pod closes."""
        while not self._pod.closing:
            self._pod.tick()
            await self._step()
            await self._pod.bells.wait(WORK, FAULT_TICK_S if self._pod.faults.timed else TICK_S)

    async def close(self) -> None:
        """Stop all workers; return when their processes are gone."""
        self._pod.close()
        await asyncio.gather(*(self._stop(self._pod.workers[worker]) for worker in list(self._processes)))
        await asyncio.gather(*self._tasks)

    async def _step(self) -> None:
        if self._needs_worker():
            await self._start()
        for worker_id, process in self._processes.items():
            worker, doom = self._pod.workers[worker_id], self._pod.doomed.pop(worker_id, None)
            if doom == "kill":
                log.info("worker %s: killed, as was wanted", worker_id)
                _kill_group(process)
            elif worker_id not in self._leaving and (doom or self._is_over(worker)):
                self._leave(worker)
                self._keep(self._stop(worker))

    def _needs_worker(self) -> bool:
        pod, now = self._pod, self._pod.clock()
        if not pod.queue.waiting or now < self._not_before or len(self._processes) >= pod.options.workers:
            return False
        if not self._processes:
            return True
        starting = any(not pod.workers[worker].ready for worker in self._processes)
        return not starting and now - pod.queue.waiting[0].queued_at >= pod.options.queue_delay_s

    def _is_over(self, worker: PodWorker) -> bool:
        now = self._pod.clock()
        if not worker.ready:
            return now - worker.born_at >= START_LIMIT_S
        return not self._pod.queue.waiting and now - worker.busy_at >= self._pod.options.idle_timeout_s

    async def _start(self) -> None:
        worker = self._pod.worker(secrets.token_hex(7))
        command = self._pod.options.command
        try:
            # A session of its own makes the worker the head of a process group: a killed worker leaves
            # its ping process behind, which only the group reaches. Its output goes to our standard
            # error: our standard output may be a pipe whose reader wants the first line alone.
            process = await asyncio.create_subprocess_exec(
                *command,
                env=worker_environment(self._pod.options, worker.id),
                stdin=DEVNULL,
                stdout=2,
                start_new_session=True,
            )
        except OSError as error:
            log.error("cannot start %s: %s", command[0], error)  # noqa: TRY400  (no traceback for a typo)
            self._pod.lose(worker.id)
            self._failed(127)
            return
        worker.pid = process.pid
        self._processes[worker.id] = process
        log.info("worker %s: started, pid %d", worker.id, process.pid)
        self._keep(self._watch(worker, process, await _guard(process.pid)))
        if self._pod.closing:
            await self._stop(worker)  # `close` had not seen it yet

    async def _watch(self, worker: PodWorker, process: Process, guard: Process) -> None:
        """Wait for the process to end, however that comes about, and draw the conclusions."""
        code = await process.wait()
        _kill_group(process)
        await guard.communicate(b"\n")
        log.info("worker %s: exited with code %d", worker.id, code)
        del self._processes[worker.id]
        self._pod.lose(worker.id)
        if worker.taken:
            self._failures = 0
        elif worker.id not in self._leaving or not worker.ready:
            self._failed(code)
        self._leaving.discard(worker.id)

    async def _stop(self, worker: PodWorker) -> None:
        """End the worker: no more jobs, its polls answered, then SIGTERM, and SIGKILL to what is left."""
        process = self._processes[worker.id]
        self._leave(worker)
        if worker.stopping:
            await asyncio.sleep(REPLIES_LEAVE_S)
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        except TimeoutError:
            log.warning("worker %s: still there %g s after SIGTERM, killing it", worker.id, GRACE_S)
            _kill_group(process)

    def _leave(self, worker: PodWorker) -> None:
        self._leaving.add(worker.id)
        # Rude: its polls stay open, and jobs go to it, while its SIGTERM is under way and after.
        worker.stopping = self._pod.closing or not self._pod.faults.setting("rude")
        self._pod.bells.ring(WORK)

    def _failed(self, code: int) -> None:
        """Note a worker that ended before it took a job; after a few of them nobody waits any longer."""
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

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _guard(group: int) -> Process:
    """Start a shell that kills the process group if we end without having written it a line.

    Were we killed, the SDK would ask a closed port for jobs without a pause for ever after.
    """
    script = 'read -r line || kill -9 -"$0"'
    return await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        script,
        str(group),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )


def _kill_group(process: Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
