"""The endpoint behind a queue of jobs: each speech is jobs, and so is each operation."""

import base64
from collections.abc import Mapping
from typing import Any

from chatterpod import ChatterpodError

from gateway.background import BackgroundTasks
from gateway.context import Context
from gateway.metrics import Metrics
from gateway.queue_speech import JobQueue, QueueSpeech, Submissions, log_and_translate
from gateway.read_ahead import ReadAhead

__all__ = ["QueueEndpoint"]


class QueueEndpoint:
    """An `Endpoint`, as `gateway.endpoint` describes it, before a queue."""

    def __init__(self, queue: JobQueue, metrics: Metrics, background: BackgroundTasks) -> None:
        self._queue = queue
        self._metrics = metrics
        self._background = background
        self._submissions = Submissions()
        self._ahead = ReadAhead()

    def speech(self, context: Context) -> QueueSpeech:
        """Return the speech of a context, which the caller has to stop."""
        return QueueSpeech(
            context, self._queue, self._metrics, self._background, self._submissions, self._ahead
        )

    async def warm(self) -> None:
        """Run a job that speaks nothing."""
        await self._operate("warm")

    async def voices(self) -> list[str]:
        """Return the names of the worker's voices."""
        return [str(name) for name in (await self._operate("voices")).get("voices", ())]

    async def add_voice(self, name: str, clip: bytes) -> Mapping[str, Any]:
        """Learn a voice from the file of a recording; return its `name`, `seconds` and `replaced`."""
        return await self._operate("voice_add", name=name, clip_base64=base64.b64encode(clip).decode())

    async def remove_voice(self, name: str) -> None:
        """Remove a voice that was added."""
        await self._operate("voice_remove", name=name)

    def figures(self) -> Mapping[str, float]:
        """Return nothing: the workers are elsewhere."""
        return {}

    async def close(self) -> None:
        """Close the connections."""
        await self._queue.close()

    async def _operate(self, op: str, **fields: str) -> Mapping[str, Any]:
        """Run one of the worker's operations; return its record. Cancelling the call cancels the job.

        Raises:
            GatewayError: It failed.
        """
        try:
            return await self._queue.operate(op, **fields)
        except ChatterpodError as error:
            raise log_and_translate(error) from error
