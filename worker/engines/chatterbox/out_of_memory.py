"""Lack of memory: what counts as one, and how long to wait before what failed for it is tried again."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from worker.errors import StartError

__all__ = ["Patience", "lacks_memory", "memory_needed", "one_line", "uniform"]

# In the errors of torch that have no class of their own: the CPU's allocator, CUDA's runtime, and the
# libraries beside it (CUBLAS_STATUS_ALLOC_FAILED, CUDNN_STATUS_ALLOC_FAILED, CUFFT_ALLOC_FAILED and, since
# cuDNN 9, CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED).
SIGNS = ("allocate memory", "out of memory", "alloc_failed", "allocation_failed")
NAMES = {"cpu": "machine", "cuda": "GPU"}
LONGEST_LINE = 160  # characters of an error that are logged


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error says that memory was lacking, of the host or of the device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


@contextmanager
def uniform() -> Iterator[None]:
    """Raise every lack of memory as torch.OutOfMemoryError, and other errors as they are."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, torch.OutOfMemoryError) or not lacks_memory(error):
            raise
        raise torch.OutOfMemoryError(str(error)) from error


@contextmanager
def memory_needed(place: torch.device, what: str, remedy: str = "use a larger machine") -> Iterator[None]:
    """Turn a lack of memory into one line that says what did not fit.

    Raises:
        StartError: Memory was lacking.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        raise StartError(f"not enough memory on the {NAMES[place.type]} for {what}: {remedy}") from error


def one_line(error: BaseException) -> str:
    """Return an error's kind and the beginning of its message."""
    message = " ".join(str(error).split())[:LONGEST_LINE]
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


class Patience:
    """When to try again what failed for lack of memory: ever later, up to a bound.

    Counted in occasions to try, since engines know no clock.
    """

    def __init__(self, first: int, most: int) -> None:
        """Try on every occasion; after a failure on the `first` one from then, later up to the `most`-th."""
        self._first = self._next = first
        self._most = most
        self._left = 0

    def failed(self) -> None:
        """Note a failure; after the next one the wait is twice as long."""
        self._left = self._next
        self._next = min(2 * self._next, self._most)

    def succeeded(self) -> None:
        """Note a success: all is as at first."""
        self._left, self._next = 0, self._first

    def is_over(self) -> bool:
        """Count an occasion; return whether to try on it."""
        self._left -= self._left > 0
        return not self._left
