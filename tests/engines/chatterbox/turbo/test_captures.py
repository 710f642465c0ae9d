"""What becomes of recordings that fail: said once, tried again where memory was lacking, counted."""

import logging
from collections.abc import Callable

import pytest
import torch

from worker.engines.chatterbox.turbo.captures import (
    FIRST_RETRY,
    LATEST_RETRY,
    GraphCapture,
    Recordings,
    StepShape,
)

SHAPES = [StepShape(slots, reach) for slots in (1, 2, 4) for reach in (512, 256)]
LACK = torch.OutOfMemoryError("5 bytes are free\nand more are wanted")
BROKEN = RuntimeError("operation not permitted when stream is capturing")


class Failing:
    """A recorder that fails as it is told to, then records."""

    def __init__(self, *failures: RuntimeError) -> None:
        self.asked = 0
        self.failures = list(failures)

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return step


def occasions(recordings: Recordings, count: int, shape: StepShape = SHAPES[0]) -> None:
    """Give so many occasions to record a shape, as decoding does."""
    for _ in range(count):
        if recordings.is_due(shape):
            recordings.record(shape, lambda: None)


def made(recorder: GraphCapture | None) -> Recordings:
    return Recordings(recorder, SHAPES)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_all_shapes_are_recorded_in_order_and_that_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recordings, order = made(Failing()), []
    while (shape := recordings.next()) is not None:
        order.append(shape)
        occasions(recordings, 1, shape)
    assert order == SHAPES
    assert caplog.messages == ["recorded 6 of 6 shapes of the decode step"]
    assert recordings.status() == {
        "recording": "on",
        "shapes_recorded": 6,
        "shapes": 6,
        "recording_failures": 0,
        "last_recording_failure": "",
    }


def test_what_cannot_be_recorded_is_said_once_and_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Failing(BROKEN, BROKEN)
    recordings = made(recorder)
    occasions(recordings, 3 * LATEST_RETRY)
    assert recorder.asked == 1
    assert recordings.next() is None
    [line] = warnings(caplog)
    assert line.startswith("recorded 0 of 6 shapes of the decode step, then recording failed (RuntimeError: ")
    assert str(BROKEN) in line
    assert line.endswith("recording is not tried again")
    assert recordings.status() == {
        "recording": "given up",
        "shapes_recorded": 0,
        "shapes": 6,
        "recording_failures": 1,
        "last_recording_failure": f"RuntimeError: {BROKEN}",
    }


@pytest.mark.parametrize("lack", [LACK, RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling")])
def test_after_a_lack_of_memory_it_is_tried_again_ever_more_seldom_and_said_once(
    lack: RuntimeError, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Failing(lack, lack)
    recordings = made(recorder)
    asked = []
    for _ in range(4 * FIRST_RETRY):
        occasions(recordings, 1)
        asked.append(recorder.asked)
    assert asked == [1] * FIRST_RETRY + [2] * 2 * FIRST_RETRY + [3] * FIRST_RETRY
    assert recordings.get(SHAPES[0]) is not None
    [line] = warnings(caplog)
    assert line.endswith("recording is tried again later")
    status = recordings.status()
    assert (status["recording"], status["shapes_recorded"], status["recording_failures"]) == ("on", 1, 2)
    assert "\n" not in str(status["last_recording_failure"])


def test_a_card_that_never_has_memory_is_asked_seldom_for_ever() -> None:
    recorder = Failing(*[LACK] * 1_000)
    occasions(made(recorder), 100_000)
    assert 100_000 // LATEST_RETRY <= recorder.asked <= 100_000 // LATEST_RETRY + 7


def test_another_failure_after_a_lack_of_memory_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    recordings = made(Failing(LACK, BROKEN))
    occasions(recordings, 2 * FIRST_RETRY)
    assert [line.rpartition(" is ")[2] for line in warnings(caplog)] == [
        "tried again later",
        "not tried again",
    ]


def test_without_a_recorder_nothing_is_recorded_and_the_status_says_off() -> None:
    recordings = made(None)
    occasions(recordings, 3)
    assert recordings.next() is None
    assert recordings.get(SHAPES[0]) is None
    assert recordings.status()["recording"] == "off"
