"""CUDA graphs: a step recorded once and replayed as one launch."""

from collections.abc import Callable

import torch

__all__ = ["record_graph"]

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
    with torch.cuda.graph(graph):
        step()
    replay: Callable[[], None] = graph.replay
    return replay
