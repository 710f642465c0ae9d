"""Recording a step as a CUDA graph, over a stand-in for torch.cuda."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from worker.engines.chatterbox.turbo.cuda_graphs import SPARE, WARM_UPS, CudaGraphs


class Graph:
    """A graph that notes what is captured; its end fails where the capture was broken."""

    def __init__(self, device: "Device") -> None:
        self.device = device
        self.replayed = 0

    def capture_begin(self, pool: Any, capture_error_mode: str) -> None:
        assert (pool, capture_error_mode) == ("pool", "thread_local")
        assert self.device.stream_now != "usual"
        self.device.capturing = True

    def capture_end(self) -> None:
        self.device.capturing = False
        if self.device.broken:
            raise RuntimeError("operation failed due to a previous error during capture")

    def replay(self) -> None:
        self.replayed += 1


class Stream:
    """A stream that others wait for."""

    def __init__(self, priority: int = 0) -> None:
        self.priority = priority

    def wait_stream(self, _: Any) -> None:
        """Nothing is ever on its way here."""


class Device:
    """A GPU with `free` bytes; giving back what torch keeps frees `kept` more."""

    Stream = Stream

    def __init__(self, free: int, kept: int = 0) -> None:
        self.free, self.kept = free, kept
        self.emptied = 0
        self.stream_now: Any = "usual"
        self.capturing = self.broken = False

    def graph_pool_handle(self) -> str:
        return "pool"

    def mem_get_info(self) -> tuple[int, int]:
        return self.free, 2 * SPARE

    def empty_cache(self) -> None:
        self.emptied += 1
        self.free, self.kept = self.free + self.kept, 0

    def current_stream(self) -> Any:
        return Stream()

    @contextmanager
    def stream(self, stream: Any) -> Iterator[None]:
        before, self.stream_now = self.stream_now, stream
        try:
            yield
        finally:
            self.stream_now = before

    def synchronize(self) -> None:
        assert not self.capturing

    def CUDAGraph(self) -> Graph:  # noqa: N802 - torch's name
        return Graph(self)


class Collections:
    """Counts the collections of garbage, and those while a step is captured."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        self.count += phase == "start" and info["generation"] == 2


@pytest.fixture
def collections() -> Iterator[Collections]:
    counted = Collections()
    gc.callbacks.append(counted)
    yield counted
    gc.callbacks.remove(counted)


def test_recording_neither_collects_garbage_nor_gives_memory_back(collections: Collections) -> None:
    device = Device(free=SPARE)
    graphs, captured = CudaGraphs(device), []

    def step() -> None:
        if device.capturing:
            captured.append(gc.isenabled())

    for _ in range(40):
        graphs(step)
    assert captured == [False] * 40  # nor does a collection begin by itself meanwhile
    assert (device.emptied, collections.count) == (0, 0)
    assert gc.isenabled()


def test_a_step_is_warmed_up_captured_once_and_replayed_without_being_called() -> None:
    device = Device(free=SPARE)
    called: list[bool] = []
    replay = CudaGraphs(device)(lambda: called.append(device.capturing))
    assert called == [False] * WARM_UPS + [True]
    replay()
    assert len(called) == WARM_UPS + 1


def test_where_little_is_free_what_torch_keeps_is_given_back_first() -> None:
    device = Device(free=SPARE - 1, kept=1)
    CudaGraphs(device)(lambda: None)
    assert device.emptied == 1


def test_where_too_little_is_free_nothing_is_recorded() -> None:
    called: list[int] = []
    with pytest.raises(torch.OutOfMemoryError, match=f"5 bytes are free, capturing a graph takes {SPARE}"):
        CudaGraphs(Device(free=2, kept=3))(lambda: called.append(1))
    assert called == []


@pytest.mark.parametrize("broken", [False, True])
def test_a_step_that_cannot_be_captured_says_why_and_leaves_all_as_it_was(*, broken: bool) -> None:
    device = Device(free=SPARE)
    device.broken = broken

    def step() -> None:
        if device.capturing:
            raise torch.OutOfMemoryError("no more")

    with pytest.raises(torch.OutOfMemoryError, match="no more"):
        CudaGraphs(device)(step)
    assert (device.capturing, device.stream_now, gc.isenabled()) == (False, "usual", True)


def test_a_capture_that_fails_at_its_end_is_an_error() -> None:
    device = Device(free=SPARE)
    device.broken = True
    with pytest.raises(RuntimeError, match="previous error during capture"):
        CudaGraphs(device)(lambda: None)
