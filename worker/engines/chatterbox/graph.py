"""What only a GPU has: steps recorded once and replayed as one launch, and work beside other work."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

__all__ = ["Aside", "Graphs"]

WARM_UPS = 3  # before recording, so that libraries allocate what they keep
SPARE = 1 << 30  # bytes that must be free: the step's own values, and what S3Gen needs beside it


class Graphs:
    """Records steps, each as one launch; they share memory, since they are replayed one after the other."""

    def __init__(self) -> None:
        # To go before S3Gen's, whose wide kernels might keep a step's small ones waiting.
        self._stream = torch.cuda.Stream(priority=-1)  # type: ignore[no-untyped-call]  # torch's own lack
        self._pool = torch.cuda.graph_pool_handle()  # type: ignore[no-untyped-call]  # likewise

    def __call__(self, step: Callable[[], None]) -> Callable[[], None]:
        """Return what replays the step on the GPU.

        Raises:
            RuntimeError: There is too little memory, or the step does what cannot be recorded.
        """
        free, _ = torch.cuda.mem_get_info()
        if free < SPARE:
            raise torch.OutOfMemoryError(f"{free} bytes are free, recording wants {SPARE}")
        usual = torch.cuda.current_stream()
        self._stream.wait_stream(usual)
        try:
            graph = self._record(step)
        finally:  # a failed capture leaves its stream the thread's own
            torch.cuda.set_stream(usual)
        usual.wait_stream(self._stream)
        replay: Callable[[], None] = graph.replay
        return replay

    def _record(self, step: Callable[[], None]) -> torch.cuda.CUDAGraph:
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UPS):
                step()
        graph = torch.cuda.CUDAGraph()  # type: ignore[no-untyped-call]  # likewise
        # Of this thread alone: others may ask for memory meanwhile.
        place = {"pool": self._pool, "stream": self._stream}
        with torch.cuda.graph(graph, capture_error_mode="thread_local", **place):
            step()
        return graph


class Aside:
    """A stream for what is done beside the default stream's work.

    Neither waits for the other. So what is done inside may only read what was finished before, or made
    inside; and what it makes comes to the host before others read it.
    """

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's own lack
        self._stream.wait_stream(torch.cuda.current_stream())  # for the weights

    def __call__(self) -> AbstractContextManager[object]:
        """Return what puts all that is launched inside on the stream."""
        return torch.cuda.stream(self._stream)
