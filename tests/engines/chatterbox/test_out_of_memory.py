"""What counts as a lack of memory, and how often what failed for want of it is tried again."""

import pytest
import torch

from worker.engines.chatterbox.out_of_memory import Patience, lacks_memory, one_line, uniform

ENFORCED = (
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
)
LACKS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    MemoryError(),
    RuntimeError(f"{ENFORCED} to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"),
]
OTHERS = [
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("CUDA error: no kernel image is available for execution on the device"),
    RuntimeError("CUDA error: operation not permitted when stream is capturing"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("shape '[2, 3]' is invalid for input of size 5"),
    ValueError("out of memory"),
]


@pytest.mark.parametrize("error", LACKS, ids=one_line)
def test_every_lack_of_memory_becomes_the_same_error(error: Exception) -> None:
    assert lacks_memory(error)
    with pytest.raises(torch.OutOfMemoryError) as caught, uniform():
        raise error
    assert str(error) in str(caught.value)


@pytest.mark.parametrize("error", OTHERS, ids=one_line)
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    assert not lacks_memory(error)
    with pytest.raises(type(error)) as caught, uniform():
        raise error
    assert caught.value is error


def test_the_cpus_own_lack_of_memory_is_one() -> None:
    with pytest.raises(torch.OutOfMemoryError, match="allocate memory"), uniform():
        torch.empty(2**50, dtype=torch.uint8)


def test_an_error_is_logged_as_one_line_of_bounded_length() -> None:
    assert one_line(RuntimeError("no\n  more")) == "RuntimeError: no more"
    assert one_line(MemoryError()) == "MemoryError"
    assert len(one_line(RuntimeError("x" * 10_000))) == len("RuntimeError: ") + 160


def tries(patience: Patience, occasions: int) -> list[int]:
    """Return the occasions on which was tried, each try failing."""
    tried = []
    for occasion in range(occasions):
        if patience.is_over():
            tried.append(occasion)
            patience.failed()
    return tried


def test_what_fails_again_and_again_is_tried_ever_more_seldom_up_to_a_bound() -> None:
    patience = Patience(2, 8)
    assert tries(patience, 40) == [0, 2, 6, 14, 22, 30, 38]
    patience.succeeded()
    assert tries(patience, 7) == [0, 2, 6]
