"""What only a GPU has: steps captured once and replayed as one launch, and a second stream."""

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import torch

__all__ = ["CudaGraphs", "SideStream"]

WARM_UPS = 3  # before recording, so that libraries allocate what they keep
SPARE = 1 << 30  # bytes that must be free: the step's own values, and what S3Gen needs beside it


class CudaGraphs:
    """Captures steps, each as one launch; they share memory, since they are replayed one after the other."""

    def __init__(self, cuda: Any = torch.cuda) -> None:
        """Capture with `cuda`, which is `torch.cuda` but in tests."""
        self._cuda = cuda
        # Of a higher priority than S3Gen's, whose wide kernels might delay a step's small ones.
        self._stream = cuda.Stream(priority=-1)
        self._pool = cuda.graph_pool_handle()

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        """Return what replays the step on the GPU.

        Raises:
            RuntimeError: There is too little memory, or the step does what cannot be captured.
        """
        cuda = self._cuda
        self._check_room()
        usual = cuda.current_stream()
        self._stream.wait_stream(usual)
        with cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                step()
            cuda.synchronize()
            graph = self._captured(step)
        usual.wait_stream(self._stream)
        replay: Callable[[], None] = graph.replay
        return replay

    def _check_room(self) -> None:
        """Check that memory is free, having freed what torch keeps for later if need be."""
        if self._cuda.mem_get_info()[0] >= SPARE:
            return
        gc.collect()
        self._cuda.empty_cache()
        free, _ = self._cuda.mem_get_info()
        if free < SPARE:
            raise torch.OutOfMemoryError(f"{free} bytes are free, capturing a graph takes {SPARE}")

    def _captured(self, step: Callable[[], None]) -> Any:
        """Capture a step on the current stream; return its graph.

        `torch.cuda.graph` would collect garbage and give all spare memory back before each capture: every
        speech would wait for that, and again until as much memory is allocated anew. Here it is done only if
        memory is lacking. Nor may a collection begin by itself: what it frees is not part of the capture.
        """
        graph = self._cuda.CUDAGraph()
        with no_collection():
            # Of this thread alone: others may ask for memory meanwhile.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                step()
            except BaseException:
                with suppress(RuntimeError):  # the capture is broken, and the step's own error says why
                    graph.capture_end()
                raise
            graph.capture_end()
        return graph


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep Python from collecting garbage by itself in the `with` body."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class SideStream:
    """A stream whose work overlaps with the default stream's.

    Neither waits for the other. So what is launched in the `with` body may only read what was finished
    before, or made in it; and its results come to the host before others read them.
    """

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's own lack
        self._stream.wait_stream(torch.cuda.current_stream())  # for the weights

    def __call__(self) -> AbstractContextManager[object]:
        """Return a context manager that launches on this stream."""
        return torch.cuda.stream(self._stream)
