"""Captured decode steps: made one by one, tried again later if memory was lacking, counted."""

import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

from worker.engines.chatterbox.out_of_memory import Patience, lacks_memory, one_line

__all__ = ["GraphCapture", "Recordings", "Step", "StepShape"]

log = logging.getLogger("worker")
FIRST_RETRY, LATEST_RETRY = 32, 2048  # occasions; a busy worker has about ten in a second of speech
Step = Callable[[], None]


class GraphCapture(Protocol):
    """What makes a step cheaper to repeat: on a GPU, a CUDA graph."""

    def __call__(self, step: Step) -> Step:
        """Return what does the step again, having done it any number of times.

        Raises:
            RuntimeError: It cannot be captured; the step itself still can be done.
        """


class StepShape(NamedTuple):
    """What a step attends to."""

    slots: int  # from the first on
    context: int  # positions of each, from the first on


class Recordings:
    """The captured steps, by shape, of the `wanted` shapes.

    After a lack of memory recording is tried again, ever later; after any other failure never.
    """

    def __init__(self, capture: GraphCapture | None, wanted: list[StepShape]) -> None:
        self._capture = capture
        self._wanted = wanted
        self._recorded: dict[StepShape, Step] = {}
        self._patience = Patience(FIRST_RETRY, LATEST_RETRY)
        self._failures = 0
        self._last_failure = ""
        self._has_given_up = False

    def get(self, shape: StepShape) -> Step | None:
        """Return what replays a step of this shape, None if it is not recorded."""
        return self._recorded.get(shape)

    def next(self) -> StepShape | None:
        """Return a shape to record now, if there is one: the first that is missing."""
        return next((shape for shape in self._wanted if self.lacks(shape)), None)

    def lacks(self, shape: StepShape) -> bool:
        """Return whether a shape could still be recorded."""
        return self._capture is not None and not self._has_given_up and shape not in self._recorded

    def is_due(self, shape: StepShape) -> bool:
        """Count an occasion to record a shape; return whether to: it lacks, and no memory did lately."""
        return self.lacks(shape) and self._patience.is_over()

    def record(self, shape: StepShape, step: Step) -> bool:
        """Record a shape that is due; return whether that was done."""
        assert self._capture is not None, "nothing to record with"  # noqa: S101 - our own fault alone
        try:
            self._recorded[shape] = self._capture(step)
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            self._failed(error)
            return False
        self._patience.succeeded()
        if self.next() is None:
            log.info("recorded %d of %d shapes of the decode step", len(self._recorded), len(self._wanted))
        return True

    def status(self) -> dict[str, int | str]:
        """Return what operators may read."""
        return {
            "recording": "off" if self._capture is None else "given up" if self._has_given_up else "on",
            "shapes_recorded": len(self._recorded),
            "shapes": len(self._wanted),
            "recording_failures": self._failures,
            "last_recording_failure": self._last_failure,
        }

    def _failed(self, error: RuntimeError) -> None:
        is_lack = lacks_memory(error)
        if not (is_lack and self._failures):
            log.warning(
                "recorded %d of %d shapes of the decode step, then recording failed (%s): other "
                "shapes go step by step, and recording is %s",
                len(self._recorded),
                len(self._wanted),
                one_line(error),
                "tried again later" if is_lack else "not tried again",
            )
        self._failures += 1
        self._last_failure = one_line(error)
        self._has_given_up = not is_lack
        self._patience.failed()
