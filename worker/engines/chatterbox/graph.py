"""What only a GPU has: steps recorded once and replayed as one launch, and work beside other work."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

__all__ = ["Aside", "record_graph"]

WARM_UPS = 3  # before recording, so that libraries allocate what they keep
SPARE = 1 << 30  # bytes that must be free: the step's own values, and what S3Gen needs beside it


def record_graph(step: Callable[[], None]) -> Callable[[], None]:
    """Return what replays the step on the GPU.

    Raises:
        RuntimeError: There is too little memory, or the step does what cannot be recorded.
    """
    free, _ = torch.cuda.mem_get_info()
    if free < SPARE:
        raise torch.OutOfMemoryError(f"{free} bytes are free, recording wants {SPARE}")
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's own lack
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()  # type: ignore[no-untyped-call]  # likewise
    # Of this thread alone: others may ask for memory meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        step()
    replay: Callable[[], None] = graph.replay
    return replay


class Aside:
    """A stream for what is done beside the default stream's work.

    Neither waits for the other. So what is done inside may only read what was finished before, or made
    inside; and what it makes comes to the host before others read it.
    """

    def __init__(self) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's own lack

    def __call__(self) -> AbstractContextManager[object]:
        """Return what puts all that is launched inside on the stream."""
        return torch.cuda.stream(self._stream)
